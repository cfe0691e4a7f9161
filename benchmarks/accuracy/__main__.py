"""`python -m benchmarks.accuracy`: agentdbg on labelled runs, beside trivial baselines and language models."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.accuracy import table
from benchmarks.accuracy.figures import Confidences, Group, annotated, attributed, captured, outcomes

SHARED = Path(__file__).parents[3] / "shared"


def main() -> None:
    asked = _asked()
    told, groups = Confidences(), list[Group]()
    for name, found in (
        ("captures", lambda: [captured(asked.captures, told)]),
        ("failed runs", lambda: attributed(asked.data, told)),
        ("TRAIL", lambda: annotated(asked.data, told)),
        ("passing runs", lambda: [outcomes(asked.data, told)]),
    ):
        print(f"judging: {name}", file=sys.stderr, flush=True)
        groups += [group for group in found() if group is not None]
    if not groups:
        sys.exit(
            f"no labelled runs in {asked.data}, no captures in {asked.captures}: name them with --data, --captures"
        )
    date = datetime.now(UTC).date().isoformat()
    text = table.page(date, groups, told)
    print(text)
    if asked.markdown:
        asked.markdown.write_text(text + "\n", "utf-8")
    if asked.json:
        asked.json.write_text(json.dumps(_told(date, groups, told), indent=1) + "\n", "utf-8")


def _told(date: str, groups: list[Group], told: Confidences) -> dict[str, object]:
    return {
        "date": date,
        "groups": [asdict(group) for group in groups],
        "confidence": {name: asdict(tally) for name, tally in told.tallies.items()},
        "confidence by detector": {name: asdict(tally) for name, tally in sorted(told.by_detector.items())},
        "promises": table.promises(groups, told),
    }


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    data, captures = SHARED / "datasets", SHARED / "corpus"
    parser.add_argument("--data", type=Path, default=data, metavar="DIR", help="labelled runs (default: %(default)s)")
    parser.add_argument("--captures", type=Path, default=captures, metavar="DIR", help="(default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
