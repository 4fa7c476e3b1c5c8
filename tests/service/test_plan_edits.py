"""An operator edits a plan: who may, within which limits, what the new plan keeps, for how long, and how far its writes are."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from city.problems import PenstockError
from service import schema as t
from service.decisions import Person
from service.environment import Environment
from service.plans import editing, edits
from service.plans.keeping import ROLLING
from service.settings import LoadedCity, load
from service.store import open_store, operations, results
from service.view.plan import commands
from service.view.writes import STAGES, writes
from service.work import serve
from tests.town import NOW, Town

OPERATOR = Person(name="ann", role="operator")
AT = datetime.fromisoformat(NOW)
NOON, TWO = (datetime.fromisoformat(f"2022-06-16T{hour}:00+02:00") for hour in (12, 14))


@pytest.fixture
def opened(planned: Town) -> tuple[LoadedCity, Engine]:
    return load(Environment(city=planned.file, home=planned.folder)), open_store(planned.database)


def test_the_new_plan_keeps_the_setpoint_in_its_span_and_says_who_and_why(planned: Town, opened: tuple[LoadedCity, Engine]) -> None:
    city, engine = opened
    before = results.last_plan(engine)
    assert before is not None
    free = results.plan_values(engine, before)["plan", "sun", "power_kw"]
    inside = (free.index >= NOON) & (free.index < TWO)
    assert free[inside].max() > 0
    number = editing.edit(engine, city, OPERATOR, before.plan_id, edits.setpoint(city, "sun", 0.0, NOON, TWO), AT, " cleaning the panels ")
    assert operations.audit(engine, 1)[0].sentence == (
        f"ann edited {before.plan_id}: sun power_kw at 0 from 2022-06-16 12:00+0200 to 2022-06-16 14:00+0200: cleaning the panels"
    )
    assert serve(Environment(city=planned.file, home=planned.folder), AT, once=True) == "done"
    (request,) = results.rows(engine, t.request, t.request.c.request_id == number)
    assert request.state == "done", request.sentence
    after = results.last_plan(engine)
    assert after is not None
    assert after.plan_id != before.plan_id
    assert not results.rows(engine, t.approval, t.approval.c.plan_id == after.plan_id)  # a proposal: nothing is approved by an edit
    power = results.plan_values(engine, after)["plan", "sun", "power_kw"]
    kept = (power.index >= NOON) & (power.index < TWO)
    assert power[kept].abs().max() == pytest.approx(0.0, abs=1e-6)
    assert power[~kept].max() > 0
    (laid,) = edits.standing(after.detail, AT)
    assert (laid.who, laid.reason, laid.change.value) == ("ann", "cleaning the panels", 0.0)
    assert edits.standing(after.detail, TWO) == ()  # over when its span is


@pytest.mark.parametrize(
    ("asset", "value", "start", "end", "why"),
    [
        ("hall", 1.0, NOON, TWO, "nothing is written to it"),
        ("sun", 1e9, NOON, TWO, "setpoint 1e\\+09"),
        ("sun", float("nan"), NOON, TWO, "setpoint nan"),
        ("sun", float("-inf"), NOON, TWO, "setpoint -inf"),
        ("sun", 0.0, TWO, NOON, "an end after the start"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    opened: tuple[LoadedCity, Engine], asset: str, value: float, start: datetime, end: datetime, why: str
) -> None:
    with pytest.raises(PenstockError, match=why):
        edits.setpoint(opened[0], asset, value, start, end)


def test_the_later_edit_counts_in_its_span_and_the_former_before_and_after_it() -> None:
    def laid(asset: str, value: float, start: int, end: int) -> edits.Edit:
        span = {"start": AT + timedelta(hours=start), "end": AT + timedelta(hours=end)}
        return edits.Edit.model_validate(
            {"change": {"kind": "setpoint", "asset": asset, "quantity": "power_kw", "value": value} | span, "who": "ann", "reason": "x"}
        )

    def told(found: tuple[edits.Edit, ...]) -> list[tuple[str, float, float, float]]:
        hours = [[(end - AT) / timedelta(hours=1) for end in one.span] for one in found]
        return [(one.change.asset, one.change.value, *span) for one, span in zip(found, hours, strict=True)]

    morning = laid("sun", 5.0, 8, 12)
    assert told(edits.joined([morning], [laid("sun", 7.0, 9, 10)])) == [
        ("sun", 5.0, 8, 9),
        ("sun", 5.0, 10, 12),
        ("sun", 7.0, 9, 10),
    ]
    assert told(edits.joined([morning], [laid("sun", 7.0, 12, 14)])) == [("sun", 5.0, 8, 12), ("sun", 7.0, 12, 14)]
    assert told(edits.joined([morning], [laid("sun", 7.0, 7, 13)])) == [("sun", 7.0, 7, 13)]
    assert told(edits.joined([morning], [laid("wind", 7.0, 7, 13)])) == [("sun", 5.0, 8, 12), ("wind", 7.0, 7, 13)]


def test_a_span_over_the_lost_hour_of_spring_is_refused_and_the_double_one_of_autumn_is_two_hours(
    opened: tuple[LoadedCity, Engine],
) -> None:
    zone = ZoneInfo("Europe/Rome")
    lost = [datetime(2022, 3, 27, 2, 30, tzinfo=zone), datetime(2022, 3, 27, 3, 0, tzinfo=zone)]  # 02:30 is 03:30: after the end
    with pytest.raises(PenstockError, match="an end after the start"):
        edits.setpoint(opened[0], "sun", 0.0, *lost)
    twice = edits.setpoint(opened[0], "sun", 0.0, *[datetime(2022, 10, 30, hour, 0, tzinfo=zone) for hour in (2, 3)])
    start, end = edits.Edit(change=twice, who="ann", reason="x").span
    assert end - start == timedelta(hours=2)


@pytest.mark.parametrize("hours", [(-4, -2), (-2, 0), (49, 50)])
def test_a_span_without_a_step_of_the_new_plan_is_refused(opened: tuple[LoadedCity, Engine], hours: tuple[int, int]) -> None:
    city, engine = opened
    plan = results.last_plan(engine)
    assert plan is not None
    start, end = (AT + timedelta(hours=hour) for hour in hours)
    with pytest.raises(PenstockError, match="a span with a step of the new plan"):
        editing.edit(engine, city, OPERATOR, plan.plan_id, edits.setpoint(city, "sun", 0.0, start, end), AT, "cleaning")
    assert not results.rows(engine, t.request)


def test_the_same_edit_is_asked_once_and_of_a_plan_that_is_there(opened: tuple[LoadedCity, Engine]) -> None:
    city, engine = opened
    plan = results.last_plan(engine)
    assert plan is not None
    change = edits.setpoint(city, "sun", 0.0, NOON, TWO)
    with pytest.raises(PenstockError, match="not in the store"):
        editing.edit(engine, city, OPERATOR, "plan-of-nobody", change, AT, "cleaning")
    editing.edit(engine, city, OPERATOR, plan.plan_id, change, AT, "cleaning")
    with pytest.raises(PenstockError, match="asked by ann already"):
        editing.edit(engine, city, Person(name="bob", role="operator"), plan.plan_id, change, AT, "cleaning too")
    assert len(results.rows(engine, t.request)) == 1


def test_edits_that_race_each_other_or_a_plan_of_the_clock_are_all_kept_until_somebody_asks_for_a_plan_without(
    planned: Town, opened: tuple[LoadedCity, Engine]
) -> None:
    city, engine = opened
    plan = results.last_plan(engine)
    assert plan is not None
    three, four = NOON + timedelta(hours=3), NOON + timedelta(hours=4)
    for name, start, end in (("ann", NOON, TWO), ("bob", three, four)):  # both look at the same plan
        change = edits.setpoint(city, "sun", 0.0, start, end)
        editing.edit(engine, city, Person(name=name, role="operator"), plan.plan_id, change, AT, "cleaning")
    operations.ask(engine, "replan", operations.WORK, AT, {"origin": ROLLING})
    environment = Environment(city=planned.file, home=planned.folder)
    assert serve(environment, AT, once=True) == "done"
    newest = results.last_plan(engine)
    assert newest is not None
    assert newest.detail["origin"] == ROLLING
    assert [one.who for one in edits.standing(newest.detail, AT)] == ["ann", "bob"]
    power = results.plan_values(engine, newest)["plan", "sun", "power_kw"]
    for start, end in ((NOON, TWO), (three, four)):
        assert power[(power.index >= start) & (power.index < end)].abs().max() == pytest.approx(0.0, abs=1e-6)
    operations.ask(engine, "replan", "ann", AT, {"plan_id": newest.plan_id})
    assert serve(environment, AT, once=True) == "done"
    without = results.last_plan(engine)
    assert without is not None
    assert edits.standing(without.detail, AT) == ()


def test_who_may_not_and_who_gives_no_reason_is_refused_and_the_first_is_audited(opened: tuple[LoadedCity, Engine]) -> None:
    city, engine = opened
    change = edits.setpoint(city, "sun", 0.0, NOON, TWO)
    with pytest.raises(PenstockError, match="eve is signed in as viewer"):
        editing.edit(engine, city, Person(name="eve", role="viewer"), "latest", change, AT, "please")
    assert operations.audit(engine, 1)[0].action == "edit-plan refused"
    with pytest.raises(PenstockError, match="pat is signed in as planner"):
        editing.edit(engine, city, Person(name="pat", role="planner"), "latest", change, AT, "cheaper")
    with pytest.raises(PenstockError, match="no reason"):
        editing.edit(engine, city, OPERATOR, "latest", change, AT, "  ")
    assert not results.rows(engine, t.request)


def test_writes_count_each_command_once_and_show_no_reading_from_before_the_write(opened: tuple[LoadedCity, Engine]) -> None:
    city, engine = opened
    plan = results.last_plan(engine)
    assert plan is not None
    known = commands(engine, plan.plan_id)
    states = ["written", "mismatch", *["approved"] * (len(known) - 2)]
    known = known.assign(state=states[: len(known)])
    found = writes(engine, city, known)
    assert found[list(STAGES)].to_numpy().sum() == len(known)
    assert found["asset"].tolist() == ["sun"]
    assert found["asked"].iloc[0] == known["setpoint"].iloc[0]
    late = known.assign(not_before_utc=pd.Timestamp(AT) + timedelta(days=400))
    assert np.isnan(writes(engine, city, late)["reads"].iloc[0])
