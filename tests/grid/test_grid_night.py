"""The night's part: losses of a day that add up, what the forecast brings, and the commands that tell of them."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from service import schema as t
from service.grid import days, risks, view
from service.night import Night, grid
from service.store import results, writing
from tests.grid.feeder_town import KW, START, STEP, FeederTown, feeder_town, opened
from tests.town import Town

DAY = date(2026, 3, 3)


@pytest.fixture
def town(tmp_path: Path) -> FeederTown:
    made = feeder_town(tmp_path)
    for name, kw in KW.items():
        made.month(name, kw, days=1)
    return made


def forecast(town: FeederTown, low: float, middle: float, high: float) -> None:
    """Every meter at `low`, `middle`, `high` times what it read, for two days."""
    times = pd.date_range(START, periods=192, freq=STEP, unit="us")
    parts = [
        pd.DataFrame({"series_id": f"{name}.energy", "time_utc": times, "p10": kw / 4 * low, "p50": kw / 4 * middle, "p90": kw / 4 * high})
        for name, kw in KW.items()
    ]
    frame = pd.concat(parts).assign(made_at_utc=times[0], quantity="energy_kwh", model="test")
    ladder = pd.DataFrame({"series_id": [f"{name}.energy" for name in KW], "reason": "test"})
    with writing(town.engine) as connection:
        results.store_forecast(connection, DAY + timedelta(days=1), frame, ladder, 900)


def test_losses_of_a_day_add_up_and_a_second_night_changes_nothing(town):
    night = Night(town.city, town.engine, DAY + timedelta(days=1), START, {})
    for _ in range(2):
        result = grid.compute(night)
    assert result is not None
    table = view.losses(town.engine).set_index("feeder")
    assert len(table) == 13
    assert set(table["quarters"]) == {96}
    assert table.loc["feeder-04", "input_kwh"] == pytest.approx(400 * 24, rel=1e-3)
    assert table.loc["works", "input_kwh"] - table.loc["works", "loss_kwh"] == pytest.approx(650 * 24, rel=1e-6)
    assert table["billed_kwh"].isna().all()  # no feeder here has a meter at its head and at every load
    assert f"losses of {DAY} {table['loss_kwh'].sum():,.0f} kWh" in result.sentence


def test_a_day_that_is_not_known_has_no_losses(tmp_path):
    town = feeder_town(tmp_path)
    assert days.of_day(town.engine, town.side, DAY) == []
    assert "no whole day of readings" in grid.compute(Night(town.city, town.engine, DAY, START, {})).sentence


def test_tomorrow_is_told_by_its_worst_moment_where_a_limit_may_be_passed(tmp_path):
    town = feeder_town(tmp_path, extra="loading_limit = 0.7")
    forecast(town, 0.5, 1.0, 1.6)
    rows, sentence = risks.of_night(town.engine, town.side, DAY + timedelta(days=1), START)
    assert {row["kind"] for row in rows} == {"overload"}
    (row,) = [row for row in rows if row["subject"] == "S-T1"]
    assert row["p50"] == pytest.approx(1950 / 3150 / 0.95, rel=0.02)  # three feeders of 500, 800 and 650 kW
    assert row["worst"] == max(row["worst"] for row in rows)
    assert row["sentence"].startswith(f"S-T1 may carry {row['worst']:.0%} of its rating at 00:00")
    assert sentence.startswith(f"{len(rows)} limits may be passed")
    with writing(town.engine) as connection:
        connection.execute(t.run.insert().values(city="feeders", night=DAY + timedelta(days=1), command="night", now_utc=START,
                                                 started_utc=START, status="done", config_hash="", pid=1))  # fmt: skip
        connection.execute(t.grid_risk.insert(), rows and [{**row, "night": DAY + timedelta(days=1)} for row in rows])
    assert view.risks(town.engine)["subject"].tolist() == [row["subject"] for row in rows]


def test_a_quiet_forecast_passes_no_limit_and_says_so(town):
    forecast(town, 0.9, 1.0, 1.1)
    rows, sentence = risks.of_night(town.engine, town.side, DAY + timedelta(days=1), START)
    assert rows == []
    assert sentence.startswith("no limit is passed in the coming day, not even at the P90; most loaded is S-T1")


def test_the_commands_tell_of_the_grid(town):
    last = town.read(KW, 0, 12)
    at = ("--now", last.isoformat())
    command = Town(town.city.environment.folder)
    assert command.penstock("grid", "check").out == "nothing is wrong with the network\n"
    assert command.penstock("grid", "outages").out == "no outage is open\n"
    assert "the night computes those of the day before" in command.penstock("grid", "losses").out
    said = command.penstock("grid", "told", "Q10-1b", "open", "--who", "ann", "--note", "for works", *at)
    assert (said.code, said.out) == (0, "switch Q10-1b is open\n")
    shown = command.penstock("grid", "flow", *at).out
    assert "2 are dead" in shown.splitlines()[0]  # the works and the heat pumps, behind the open switch
    assert "feeder-05          500.0 kW at its head (500 kW measured)" in " ".join(shown.split("\n"))
    for wrong in (("told", "Q10-1b", "ajar", "--who", "ann"), ("propose", "nothing")):
        refused = command.penstock("grid", *wrong, *at)
        assert refused.code == 1
        assert refused.foreseen


def test_a_network_without_a_single_rating_has_a_night_as_well(tmp_path):
    folder = feeder_town(tmp_path).city.folder
    for name, column in (("line_types.csv", "rating_a"), ("transformers.csv", "rating_kva")):
        table = pd.read_csv(folder / "grid" / name)
        table[column] = np.nan if column == "rating_a" else 1e12
        table.to_csv(folder / "grid" / name, index=False)
    town = opened(folder)
    forecast(town, 0.9, 1.0, 1.1)
    rows, sentence = risks.of_night(town.engine, town.side, DAY + timedelta(days=1), START)
    assert (rows, sentence.split(";")[0]) == ([], "no limit is passed in the coming day, not even at the P90")


@pytest.mark.parametrize(("day", "quarters"), [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100)])
def test_losses_of_a_day_on_which_the_clocks_change_stand_on_the_quarter_hours_it_has(tmp_path, monkeypatch, day, quarters):
    town = feeder_town(tmp_path)
    known = {name: np.full(quarters, kw) for name, kw in KW.items()}
    monkeypatch.setattr(days, "mean_kw", lambda engine, side, start, end: known if (end - start) / STEP == quarters else {})
    table = pd.DataFrame(days.of_day(town.engine, town.side, day)).set_index("feeder")
    assert set(table["quarters"]) == {quarters}
    assert table.loc["feeder-04", "input_kwh"] == pytest.approx(400 * quarters / 4, rel=1e-3)


def test_energy_is_billed_only_where_every_meter_of_a_feeder_has_every_quarter_hour(tmp_path):
    town = feeder_town(tmp_path)
    own = [load for load, bus in town.side.network.loads[["load", "bus"]].itertuples(index=False) if bus.startswith("06-")]
    kw = {name: np.full(4, 10.0) for name in ["feeder-06", *own]}
    assert days.wholly_metered(town.side, kw, np.ones(4, dtype=bool)) == {"feeder-06"}
    kw[own[0]] = np.array([10.0, np.nan, 10.0, 10.0])
    assert days.wholly_metered(town.side, kw, np.ones(4, dtype=bool)) == set()
    assert days.wholly_metered(town.side, kw, np.array([True, False, True, True])) == {"feeder-06"}
