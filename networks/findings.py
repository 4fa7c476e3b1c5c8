"""What is wrong with a network or with the layers it came from, told as findings: a bad file is described, it does not end a run.

A finding names its kind, the ids it is about and what was seen; everything that is the same for all findings of a kind (how bad,
what would have been right, what to do, what stops working) stands once, in `networks.kinds`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from city.problems import Problem
from networks.kinds import KINDS, USES, Kind

COLUMNS = ["severity", "kind", "subject", "ids", "observed", "allowed", "remedy", "stops", "doubtful"]
SEVERITIES = ("error", "warning", "note")
_SHOWN = 8


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing: `kind` is a key of `KINDS`, `ids` are the elements, `observed` what was seen."""

    kind: str
    ids: tuple[str, ...]
    observed: str

    @property
    def meaning(self) -> Kind:
        return KINDS[self.kind]

    @property
    def subject(self) -> str:
        """What the sentence is about, e.g. `pipe 12, 13` (the first ids of many)."""
        shown = ", ".join(self.ids[:_SHOWN]) + (f" and {len(self.ids) - _SHOWN} more" if len(self.ids) > _SHOWN else "")
        return f"{self.meaning.of} {shown}".strip()

    @property
    def problem(self) -> Problem:
        return Problem(self.subject, self.observed, self.meaning.allowed, self.meaning.remedy)

    def __str__(self) -> str:
        return f"{self.meaning.severity} {self.kind}: {self.problem}"


def table(findings: Iterable[Finding]) -> pd.DataFrame:
    """One row per finding, the worst first, columns `COLUMNS`; ids and uses are joined by spaces."""
    rows = []
    for finding in findings:
        kind, told = finding.meaning, finding.problem
        words = told.subject, " ".join(finding.ids), told.observed, told.allowed, told.remedy
        rows.append((kind.severity, finding.kind, *words, " ".join(kind.stops), " ".join(kind.doubtful)))
    frame = pd.DataFrame(rows, columns=COLUMNS, dtype=str)
    return frame.sort_values("severity", key=lambda column: column.map(SEVERITIES.index), kind="stable", ignore_index=True)


def what_works(findings: Sequence[Finding]) -> dict[str, str]:
    """For each use of a network `works`, `doubtful` or `stopped`, with the kinds of findings that make it so.

    The leak search rests on the simulation: what stops one stops the other.
    """
    stopped: dict[str, list[str]] = {use: [] for use in USES}
    doubtful: dict[str, list[str]] = {use: [] for use in USES}
    for name in dict.fromkeys(finding.kind for finding in findings):
        kind = KINDS[name]
        for uses, told in ((kind.stops, stopped), (kind.doubtful, doubtful)):
            for use in USES:
                if use in uses or (use == "leaks" and "simulation" in uses):
                    told[use].append(name)
    return {
        use: f"stopped by {', '.join(stopped[use])}"
        if stopped[use]
        else f"doubtful: {', '.join(doubtful[use])}"
        if doubtful[use]
        else "works"
        for use in USES
    }
