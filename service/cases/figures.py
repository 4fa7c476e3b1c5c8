"""How cases go, per kind: how many are open and late, how long each step takes, and how often there was nothing at all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import mean, median

from service.cases.states import ENDED, OPEN
from service.cases.store import Case

STEPS = ("assigned", "worked", "checked", "closed")  # each counted from when the state before it began


@dataclass(frozen=True)
class Figures:
    """The cases of one kind. Medians [h] over the cases that came so far; shares [1] and marks are None where there is none to count."""

    kind: str
    open: int
    overdue: int
    ended: int
    hours: dict[str, float | None]
    in_time: float | None  # of those closed: within their service level
    rated: int
    marks: float | None  # mean, 1 to 5
    false: float | None  # of those rated: there was nothing


def figures(cases: Iterable[Case], now_utc: datetime) -> list[Figures]:
    """The figures of each kind among `cases`, by name. What was cancelled is left out: it was none, or counts as another case."""
    kept = [case for case in cases if case.state != "cancelled"]
    return [_of(kind, [case for case in kept if case.kind == kind], now_utc) for kind in sorted({case.kind for case in kept})]


def _of(kind: str, cases: Sequence[Case], now_utc: datetime) -> Figures:
    rated = [event.facts for case in cases if case.state == "rated" and (event := case.newest("rate")) is not None]
    closed = [(case, event.at_utc) for case in cases if case.state in ENDED and (event := case.newest("close")) is not None]
    took = {step: [hours for case in cases if (hours := _hours(case, step)) is not None] for step in STEPS}
    return Figures(
        kind,
        open=sum(case.state in OPEN for case in cases),
        overdue=sum(case.overdue(now_utc) is not None for case in cases),
        ended=sum(case.state in ENDED for case in cases),
        hours={step: median(hours) if hours else None for step, hours in took.items()},
        in_time=mean(end <= case.found_utc + timedelta(hours=case.level.close_hours) for case, end in closed) if closed else None,
        rated=len(rated),
        marks=mean(one["marks"] for one in rated) if rated else None,
        false=mean(bool(one["false_alarm"]) for one in rated) if rated else None,
    )


def _hours(case: Case, state: str) -> float | None:
    """How long the case was in the state before, the first time that it came to this one [h]."""
    began, before = case.events[0].at_utc, case.events[0].state
    for event in case.events[1:]:
        if event.state == state:
            return (event.at_utc - began) / timedelta(hours=1)
        if event.state != before:
            began, before = event.at_utc, event.state
    return None
