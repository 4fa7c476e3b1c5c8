"""Points over time: what city.toml may say of exchanges, transformers and renames, and what the store makes of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine

from city.places import Point
from city.problems import PenstockError
from city.quality import VALID
from city.quantities import Quantity
from meters.vee.grid import on_grid
from meters.vee.usage import from_registers
from service import schema as t
from service.environment import Environment
from service.metering import histories, primary, primary_readings, unwritten_registers
from service.plans.commands import command
from service.settings import LoadedCity, load
from service.store import operations, readings, results, writing
from service.store.renames import unsettled
from tests.town import Town

EXCHANGE = """history = [
  { since = 2021-01-01T00:00:00+01:00, serial = "A1", ct = "100/5" },
  { since = 2022-06-15T10:07:00+02:00, serial = "B2", ct = "200/5", final = { energy = 1.3 }, first = { energy = 0.0 } } ], """
SLOT = datetime(2022, 6, 15, 7, 45, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def hall(folder: Path, written: str, *, billed: bool = True) -> LoadedCity:
    """The town with more said about its meter `hall`."""
    town = Town(folder, days=0)
    town = replace(town, head=town.head.replace('{ id = "hall", ', f'{{ id = "hall", {" ".join(written.split())} '))
    town = (town if billed else town.without("accounts")).write()
    return load(Environment(city=town.file, home=folder))


def frame(point: str, quantity: Quantity, values: list[float]) -> pd.DataFrame:
    times = pd.date_range(SLOT, periods=len(values), freq="15min", unit="us")
    return pd.DataFrame(
        {"point_id": point, "time_utc": times, "quantity": str(quantity), "value": values, "quality": VALID, "received_at_utc": times}
    )


def test_an_exchange_written_in_the_city_file_counts_what_both_meters_counted(tmp_path: Path) -> None:
    made = hall(tmp_path, EXCHANGE)
    point = made.points["hall.energy"]
    shown = frame(point.id, point.quantity, [1.0, 1.25, 0.005, 0.013])  # kWh on the displays; the exchange is at 8:07 UTC
    registers, _ = on_grid(shown, [point.id], point.quantity, SLOT, SLOT + 4 * QUARTER, QUARTER)
    usage = from_registers(registers, histories=histories(made, [point]))
    # 0.25 x 20, then 0.05 x 20 + 0.005 x 40, then 0.008 x 40 [kWh]
    assert usage.block.values.tolist() == [[5_000, 1_200, 320]]
    assert usage.block.usable().all()


def test_power_and_the_board_are_in_primary_units_by_the_time_of_the_reading(tmp_path: Path) -> None:
    made = hall(tmp_path, EXCHANGE)
    point = made.points["hall.power"]
    assert primary(made, point, 5_000, SLOT) == 100.0
    assert primary(made, point, 5_000, SLOT + 2 * QUARTER) == 200.0
    both = pd.concat([frame(point.id, point.quantity, [5.0, 5.0, 5.0]), frame("sun.power", Quantity.POWER_KW, [1.0])])
    assert primary_readings(made, both)["value"].tolist() == [100.0, 100.0, 200.0, 1.0]


def test_the_serial_of_today_is_that_of_the_last_entry(tmp_path: Path) -> None:
    assert hall(tmp_path, EXCHANGE).meter["hall"].serial == "B2"


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (EXCHANGE.replace("2021-01-01", "2023-01-01"), "does not come after"),
        (EXCHANGE.replace("100/5", "0/5"), "no ratio above zero"),
        (EXCHANGE.replace("100/5", "-20"), "no ratio above zero"),
        (EXCHANGE.replace("100/5", "5/0"), "no ratio above zero"),
        (EXCHANGE.replace("+02:00", ""), "has no offset"),
        (EXCHANGE.replace("first = { energy", "first = { enrgy"), "no register that counts"),
        (EXCHANGE + 'serial = "C3",', "last entry"),
        (EXCHANGE.replace('serial = "A1"', 'serial = "A1", model = "no-such-map"'), "not found; allowed"),
        ('formerly = ["sun"],', "a meter of today"),
    ],
)
def test_a_faulty_history_is_told_with_its_path(written: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(PenstockError, match=says) as told:
        hall(tmp_path, written)
    assert "meters[0]" in str(told.value)


def test_meters_may_share_a_unit_by_their_base(tmp_path: Path) -> None:
    town = Town(tmp_path, days=0)
    town = replace(town, head=town.head.replace('id = "sun", unit = 2', 'id = "sun", unit = 1, base = 100')).write()
    assert load(Environment(city=town.file, home=tmp_path)).meter["sun"].base == 100


def test_a_meter_is_read_in_whole_parts_of_its_step(tmp_path: Path) -> None:
    assert hall(tmp_path / "a", "step_s = 3600, read_s = 900,").meter["hall"].reading_s == 900
    assert hall(tmp_path / "b", "step_s = 3600,").meter["hall"].reading_s == 3600
    with pytest.raises(PenstockError, match="no whole part of step_s 3600"):
        hall(tmp_path / "c", "step_s = 3600, read_s = 1000,")


def test_a_former_id_belongs_to_one_meter(tmp_path: Path) -> None:
    town = Town(tmp_path, days=0)
    town = replace(town, head=town.head.replace('{ id = "hall", ', '{ id = "hall", formerly = ["x"], '))
    town = replace(town, head=town.head.replace('{ id = "sun", ', '{ id = "sun", formerly = ["x"], ')).write()
    with pytest.raises(PenstockError, match="was also 'hall'"):
        load(Environment(city=town.file, home=tmp_path))


def test_an_exchange_of_a_billed_register_without_its_registers_is_warned_of(tmp_path: Path) -> None:
    (told,) = unwritten_registers(hall(tmp_path / "a", EXCHANGE.replace(", final = { energy = 1.3 }", "")))
    assert "no final register 'energy'" in str(told)
    assert list(unwritten_registers(hall(tmp_path / "b", EXCHANGE))) == []
    assert list(unwritten_registers(hall(tmp_path / "c", EXCHANGE.replace("final = { energy = 1.3 }, ", ""), billed=False))) == []


def test_new_transformers_at_the_same_meter_need_its_register_once(tmp_path: Path) -> None:
    same = EXCHANGE.replace("B2", "A1").replace(", first = { energy = 0.0 }", "")
    made = hall(tmp_path, same)
    assert list(unwritten_registers(made)) == []
    period = histories(made, [made.points["hall.energy"]])["hall.energy"][1]
    assert (period.final, period.first, period.multiplier) == (1_300, 1_300, Fraction(40))


def test_an_entry_that_changes_nothing_for_a_point_is_no_exchange(tmp_path: Path) -> None:
    made = hall(tmp_path, 'history = [{ since = 2021-01-01T00:00:00Z, serial = "A" }, { since = 2022-01-01T00:00:00Z, serial = "A" }], ')
    assert len(histories(made, [made.points["hall.energy"]])["hall.energy"]) == 1


OLD = Point(id="old.power", meter="old", quantity=Quantity.POWER_KW)
NEW = Point(id="new.power", meter="new", quantity=Quantity.POWER_KW, formerly=("old.power",))


def test_a_renamed_point_keeps_its_readings_its_holds_and_leaves_a_line_in_the_audit(engine: Engine) -> None:
    key = readings.register_points(engine, [OLD])["old.power"]
    readings.store_batch(engine, "a" * 64, frame("old.power", Quantity.POWER_KW, [7.0]), {"old.power": key})
    operations.place_hold(engine, "old.power", "ada", SLOT, "noise")
    for _ in range(2):  # the second time there is nothing left to do
        assert readings.register_points(engine, [NEW]) == {"new.power": key, "old.power": key}
    assert readings.hot(engine, ["new.power"], SLOT, SLOT + QUARTER)["value"].tolist() == [7.0]
    assert readings.keys(engine) == {"new.power": key}
    assert [row.subject for row in operations.holds(engine, SLOT)] == ["new.power"]
    assert [row.action for row in results.rows(engine, t.audit)] == ["hold", "rename"]
    assert list(unsettled(engine, [NEW])) == []


@pytest.mark.parametrize(("state", "name"), [("approved", "new.power"), ("unknown", "new.power"), ("written", "old.power")])
def test_what_is_still_to_be_done_at_a_renamed_point_is_done_there(engine: Engine, state: str, name: str) -> None:
    readings.register_points(engine, [OLD])
    with writing(engine) as connection:
        connection.execute(
            t.command.insert(), [{**command("plan-1", "old.power", "command_kw", 5.0, SLOT, SLOT + QUARTER), "state": state}]
        )
    readings.register_points(engine, [NEW])
    assert [row.point_id for row in results.rows(engine, t.command)] == [name]


def test_readings_that_still_carry_the_old_name_belong_to_the_new_one(engine: Engine) -> None:
    readings.register_points(engine, [OLD])
    key_of = readings.register_points(engine, [NEW])
    readings.store_batch(engine, "b" * 64, frame("old.power", Quantity.POWER_KW, [9.0]), key_of)
    assert readings.hot(engine, ["new.power"], SLOT, SLOT + QUARTER)["value"].tolist() == [9.0]


def test_a_rename_that_cannot_be_settled_is_told(engine: Engine) -> None:
    (unheard,) = unsettled(engine, [NEW])
    assert "nothing of 'old.power'" in str(unheard)
    readings.register_points(engine, [OLD, NEW.model_copy(update={"formerly": ()})])
    readings.register_points(engine, [NEW])
    (both,) = unsettled(engine, [NEW])
    assert "both 'old.power' and 'new.power'" in str(both)
