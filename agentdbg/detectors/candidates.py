"""Which traces are worth a pass: one cheap statement over all spans, so that healthy traces are not loaded."""

from __future__ import annotations

from agentdbg.model import Reader

_LIMIT_REACHED = "('length', 'max_tokens', 'max_output_tokens', 'model_length')"
_TOOL = r"""
    kind IN ('tool', 'retriever') AND (status = 'error' OR output_empty
        OR regexp_matches(output, '^["\\\s]*[\[{]') AND NOT regexp_matches(output, '[\]}]["\\\s]*$')
        OR regexp_matches(left(output, 2000),
                          '(?i)error|exception|fail|denied|refused|unavailable|time[d ]{0,2}out|traceback'
                          '|\b(success|ok)\W{1,4}false|status\w*\W{1,4}[45]\d\d\b|<(title|h1)>\s*[45]\d\d\b'))
    OR kind = 'llm' AND input LIKE '%"tool_result"%'
        AND trace_id NOT IN (SELECT trace_id FROM spans WHERE kind = 'tool' AND output IS NOT NULL)
"""
_UNTOLD = """
    kind = 'tool' AND trace_id NOT IN (
        SELECT trace_id FROM spans
        WHERE kind = 'tool' AND output IS NOT NULL OR kind = 'llm' AND input LIKE '%"tool_result"%'
    )
"""
_ANSWER = rf"""
    status = 'error' OR kind = 'llm' AND (lower(finish_reason) IN {_LIMIT_REACHED}
        OR regexp_matches(output, '"text":\s*"\s*(```\w*\\n)?[\[{{]')
            AND NOT regexp_matches(output, '[\]}}](\s|`|\\n)*"\s*[,}}]'))
"""


def with_troubled_tools(reader: Reader) -> list[str]:
    """The judged traces in which some tool failed, gave nothing, or gave something that may be an error. Sorted."""
    return reader.once(_with_troubled_tools)


def _with_troubled_tools(reader: Reader) -> list[str]:
    return _judged(reader, _TOOL)


def without_results(reader: Reader) -> list[str]:
    """The judged traces that called tools and record the result of none, neither on their spans nor in a prompt."""
    return _judged(reader, _UNTOLD)


def with_any_trouble(reader: Reader) -> list[str]:
    """The judged traces with a troubled tool, a failed span, or a model's answer that may be cut off. Sorted."""
    return _judged(reader, f"{_TOOL} OR {_ANSWER}")


def with_errors(reader: Reader) -> list[str]:
    """The judged traces that hold a failed span. Sorted."""
    return reader.once(_with_errors)


def _with_errors(reader: Reader) -> list[str]:
    return _judged(reader, "status = 'error'")


def unrecorded(reader: Reader, spans: str, payload: str) -> bool:
    """Whether there are spans of a kind (a condition in SQL), and none of them records this column."""
    ((every, told),) = reader.everywhere(f"SELECT count(*), count({payload}) FROM spans WHERE {spans}")
    return bool(every) and not told


def _judged(reader: Reader, condition: str) -> list[str]:
    found = {row[0] for row in reader.rows(f"SELECT DISTINCT trace_id FROM spans WHERE {condition} ORDER BY 1")}
    return [trace_id for trace_id in reader.trace_ids() if trace_id in found]
