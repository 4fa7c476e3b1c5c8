"""What we did ourselves is not learned: held-back energy comes back, what nobody measured is left out, leaks are no demand."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Engine

from city.frames import Block
from city.problems import PenstockError
from city.quality import VALID, usable
from city.quantities import Quantity
from service import leak_history, unmanaged
from service import schema as t
from service.environment import Environment
from service.leakage import told
from service.plans.commands import command
from service.settings import LoadedCity, load
from service.store import open_store, operations, writing
from service.store.vectors import pack_float
from tests.town import Town

QUARTER = timedelta(minutes=15)
START = datetime(2022, 6, 14, 22, tzinfo=UTC)
NIGHT = START + timedelta(hours=4)
KINDS = {"hall.energy": "load", "sun.energy": "pv", "inflow.volume": "water"}
CONTROLS = (
    '[[controls]]\nasset = "sun"\npoint = "sun.setpoint"\nquantity = "power_kw"\nheld_back_by = "curtailed_kw"\nfree_setpoint = 40.0\n'
    '[[controls]]\nasset = "works"\npoint = "hall.setpoint"\nquantity = "power_kw"\nheld_back_by = "interrupted_kw"\nfree_setpoint = 90.0\n'
)
WORKS = (
    '[[assets]]\nid = "works"\nkind = "interruptible"\nseries = ["hall.energy"]\nmax_curtail_share = 0.5\nbudget_kwh_per_day = 100.0\n'
    "payment_per_kwh = 0.4\n"
)


@pytest.fixture
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, LoadedCity]:
    town = Town(tmp_path_factory.mktemp("town") / "town", days=0).changed(
        "head", 'model = "electricity-meter"', 'model = "switchable-load"'
    )
    town = town.changed("assets", '[[assets]]\nid = "hall"\nkind = "fixed_load"\nseries = ["hall.energy"]\n', WORKS)
    town = town.changed("controls", town.parts["controls"], CONTROLS).write()
    assert town.penstock("init").code == 0
    return open_store(town.database), load(Environment(city=town.file, home=town.folder))


def planned(
    engine: Engine,
    asset: str,
    point: str,
    plan: list[float],
    baseline: list[float],
    states: list[str],
    at: datetime = NIGHT,
    name: str = "p",
) -> None:
    """A plan of quarters from `at` on with one command per quarter, each in the state it ended in."""
    with writing(engine) as connection:
        connection.execute(
            t.plan.insert().values(
                plan_id=name,
                night=at.date(),
                made_at_utc=at,
                start_utc=at,
                step_s=900,
                steps=len(plan),
                status="optimal",
                detail={},
            )
        )
        for scenario, power in (("plan", plan), ("baseline", baseline)):
            row = {"plan_id": name, "scenario": scenario, "asset_id": asset, "quantity": "power_kw", "amounts": pack_float(np.array(power))}
            connection.execute(t.plan_value.insert().values(**row))
        for i, (kw, state) in enumerate(zip(plan, states, strict=True)):
            one = command(name, point, "command_kw", kw, at + i * QUARTER, at + (i + 1) * QUARTER) | {"state": state}
            connection.execute(t.command.insert().values(**one))


def block(ids: tuple[str, ...], values: list[float], quantity: Quantity = Quantity.ENERGY_KWH, step: timedelta = QUARTER) -> Block:
    """The values from `NIGHT` on, as stored integers."""
    stored = quantity.to_int(np.tile(np.array(values), (len(ids), 1)))
    return Block(ids, NIGHT, step, quantity, stored, np.full(stored.shape, VALID, np.uint16))


def read(corrected: unmanaged.Corrected) -> list[float]:
    return [round(float(v), 3) for v in corrected.block.unit_values()[0]]


def test_without_commands_and_leaks_the_history_is_the_very_same(made: tuple[Engine, LoadedCity]) -> None:
    history = block(("hall.energy",), [5.0, 5.0])
    found = unmanaged.corrected(*made, history, KINDS)
    assert found.block is history
    assert (found.weights, found.notes) == (None, ())


def test_what_was_held_back_is_added_and_only_where_the_limit_was_what_held_it(made: tuple[Engine, LoadedCity]) -> None:
    # 40 kW are expected and 20 kW allowed: 20 kW x 1/4 h = 5 kWh are missing from a quarter that stands at its limit.
    planned(made[0], "works", "hall.setpoint", [20, 20, 20, 20, 40], [40, 40, 40, 40, 40], ["written"] * 5)
    taken = [5.0, 9.0, 2.0, 5.0, 10.0]  # at the limit; did not follow; wanted less anyway; at the limit; not asked
    found = unmanaged.corrected(*made, block(("hall.energy",), taken), KINDS)
    assert read(found) == [10.0, 9.0, 2.0, 10.0, 10.0]
    assert found.weights is not None
    assert found.weights[0].tolist() == [0.5, 1, 1, 0.5, 1]
    (note,) = found.notes
    assert (note.series_id, note.cause, note.steps, note.amount) == ("hall.energy", "demand response", 2, 10.0)
    assert note.sentence == "2 steps are corrected by +10 kWh for what works was asked to do."


def test_energy_that_was_only_put_off_is_the_same_after_the_correction(made: tuple[Engine, LoadedCity]) -> None:
    planned(made[0], "works", "hall.setpoint", [20, 20, 60, 60], [40, 40, 40, 40], ["written"] * 4)
    found = unmanaged.corrected(*made, block(("hall.energy",), [5.0, 5.0, 15.0, 15.0]), KINDS)
    assert read(found) == [10.0, 10.0, 10.0, 10.0]


def test_a_command_that_was_never_written_corrects_nothing(made: tuple[Engine, LoadedCity]) -> None:
    planned(made[0], "works", "hall.setpoint", [20, 20], [40, 40], ["proposed", "expired"])
    assert read(unmanaged.corrected(*made, block(("hall.energy",), [5.0, 5.0]), KINDS)) == [5.0, 5.0]


@pytest.mark.parametrize("state", ["unknown", "mismatch"])
def test_steps_whose_outcome_nobody_knows_are_left_out(made: tuple[Engine, LoadedCity], state: str) -> None:
    planned(made[0], "works", "hall.setpoint", [20, 40], [40, 40], [state, "written"])
    found = unmanaged.corrected(*made, block(("hall.energy",), [5.0, 10.0]), KINDS)
    assert usable(found.block.quality)[0].tolist() == [False, True]
    assert found.weights is not None
    assert found.weights[0].tolist() == [0, 1]
    assert found.notes[0].cause == "unknown outcome"


def test_curtailed_sun_is_left_out_because_nobody_measured_how_much_there_was(made: tuple[Engine, LoadedCity]) -> None:
    planned(made[0], "sun", "sun.setpoint", [10, 30], [30, 30], ["written"] * 2)
    found = unmanaged.corrected(*made, block(("sun.energy",), [2.5, 7.5]), KINDS)
    assert usable(found.block.quality)[0].tolist() == [False, True]
    assert found.notes[0].sentence == "1 steps are left out: curtailment of sun, by an amount nobody measured."


def test_an_hour_of_history_holds_the_mean_of_its_quarters(made: tuple[Engine, LoadedCity]) -> None:
    planned(made[0], "works", "hall.setpoint", [20] * 4, [40, 40, 30, 30], ["written"] * 4)
    found = unmanaged.corrected(*made, block(("hall.energy",), [20.0], step=timedelta(hours=1)), KINDS)
    assert read(found) == [35.0]  # 20 kW for half an hour and 10 kW for the other half were missing


def test_plans_that_follow_each_other_are_told_together_and_each_corrects_its_own_time(made: tuple[Engine, LoadedCity]) -> None:
    planned(made[0], "works", "hall.setpoint", [20, 20, 20, 20], [40] * 4, ["written", "written", "superseded", "superseded"])
    planned(made[0], "works", "hall.setpoint", [30, 30], [40, 40], ["written"] * 2, NIGHT + 2 * QUARTER, "q")
    found = unmanaged.corrected(*made, block(("hall.energy",), [5.0, 5.0, 7.5, 7.5, 10.0]), KINDS)
    assert read(found) == [10.0] * 5
    assert [(note.steps, note.amount) for note in found.notes] == [(4, 15.0)]
    assert found.notes[0].sentence == "4 steps of 2 plans are corrected by +15 together: demand response."


def leak(engine: Engine, case_id: str = "leak-1", start: datetime = NIGHT, flow: float = 4.0, **more: object) -> None:
    row = {"night": START.date(), "seen_utc": start, "zone_id": "old-town", "pipe": "7", "sentence": "", "candidates": []}
    with writing(engine) as connection:
        connection.execute(
            t.leak_case.insert().values(case_id=case_id, start_utc=start, flow_m3_per_h=flow, **(row | {"state": "open"} | more))
        )


def inflow(values: list[float]) -> Block:
    return block(("inflow.volume",), values, Quantity.VOLUME_M3, timedelta(hours=1))


def test_a_leak_is_no_demand_and_still_part_of_tonights_inflow(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    leak(engine, start=NIGHT + timedelta(minutes=90))
    found = unmanaged.corrected(engine, city, inflow([10.0, 12.0, 14.0]), KINDS)
    assert read(found) == [10.0, 10.0, 10.0]  # half of its 4 m3/h in the second hour, all of it in the third
    assert found.notes[0].amount == -6.0
    now = NIGHT + timedelta(hours=3)
    (event,) = leak_history.ongoing(engine, city, now, now, now + timedelta(hours=51))
    assert (event.series, event.effect, event.amount) == (("inflow.volume",), "offset", 4.0)
    assert event.reason == "leak-1, not repaired yet"


def test_a_leak_found_again_the_next_night_counts_once(made: tuple[Engine, LoadedCity]) -> None:
    leak(made[0])
    leak(made[0], "leak-2", NIGHT + timedelta(hours=1), 3.0)
    assert read(unmanaged.corrected(*made, inflow([14.0, 14.0]), KINDS)) == [10.0, 10.0]


def test_a_repaired_leak_ends_when_it_was_repaired(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    leak(engine)
    now = NIGHT + timedelta(hours=3)
    with pytest.raises(PenstockError, match="not after now"):
        told.repaired(engine, "leak-1", "ada", now, now + timedelta(hours=1), "")
    assert "repaired at" in told.repaired(engine, "leak-1", "ada", now, NIGHT + timedelta(hours=2), "new pipe")
    assert read(unmanaged.corrected(engine, city, inflow([14.0, 14.0, 10.0]), KINDS)) == [10.0, 10.0, 10.0]
    assert leak_history.ongoing(engine, city, now, now, now + timedelta(hours=51)) == []
    with pytest.raises(PenstockError, match="repaired; allowed: \\(none is open\\)"):
        told.repaired(engine, "leak-1", "ada", now, NIGHT + timedelta(hours=2), "again")


def test_a_zone_of_which_a_part_is_cut_off_teaches_nothing_and_needs_less(made: tuple[Engine, LoadedCity]) -> None:
    engine, city = made
    leak(engine)
    shut = NIGHT + timedelta(hours=2)
    with writing(engine) as connection:
        connection.execute(
            t.isolation.insert().values(
                isolation_id="isolate-1", case_id="leak-1", pipe="7", customers=9, demand_m3_per_h=2.5, proved=True, sentence="", detail={}
            )
        )
        for valve in ("v1", "v2"):
            row = command("isolate-1", f"valves.{valve}", "opening", 0.0, NIGHT, NIGHT + timedelta(days=1)) | {"state": "written"}
            connection.execute(t.command.insert().values(**row))
            operations.record(connection, shut, "poll", "write written", f"valves.{valve}", "written")
    found = unmanaged.corrected(engine, city, inflow([14.0, 14.0, 7.5]), KINDS)
    assert read(found)[:2] == [10.0, 10.0]
    assert usable(found.block.quality)[0].tolist() == [True, True, False]
    (event,) = leak_history.ongoing(engine, city, NIGHT + timedelta(hours=3), NIGHT, NIGHT + timedelta(hours=51))
    assert (event.kind, event.amount) == ("isolation", -2.5)  # the leak itself runs dry
