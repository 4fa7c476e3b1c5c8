"""Where things lie, and that somebody who is bound to a district decides there alone, except for the emergency stop."""

from types import SimpleNamespace

import pytest
from sqlalchemy import Engine

from city.problems import PenstockError
from service import decisions
from service import schema as t
from service.access.districts import districts, districts_of, districts_of_leak, districts_of_plan
from service.access.roles import NOWHERE, WHOLE_CITY, Person
from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import operations, results, writing
from tests.access.people import NOW
from tests.commands import ROOT

OLA = Person(name="ola", role="operator", districts=("east",))
ADA = Person(name="ada", role="operator")


@pytest.mark.parametrize(
    ("subject", "where"),
    [
        ("east", {"east"}),
        ("works", {"works"}),
        ("hall", {"west"}),  # a site that lies in a zone, and its meter
        ("east-1", {"east"}),
        ("east-1.volume", {"east"}),
        ("pump.setpoint", {"works"}),
        ("*", NOWHERE),
        ("", WHOLE_CITY),
        ("of another city", WHOLE_CITY),
    ],
)
def test_where_it_lies(city: LoadedCity, subject: str, where: frozenset[str]) -> None:
    assert districts_of(city, subject) == where


def test_a_city_has_its_zones_and_the_sites_outside_of_them(city: LoadedCity) -> None:
    assert districts(city) == ["east", "west", "works"]


def test_pipes_valves_and_assets_of_the_demo_city_lie_where_its_network_has_them() -> None:
    demo = load(Environment(city=ROOT / "demo" / "city.toml"))
    assert districts_of(demo, "v001") == districts_of(demo, "333")  # a valve lies where its pipe does
    assert districts_of(demo, "battery-01") == {"energy-park"}  # by the point that carries out its plan
    assert districts_of(demo, "121") >= {"dma-a"}


def command(engine: Engine, plan_id: str, *points: str) -> None:
    values = {"plan_id": plan_id, "not_before_utc": NOW, "not_after_utc": NOW.replace(hour=20), "quantity": "command_kw", "setpoint": 1.0}
    with writing(engine) as connection:
        for point in points:
            row = values | {"command_id": f"{plan_id}-{point}", "point_id": point, "state": "proposed", "sentence": ""}
            connection.execute(t.command.insert().values(row))


def called(plan_id: str, asset: str) -> dict[str, object]:
    told = {"programme": "peaks", "asset_id": asset, "plan_id": plan_id, "who": "night", "reason": "", "amounts": []}
    return told | {
        "signal": "reduce_kw",
        "state": "proposed",
        "origin": "plan",
        "start_utc": NOW,
        "made_at_utc": NOW,
        "approvals_needed": 1,
    }


def test_a_plan_lies_wherever_its_commands_reach(engine: Engine, city: LoadedCity) -> None:
    command(engine, "plan-1", "pump.setpoint", "east-1.volume")
    assert districts_of_plan(engine, city, "plan-1") == {"works", "east"}
    assert districts_of_plan(engine, city, "plan-2") == WHOLE_CITY
    with writing(engine) as connection:  # approving a plan calls its events as well
        connection.execute(t.response_event.insert().values(**called("plan-1", "hall")))
    assert districts_of_plan(engine, city, "plan-1") == {"works", "east", "west"}
    assert districts_of_leak(engine, "leak-1") == WHOLE_CITY


def test_an_asset_that_is_called_like_a_place_elsewhere_lies_in_both(env: Environment) -> None:
    named = load(env)
    pump = SimpleNamespace(asset="east", point="pump.setpoint")
    both = named.settings.model_copy(update={"controls": (pump,)})
    assert districts_of(SimpleNamespace(settings=both, points=named.points, meter=named.meter), "east") == {"east", "works"}


def test_somebody_bound_to_a_district_decides_there_and_nowhere_else(engine: Engine, city: LoadedCity) -> None:
    command(engine, "plan-east", "east-1.volume")
    command(engine, "plan-works", "pump.setpoint")
    assert decisions.approve(engine, city, OLA, "plan-east", NOW, "mine") == 1
    for attempt in (
        lambda: decisions.approve(engine, city, OLA, "plan-works", NOW, "not mine"),
        lambda: decisions.approve_all(engine, city, OLA, ["plan-east", "plan-works"], NOW, "both"),
        lambda: decisions.hold(engine, city, OLA, "pump.setpoint", NOW, "not mine"),
        lambda: decisions.release(engine, city, OLA, "pump.setpoint", NOW),
        lambda: decisions.tell_valve(engine, city, ["v1"], OLA, "v1", "stuck", None, NOW, ""),
        lambda: decisions.tell_repaired(engine, OLA, "leak-of-the-west", NOW, ""),
    ):
        with pytest.raises(PenstockError, match="ola is bound to east"):
            attempt()
    assert {row.state for row in results.rows(engine, t.command, t.command.c.plan_id == "plan-works")} == {"proposed"}
    assert decisions.approve(engine, city, ADA, "plan-works", NOW, "the whole city is mine") == 1


def test_the_emergency_stop_is_every_operators_and_released_by_who_has_the_whole_city(engine: Engine, city: LoadedCity) -> None:
    decisions.hold(engine, city, OLA, operations.STOP, NOW, "")
    assert [row.who for row in operations.holds(engine, NOW)] == ["ola"]
    with pytest.raises(PenstockError, match="somebody who has the whole city"):
        decisions.release(engine, city, OLA, operations.STOP, NOW)
    assert decisions.release(engine, city, ADA, operations.STOP, NOW) == 1
    without_a_phone = OLA.model_copy(update={"unconfirmed": ("hold",)})
    decisions.hold(engine, city, without_a_phone, operations.STOP, NOW, "")  # nobody looks for the second factor before it
    with pytest.raises(PenstockError, match="no second factor"):
        decisions.hold(engine, city, without_a_phone, "east-1.volume", NOW, "not an emergency")
    for role in ("viewer", "planner", "engineer", "admin", "household"):
        with pytest.raises(PenstockError, match=f"signed in as {role}"):
            decisions.hold(engine, city, Person(name="p", role=role), operations.STOP, NOW, "")
