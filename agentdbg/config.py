"""The project's configuration: `agentdbg.toml`, or `[tool.agentdbg]` in pyproject.toml, the nearest one upward.

prices = "prices.toml"              # a price file, relative to this one

[check]
fail_on = "high"                    # or critical, medium, low, info, never

[alerts]                            # rules of `check` over all runs at hand; each acts where it is written
success_rate = 0.8                  # `agentdbg.check.alerts` says what each is about
severity = "high"                   # of what they find

[contracts]                         # what an agent hands another: a JSON Schema file, relative to this one
"extractor -> scorer" = "schemas/invoice.json"

[import.map]                        # our field = the dotted path that holds it in unusual JSON lines
agent = "meta.worker"

[detectors."loop.cycle"]            # options as `agentdbg explain loop.cycle` lists them
least_laps = 4

[[suppress]]
detector = "silent.empty"
agent = "researcher"                # without it: whichever agent
reason = "the archive is empty until spring"
expires = 2026-12-31
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from agentdbg.errors import AgentdbgError
from agentdbg.model import SEVERITIES, Severity

Threshold = Severity | Literal["never"]
THRESHOLDS: tuple[Threshold, ...] = (*SEVERITIES, *get_args(Literal["never"]))
FILE = "agentdbg.toml"
PYPROJECT = "pyproject.toml"
STORE = Path(".agentdbg", "traces.duckdb")
BASELINE = "agentdbg.baseline.json"

_TOP = ("alerts", "check", "contracts", "detectors", "import", "prices", "suppress")
_SUPPRESS = ("agent", "detector", "expires", "reason")


@dataclass(frozen=True, slots=True)
class Suppression:
    """Findings that somebody has accepted until a day. agent None: whoever it is. source: where it is written."""

    detector: str
    reason: str
    expires: date
    source: str
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """What the project has configured. `path` is None where there is no file: everything is as shipped.

    baseline: `agentdbg.baseline.json` beside that file, else the nearest one upward; None where there is none.
    detectors: detector id → option → value, unchecked, since only the detectors know their options.
    alerts: rule of `check` → its limit, its name unchecked as well. contracts: (sender, receiver), each "*" for any
    agent → the file of the schema, unread.
    """

    path: Path | None = None
    prices: Path | None = None
    baseline: Path | None = None
    fail_on: Threshold = "high"
    mapping: Mapping[str, str] = field(default_factory=dict)
    detectors: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    alerts: Mapping[str, float] = field(default_factory=dict)
    alert_severity: Severity = "high"
    contracts: Mapping[tuple[str, str], Path] = field(default_factory=dict)
    suppressions: tuple[Suppression, ...] = ()


def load(named: Path | None, start: Path) -> Config:
    """The configuration in the file `named`, else the nearest one upward from the folder `start`, else the defaults.

    Raises AgentdbgError for a file that cannot be read, is no TOML, or holds a key or a value that is not known here.
    """
    path = named or _nearest_file(start)
    if path is None:
        return Config(
            baseline=next((place / BASELINE for place in _upward(start) if (place / BASELINE).is_file()), None)
        )
    document = _toml(path)
    if path.name == PYPROJECT:
        return _parsed(path, "tool.agentdbg.", document.get("tool", {}).get("agentdbg", {}))
    return _parsed(path, "", document)


def nearest_store(start: Path) -> Path | None:
    """The nearest `.agentdbg/traces.duckdb` upward from the folder `start`, as git finds its folder."""
    return next((folder / STORE for folder in _upward(start) if (folder / STORE).is_file()), None)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint: the known word that was probably meant, or all of them."""
    every = sorted(known)
    near = difflib.get_close_matches(word, every, 1)
    return f"did you mean {near[0]}?" if near else f"there are: {', '.join(every)}"


def _upward(start: Path) -> Iterable[Path]:
    here = start.resolve()
    return (here, *here.parents)


def _nearest_file(start: Path) -> Path | None:
    for folder in _upward(start):
        if (folder / FILE).is_file():
            return folder / FILE
        if (folder / PYPROJECT).is_file() and _has_table(folder / PYPROJECT):
            return folder / PYPROJECT
    return None


