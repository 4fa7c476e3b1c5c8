"""Service levels and figures, by hand-checked numbers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from service.cases.figures import figures
from service.cases.levels import CaseSettings, Level
from service.cases.listing import urgency
from service.cases.states import STATES
from service.cases.store import Case, Event

T0, HOUR = datetime(2022, 6, 15, tzinfo=UTC), timedelta(hours=1)


def case(*steps: tuple[float, str, str], number: int = 1, kind: str = "leak", priority: int = 1, **facts: Any) -> Case:
    """A case with (hours since found, step, state) after its finding; `facts` are those of the last step."""
    told = [Event(0, T0, "penstock", "found", "found", None, "", {})]
    for i, (hours, step, state) in enumerate(steps, 1):
        assert state in STATES
        told.append(Event(i, T0 + hours * HOUR, "ada", step, state, "ada", "", facts if i == len(steps) else {}))
    own = {"case_id": number, "kind": kind, "source_id": str(number), "subject": "x", "district": "", "priority": priority, "sentence": ""}
    return Case(**own, found_utc=T0, facts={}, events=tuple(told), level=CaseSettings().level(kind, priority))


WAY = ((1, "assign", "assigned"), (5, "work", "worked"), (7, "check", "checked"), (8, "close", "closed"))
SLOW = ((3, "assign", "assigned"), (9, "work", "worked"), (13, "check", "checked"), (30, "close", "closed"))


def test_figures_of_three_leak_cases_and_one_that_was_none() -> None:
    cases = [
        case(*WAY, (9, "rate", "rated"), marks=5, false_alarm=False),
        case(*SLOW, (31, "rate", "rated"), number=2, marks=2, false_alarm=True),
        case((2, "assign", "assigned"), number=3),
        case((1, "cancel", "cancelled"), number=4),
    ]
    (leak,) = figures(cases, T0 + 40 * HOUR)
    assert (leak.open, leak.overdue, leak.ended, leak.rated) == (1, 1, 2, 2)
    # median of 1, 3, 2 h to an owner; of 4 and 6 h of work; of 2 and 4 h to the check; of 1 and 17 h to the end
    assert leak.hours == {"assigned": 2.0, "worked": 5.0, "checked": 3.0, "closed": 9.0}
    assert leak.in_time == 0.5  # 8 h and 30 h against 24 h
    assert (leak.marks, leak.false) == (3.5, 0.5)


def test_what_nobody_counted_yet_is_none_and_no_zero() -> None:
    (meter,) = figures([case(kind="meter")], T0)
    assert set(meter.hours.values()) == {None}
    assert (meter.in_time, meter.marks, meter.false) == (None, None, None)
    assert figures([], T0) == []


def test_the_first_pass_counts_where_a_case_was_opened_again() -> None:
    again = case((1, "assign", "assigned"), (2, "work", "worked"), (5, "reopen", "assigned"), (20, "work", "worked"))
    (leak,) = figures([again], T0 + 21 * HOUR)
    assert leak.hours["worked"] == 1.0
    assert again.worked_by == "ada"
    assert again.since_utc == T0 + 20 * HOUR


def test_an_owner_is_due_first_then_the_end_and_nothing_once_it_is_closed() -> None:
    found, assigned, closed = case(), case(WAY[0]), case(*WAY)
    assert (found.due_utc, assigned.due_utc, closed.due_utc) == (T0 + 0.5 * HOUR, T0 + 24 * HOUR, None)
    assert found.overdue(T0 + 0.5 * HOUR) is None
    assert found.overdue(T0 + 2 * HOUR) == 1.5 * HOUR
    assert closed.overdue(T0 + 900 * HOUR) is None
    assert sorted([closed, assigned, found], key=urgency) == [found, assigned, closed]


def test_levels_of_a_kind_come_before_those_of_every_kind() -> None:
    told = CaseSettings(
        levels=(
            Level(priority=1, assign_hours=1, close_hours=10),
            Level(kind="outage", priority=1, assign_hours=0.25, close_hours=4),
        )
    )
    assert told.level("outage", 1).close_hours == 4
    assert told.level("leak", 1).close_hours == 10
    assert told.level("leak", 2).close_hours == 72
    for wrong in ({"kind": "fire", "priority": 1}, {"priority": 4}, {"priority": 1, "assign_hours": 0}):
        with pytest.raises(ValidationError):
            Level.model_validate({"assign_hours": 1, "close_hours": 1} | wrong)
