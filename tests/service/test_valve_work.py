"""The schedule of a leak's isolation in the store: commands keep its times, hand-turned valves are tasks, a stuck valve plans anew."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from sqlalchemy import Engine

from city.problems import PenstockError
from demo.make import CITY
from service import leak_history, valve_found, valve_states
from service import schema as t
from service.environment import Environment
from service.isolating import LiveDay, isolate
from service.leakage import cutting
from service.night import Night
from service.settings import load
from service.store import results, writing
from service.store.operations import approve, approved_once, record
from service.valve_work import on_panel
from service.water import WaterCity, required

NOW = datetime(2022, 6, 16, 1, 0, tzinfo=UTC)  # 03:00 in Rome
CASE, PIPE = "leak-20220616-0300-dma-g", "229"


@pytest.fixture(scope="module")
def side() -> WaterCity:
    return required(load(Environment(city=CITY)))


@pytest.fixture(params=["sqlite"])
def engine(engine: Engine) -> Engine:
    case = {"case_id": CASE, "night": NOW.date(), "start_utc": NOW, "seen_utc": NOW, "zone_id": "dma-g", "pipe": PIPE}
    case |= {"flow_m3_per_h": 88.0, "state": "open", "sentence": "", "candidates": []}
    with writing(engine) as connection:
        connection.execute(t.leak_case.insert().values(**case))
    return engine


@pytest.fixture(scope="module")
def day(side: WaterCity) -> LiveDay:
    """One quarter-hour at base demand."""
    at = pd.DatetimeIndex([NOW])
    base = side.network.junctions.set_index("id")["base_demand_m3_per_h"]
    tanks = side.network.tanks.set_index("id")["initial_level_m"]
    return LiveDay(pd.DataFrame([base], at), pd.DataFrame([tanks], at), pd.DataFrame([{"10": 0, "335": 1}], at))


def night(side: WaterCity, engine: Engine, at: datetime = NOW) -> Night:
    return Night(side.city, engine, at.date(), at, {})


def stored(side: WaterCity, engine: Engine, day: LiveDay, pipe: str = PIPE) -> dict:
    row, commands = isolate(night(side, engine), side, CASE, pipe, 88.0, day)
    with writing(engine) as connection:
        connection.execute(t.leak_case.update().values(pipe=pipe))
        cutting.store(connection, [cutting.Cut(row, commands)])
    return row


def commands(engine: Engine, **where: str) -> list:
    wanted = [getattr(t.command.c, name) == value for name, value in where.items()]
    return list(results.rows(engine, t.command, *wanted, order=t.command.c.not_before_utc))


def test_motors_are_commanded_at_their_time_and_hands_have_tasks(side: WaterCity, engine: Engine, day: LiveDay) -> None:
    row = stored(side, engine, day)
    work = row["detail"]["schedule"]
    closing = [task for task in work["tasks"] if task["kind"] == "close"]
    assert {task["what"] for task in closing} == set(row["detail"]["valves"])
    motors = {task["what"]: datetime.fromisoformat(task["start_utc"]) for task in closing if task["who"] == "motor"}
    assert {c.point_id: c.not_before_utc for c in commands(engine)} == {f"valves.{valve}": time for valve, time in motors.items()}
    assert all(time >= NOW + timedelta(minutes=10) for time in motors.values())  # nobody approves sooner
    assert {task["who"] for task in closing} - {"motor"} <= {crew.id for crew in side.city.settings.crews}
    assert f"Pipe {PIPE} runs dry" in work["sentence"]
    assert work["water_m3"] > 0


def test_a_city_without_crews_closes_its_motors_at_once_and_says_what_is_missing(engine: Engine, day: LiveDay) -> None:
    """As the panel moves every valve and the surge is to stay below 1 m, motors are too fast, and there are no hands."""
    alone = required(load(Environment(city=CITY)))
    works = alone.water.works.model_copy(update={"surge_m": 0.1, "motor_s": 1.0})
    alone.city.settings = alone.city.settings.model_copy(update={"crews": ()})
    alone = WaterCity(alone.city, alone.water.model_copy(update={"works": works}))
    row, made = isolate(night(alone, engine), alone, CASE, PIPE, 88.0, day)
    assert "no crew can turn it within its shift" in row["detail"]["schedule"]["sentence"]
    assert {one["point_id"] for one in made} == set(on_panel(alone, row["detail"]["valves"]).values())
    assert all(one["not_before_utc"] == NOW for one in made)


def test_without_a_panel_every_valve_is_turned_by_hand(side: WaterCity, engine: Engine, day: LiveDay) -> None:
    by_hand = WaterCity(side.city, side.water.model_copy(update={"valve_panel": None}))
    row, made = isolate(night(by_hand, engine), by_hand, CASE, PIPE, 88.0, day)
    assert made == []
    assert {task["who"] for task in row["detail"]["schedule"]["tasks"]} <= {"crew-north", "crew-south"}


def test_what_is_done_of_an_isolation_is_known_from_commands_words_and_the_clock(side: WaterCity, engine: Engine, day: LiveDay) -> None:
    row = stored(side, engine, day)
    closing = sorted((x for x in row["detail"]["schedule"]["tasks"] if x["kind"] == "close"), key=lambda task: task["start_utc"])
    assert valve_found.begun(engine, side, CASE, NOW).closed == ()
    known = list(side.valves["valve"])
    valve_states.tell(engine, known, closing[0]["what"], "closed", None, "north", NOW + timedelta(minutes=15), "")
    done = valve_found.begun(engine, side, CASE, NOW + timedelta(hours=1))
    assert done.closed == (closing[0]["what"],)
    node = side.valves.set_index("valve")["node"]
    last = {task["who"]: node[task["what"]] for task in closing if task["who"] != "motor"}
    assert done.at == last


def test_a_pipe_is_cut_off_once_its_motors_were_written_and_its_crews_told_so(side: WaterCity, engine: Engine, day: LiveDay) -> None:
    """Pipe 153: v019 has a motor, v020 is turned by hand; the leak runs until the word on the second."""
    row, made = isolate(night(side, engine), side, CASE, "153", 88.0, day)
    with writing(engine) as connection:
        cutting.store(connection, [cutting.Cut(row, made)])
        connection.execute(t.command.update().values(state="written"))
        record(connection, NOW + timedelta(minutes=13), "poll", "write written", "valves.v019", "written 0 to valves.v019")
    assert {task["what"] for task in row["detail"]["schedule"]["tasks"] if task["who"] == "motor" and task["kind"] == "close"} == {"v019"}
    later = NOW + timedelta(minutes=40)
    (running,) = leak_history.ongoing(engine, side.city, later, later, later + timedelta(days=1))
    assert running.kind == "leak"
    valve_states.tell(engine, list(side.valves["valve"]), "v020", "closed", None, "north", NOW + timedelta(minutes=25), "")
    (cut,) = leak_history.ongoing(engine, side.city, later, later, later + timedelta(days=1))
    assert cut.kind == "isolation"


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch, day: LiveDay) -> None:
    """The last day as it was measured, without a field to measure it."""
    monkeypatch.setattr(cutting.readings, "hot", lambda *_: None)
    monkeypatch.setattr(cutting.demand, "of_day", lambda *_: day)


@pytest.mark.usefixtures("live")
def test_times_that_passed_without_an_approval_are_made_anew(side: WaterCity, engine: Engine, day: LiveDay) -> None:
    stored(side, engine, day)
    case = [dict(row._mapping) for row in results.rows(engine, t.leak_case)]
    for at, again in ((NOW + timedelta(minutes=9), 0), (NOW + timedelta(hours=9), 1)):
        cuts, problems = cutting.due(night(side, engine, at), side, case, at, at)
        assert (len(cuts), problems) == (again, [])
    (cut,) = cuts
    assert min(one["not_before_utc"] for one in cut.commands) >= NOW + timedelta(hours=9, minutes=10)
    with writing(engine) as connection:
        connection.execute(t.command.update().values(state="approved"))
    assert cutting.due(night(side, engine, at), side, case, at, at) == ([], [])  # what is approved keeps its times


@pytest.mark.usefixtures("live")
def test_a_valve_found_stuck_on_the_way_is_replaced_by_the_next_ring(side: WaterCity, engine: Engine, day: LiveDay) -> None:
    """An approved isolation: what was written stays written, what was not is taken back, the ring round the stuck valve is planned."""
    first = stored(side, engine, day)
    closing = [task for task in first["detail"]["schedule"]["tasks"] if task["kind"] == "close"]
    stuck, shut = closing[-1]["what"], closing[0]["what"]
    ring = first["detail"]["next_ring"][stuck]
    assert ring
    with writing(engine) as connection:
        connection.execute(t.command.update().values(state="approved"))
        connection.execute(t.command.update().where(t.command.c.point_id == f"valves.{shut}").values(state="written"))
    written = [one.command_id for one in commands(engine, state="written")]
    later, known = NOW + timedelta(minutes=25), list(side.valves["valve"])
    if f"valves.{shut}" not in side.city.points:
        valve_states.tell(engine, known, shut, "closed", None, "north", later, "")
    valve_states.tell(engine, known, stuck, "stuck", None, "north", later, "spindle broken")
    said = valve_found.replanned(engine, side, stuck, "north", later)
    (plan,) = results.rows(engine, t.isolation)
    assert plan.isolation_id != first["isolation_id"]
    assert set(ring) <= set(plan.detail["valves"])
    assert not {stuck, shut} & set(plan.detail["valves"])
    work = plan.detail["schedule"]
    assert work["closed"] == [shut]
    assert {task["what"] for task in work["tasks"] if task["kind"] == "open"} == {shut, *plan.detail["valves"]}
    assert [one.command_id for one in commands(engine, state="written")] == written
    assert commands(engine, state="approved") == []
    assert plan.isolation_id in said[0]
    assert plan.proved
    assert [line.action for line in results.rows(engine, t.audit) if line.action == "isolation replanned"]


def tell(side: WaterCity, engine: Engine, valve: str, state: str, at: datetime) -> None:
    valve_states.tell(engine, list(side.valves["valve"]), valve, state, None, "north", at, "")
    valve_found.replanned(engine, side, valve, "north", at)


@pytest.mark.usefixtures("live")
def test_a_pipe_isolated_by_hand_alone_is_cut_off_with_the_last_valve(side: WaterCity, engine: Engine, day: LiveDay) -> None:
    """Each word plans anew; the last plan has nothing left to close, and counts as shut since it was made."""
    by_hand = WaterCity(side.city, side.water.model_copy(update={"valve_panel": None}))
    valves = stored(by_hand, engine, day)["detail"]["valves"]
    for minutes, valve in enumerate(valves, 1):
        later = NOW + timedelta(minutes=20 * minutes)
        assert [one.kind for one in leak_history.ongoing(engine, side.city, later, later, later + timedelta(days=1))] == ["leak"]
        tell(by_hand, engine, valve, "closed", later)
    (plan,) = results.rows(engine, t.isolation)
    assert (plan.detail["valves"], set(plan.detail["schedule"]["closed"]), plan.proved) == ([], set(valves), True)
    (cut,) = leak_history.ongoing(engine, side.city, later, later, later + timedelta(days=1))
    assert cut.kind == "isolation"


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("state", ["stuck", "open"])
def test_a_valve_told_closed_and_then_otherwise_is_not_relied_on(side: WaterCity, engine: Engine, day: LiveDay, state: str) -> None:
    by_hand = WaterCity(side.city, side.water.model_copy(update={"valve_panel": None}))
    first = stored(by_hand, engine, day)["detail"]["valves"][0]
    tell(by_hand, engine, first, "closed", NOW + timedelta(minutes=20))
    tell(by_hand, engine, first, state, NOW + timedelta(minutes=40))
    (plan,) = results.rows(engine, t.isolation)
    assert first not in plan.detail["schedule"]["closed"]
    assert (first in plan.detail["valves"]) == (state == "open")


@pytest.mark.usefixtures("live")
def test_a_motor_that_was_written_and_stands_open_is_not_relied_on(side: WaterCity, engine: Engine, day: LiveDay) -> None:
    """The register took the value, the spindle did not turn: the crew's word counts, and what is still approved is taken back."""
    stored(side, engine, day, "153")
    with writing(engine) as connection:
        connection.execute(t.command.update().values(state="written"))
    tell(side, engine, "v019", "stuck", NOW + timedelta(minutes=40))
    (plan,) = results.rows(engine, t.isolation)
    assert "v019" not in plan.detail["schedule"]["closed"]
    assert "v019" not in plan.detail["valves"]
    assert plan.proved


