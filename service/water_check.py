"""What is wrong with a city's water network, in lines, CSV and JSON."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from city.problems import PenstockError, Problem
from networks.checks import check, inspect
from networks.findings import SEVERITIES, Finding, table, what_works
from service.water import WaterCity

_SHOWN = 8  # findings of a kind on the terminal; files get all


def of_file(path: Path, inflow_m3_per_h: float | None = None) -> list[Finding]:
    """Findings of an INP file. Raises `PenstockError` when it is none."""
    return inspect(path, inflow_m3_per_h=inflow_m3_per_h)[1]


def of_city(side: WaterCity, inflow_m3_per_h: float | None = None) -> list[Finding]:
    """Findings of a city's network file, and every name in city.toml and valve in its table that the network does not have."""
    from service import water_names

    found: list[Finding] = []
    path = side.city.beside / side.water.network
    try:
        found += of_file(path, inflow_m3_per_h) if path.suffix else check(side.network, inflow_m3_per_h=inflow_m3_per_h)
        lost: Sequence[Problem] = side.left_out
    except PenstockError as error:
        return [Finding("network-empty", (str(path.name),), problem.observed) for problem in error.problems]
    told = [problem for problem in water_names.problems(side) if problem not in lost]
    return found + [Finding("name-unknown", (problem.subject,), problem.observed) for problem in told]


def lines(findings: Sequence[Finding], *, every: bool = False) -> list[str]:
    """Sentences, the worst first, and what still works; of a kind with many findings the first ones unless `every`."""
    order = {name: at for at, name in enumerate(table(findings)["kind"].drop_duplicates())}
    told = []
    for kind, group in groupby(sorted(findings, key=lambda finding: order[finding.kind]), key=lambda finding: finding.kind):
        members = list(group)
        shown = members if every else members[:_SHOWN]
        told += [str(finding) for finding in shown]
        if len(members) > len(shown):
            told.append(f"... and {len(members) - len(shown)} more of {kind}")
    count = Counter(finding.meaning.severity for finding in findings)
    said = [f"{count[name]} {name}{'s' * (count[name] != 1)}" for name in SEVERITIES if count[name]]
    told.append("findings: " + (", ".join(said) or "none"))
    return told + [f"{use}: {state}" for use, state in what_works(findings).items()]


def as_json(findings: Sequence[Finding]) -> str:
    """All findings and what works, for machines."""
    rows: Iterable[dict[str, str]] = table(findings).to_dict("records")
    return json.dumps({"findings": list(rows), "works": what_works(findings)}, ensure_ascii=False, indent=1)


def failing(findings: Sequence[Finding]) -> bool:
    """Whether something is wrong: an error or a warning."""
    return any(finding.meaning.severity != "note" for finding in findings)
