"""`agentdbg query`."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from agentdbg.cli.judged import judge_files
from agentdbg.cli.opening import opened
from agentdbg.cli.options import Drawing, Paths, Sources
from agentdbg.cli.output import write


def command(
    sources: Sources,
    drawing: Drawing,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One statement over the public views.")],
    paths: Paths,
) -> None:
    """Ask the traces with SQL (DuckDB's).

    `agentdbg schema` lists the views and what their columns mean. JSON is an array of row objects.

    \b
    Examples:
      agentdbg query "select agent, sum(cost_usd) from llm_calls group by 1 order by 2 desc"
      agentdbg query "select tool, count(*) from tool_calls where status = 'error' group by 1" run.jsonl
      agentdbg query "from findings" --json | jq .[].title
    """
    from agentdbg.reporters import query as pages

    with opened(paths, sources) as here:
        here.store.document()
        if re.search(r"\bfindings\b", sql, re.IGNORECASE):
            judge_files(here)  # of files nothing is judged yet, and most questions do not need it
        names, rows = here.store.reader().table(sql)
        write(
            drawing,
            {
                "text": lambda stream, look: pages.table(names, rows, stream, look),
                "json": lambda stream, look: pages.as_json(names, rows, stream),
            },
        )