@pytest.mark.usefixtures("live")
def test_valves_released_once_and_wanted_again_ask_for_a_new_approval(side: WaterCity, engine: Engine, day: LiveDay) -> None:
    """v019 approved, told stuck, then freed: the plan is the first one again, and can be approved again."""
    row = stored(side, engine, day, "153")
    assert [approve(engine, row["isolation_id"], who, NOW, "") for who in ("ada", "bob")] == [0, 1]  # many customers: two people
    tell(side, engine, "v019", "stuck", NOW + timedelta(minutes=5))
    assert [line.who for line in results.rows(engine, t.audit) if line.action == "supersede"] == ["north"]
    tell(side, engine, "v019", "open", NOW + timedelta(minutes=9))
    (plan,) = results.rows(engine, t.isolation)
    assert plan.detail["valves"] == row["detail"]["valves"]
    assert [approve(engine, plan.isolation_id, who, NOW + timedelta(minutes=10), "") for who in ("ada", "bob")] == [0, 1]


def test_a_plan_approved_while_another_was_made_stays(side: WaterCity, engine: Engine, day: LiveDay) -> None:
    row = stored(side, engine, day, "153")
    assert [approve(engine, row["isolation_id"], who, NOW, "") for who in ("ada", "bob")] == [0, 1]
    stored(side, engine, day, "153")
    assert [one.state for one in commands(engine)] == ["approved"]