def _has_table(pyproject: Path) -> bool:
    """Whether a pyproject.toml is about us at all. One that is not may be as broken as it likes."""
    try:
        return "tool.agentdbg" in pyproject.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AgentdbgError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise AgentdbgError(f"{path} is not TOML: {error}") from error


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in which file a value stands: every complaint names both."""

    path: Path
    prefix: str

    def wrong(self, key: str, expected: str, hint: str | None = None) -> AgentdbgError:
        return AgentdbgError(f"{self.path}: {self.prefix}{key} is not {expected}", hint)

    def table(self, key: str, value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong(key, "a table")
        return value

    def known(self, key: str, table: Mapping[str, object], keys: Iterable[str]) -> None:
        for name in table:
            if name not in keys:
                where = f"{self.prefix}{key}.{name}" if key else f"{self.prefix}{name}"
                raise AgentdbgError(f"{self.path}: there is no key {where}", nearest(name, keys))

    def text(self, key: str, value: object) -> str:
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "a text")
        return value


def _parsed(path: Path, prefix: str, document: dict[str, Any]) -> Config:
    place = _Place(path, prefix)
    place.known("", document, _TOP)
    check = place.table("check", document.get("check", {}))
    place.known("check", check, ("fail_on",))
    imports = place.table("import", document.get("import", {}))
    place.known("import", imports, ("map",))
    prices = document.get("prices")
    limits, severity = _alerts(place, document.get("alerts", {}))
    return Config(
        path=path,
        prices=path.parent / place.text("prices", prices) if prices is not None else None,
        baseline=path.parent / BASELINE if (path.parent / BASELINE).is_file() else None,
        fail_on=_fail_on(place, check.get("fail_on", "high")),
        mapping={
            name: place.text(f"import.map.{name}", value)
            for name, value in place.table("import.map", imports.get("map", {})).items()
        },
        alerts=limits,
        alert_severity=severity,
        contracts=_contracts(place, document.get("contracts", {})),
        detectors=_detectors(place, document.get("detectors", {})),
        suppressions=_suppressions(place, document.get("suppress", [])),
    )


def _fail_on(place: _Place, value: object) -> Threshold:
    for known in THRESHOLDS:
        if value == known:
            return known
    raise place.wrong("check.fail_on", f"one of {', '.join(THRESHOLDS)}")


def _alerts(place: _Place, value: object) -> tuple[dict[str, float], Severity]:
    limits: dict[str, float] = {}
    severity: Severity = "high"
    for name, limit in place.table("alerts", value).items():
        if name == "severity":
            severity = _severity(place, limit)
        elif isinstance(limit, bool) or not isinstance(limit, int | float) or limit < 0:
            raise place.wrong(f"alerts.{name}", "a number of 0 or more")
        else:
            limits[name] = limit
    return limits, severity


def _severity(place: _Place, value: object) -> Severity:
    for known in SEVERITIES:
        if value == known:
            return known
    raise place.wrong("alerts.severity", f"one of {', '.join(SEVERITIES)}")


def _contracts(place: _Place, value: object) -> dict[tuple[str, str], Path]:
    found: dict[tuple[str, str], Path] = {}
    for name, file in place.table("contracts", value).items():
        sender, arrow, receiver = (part.strip() for part in name.replace("→", "->").partition("->"))
        if not (sender and arrow and receiver):
            raise place.wrong(
                f'contracts."{name}"', "an edge", 'edges are quoted: "extractor -> scorer" = "schema.json"'
            )
        found[sender, receiver] = place.path.parent / place.text(f'contracts."{name}"', file)
    return found


def _detectors(place: _Place, value: object) -> dict[str, dict[str, object]]:
    tables = place.table("detectors", value)
    for name, table in tables.items():
        if "." not in name:
            inner = next(iter(table), "cycle") if isinstance(table, dict) else "cycle"
            raise place.wrong(
                f"detectors.{name}", "the id of a detector", f'ids are quoted: [detectors."{name}.{inner}"]'
            )
        place.table(f'detectors."{name}"', table)
    return tables


def _suppressions(place: _Place, value: object) -> tuple[Suppression, ...]:
    if not isinstance(value, list):
        raise place.wrong("suppress", "a list of [[suppress]] tables")
    return tuple(_suppression(place, f"suppress[{n}]", table) for n, table in enumerate(value, 1))


def _suppression(place: _Place, key: str, value: object) -> Suppression:
    table = place.table(key, value)
    place.known(key, table, _SUPPRESS)
    for needed in ("detector", "reason", "expires"):
        if needed not in table:
            raise AgentdbgError(f"{place.path}: {place.prefix}{key} has no {needed}", _WHY_NEEDED[needed])
    agent = table.get("agent")
    return Suppression(
        detector=place.text(f"{key}.detector", table["detector"]),
        reason=place.text(f"{key}.reason", table["reason"]),
        expires=_day(place, f"{key}.expires", table["expires"]),
        source=f"{place.path}: {place.prefix}{key}",
        agent=place.text(f"{key}.agent", agent) if agent is not None else None,
    )


_WHY_NEEDED = {
    "detector": 'the id of the detector that is silenced: detector = "loop.cycle"',
    "reason": "say why the finding is accepted, for whoever reads this later",
    "expires": "the last day on which it holds: expires = 2026-12-31",
}


def _day(place: _Place, key: str, value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)  # type: ignore[arg-type]  # what is no text raises TypeError
    except (TypeError, ValueError):
        raise place.wrong(key, "a day", "write it as 2026-12-31") from None