def test_crews_are_sent_by_an_approval_that_is_on_record(side: WaterCity, engine: Engine, day: LiveDay) -> None:
    """Valves turned by hand alone: nothing to write, two people decide as they do over motors, crews are under way from then on."""
    by_hand = WaterCity(side.city, side.water.model_copy(update={"valve_panel": None}))
    row = stored(by_hand, engine, day)
    name, count = row["isolation_id"], len(row["detail"]["valves"])
    first = {task["who"] for task in row["detail"]["schedule"]["tasks"] if task["kind"] == "close"}
    assert "valves turn" in row["detail"]["needs_two"]
    later = NOW + timedelta(hours=1)
    assert valve_found.begun(engine, by_hand, CASE, later).at == {}
    assert approve(engine, name, "ada", NOW, "night") == 0
    assert approved_once(engine) == {name: "ada"}
    with pytest.raises(PenstockError, match="a second, different person"):
        approve(engine, name, "ADA ", NOW, "")
    assert approve(engine, name, "bob", NOW, "go") == count
    assert approve(engine, name, "eve", NOW, "") == 0  # approved before
    assert [line.action for line in results.rows(engine, t.audit, order=t.audit.c.audit_id)] == [
        "approve once",
        "approve refused",
        "approve",
    ]
    assert set(valve_found.begun(engine, by_hand, CASE, later).at) == first
    assert cutting.due(night(by_hand, engine, later), by_hand, [{"case_id": CASE, "pipe": PIPE}], None, later) == ([], [])


def test_an_isolation_that_needs_no_valve_has_nothing_to_approve(side: WaterCity, engine: Engine, day: LiveDay) -> None:
    row, _ = isolate(night(side, engine), side, CASE, PIPE, 88.0, day)
    row["detail"]["valves"] = []
    with writing(engine) as connection:
        cutting.store(connection, [cutting.Cut(row, [])])
    with pytest.raises(PenstockError, match="no commands with this id"):
        approve(engine, row["isolation_id"], "ada", NOW, "")
