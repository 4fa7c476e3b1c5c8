"""What a plan is asked and what it could be asked instead: prices and intensity from files, clock changes, what-ifs, the page of text."""

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from city.problems import PenstockError
from forecasting.weather_archive import Told
from optimisation.program import plan
from service import migrations
from service import schema as t
from service.environment import Environment
from service.plans import inputs, signals
from service.plans.ambient import temperatures
from service.plans.begin import Begin
from service.settings import LoadedCity, load
from service.store import open_store, results, weather, writing
from service.store.paths import store_paths
from tests.town import NOW, Town

TIMES = pd.date_range("2022-06-16T00:00Z", periods=8, freq="15min", unit="us")


def town_with(folder: Path, tariff: str, **files: str) -> LoadedCity:
    town = Town(folder, days=0).write()
    text = town.file.read_text(encoding="utf-8").replace("[tariff]\n", f"[tariff]\n{tariff}\n")
    town.file.write_text(text, encoding="utf-8")
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")
    return load(Environment(city=town.file, home=folder))


def test_day_ahead_prices_hold_where_the_file_has_them_and_the_bands_elsewhere(tmp_path: Path) -> None:
    file = "time_utc,import_price_per_kwh\n2022-06-16T00:00Z,0.11\n2022-06-16T00:30Z,0.22\n2022-06-16T01:00Z,0.33\n"
    city = town_with(tmp_path, 'price_file = "prices.csv"', prices=file)
    price, told = signals.import_price(city, TIMES, TIMES[0].to_pydatetime())
    assert price.tolist() == [0.11, 0.11, 0.22, 0.22, 0.33, 0.33, 0.3, 0.3]
    assert told == ["prices.csv has nothing for 2 of 8 steps from 2022-06-16 03:30 on; the bands of the tariff hold there."]
    assert signals.export_price(city, TIMES, TIMES[0].to_pydatetime())[0].tolist() == [0.1] * 8


def test_only_what_was_available_then_counts_and_a_correction_wins(tmp_path: Path) -> None:
    file = (
        "time_utc,import_price_per_kwh,export_price_per_kwh,available_utc\n2022-06-16T00:00Z,0.1,0.05,2022-06-15T11:00Z\n"
        "2022-06-16T00:00Z,0.2,0.06,2022-06-15T13:00Z\n2022-06-16T01:00Z,0.4,0.07,2022-06-15T11:00Z\n"
    )
    city = town_with(tmp_path, 'price_file = "prices.csv"', prices=file)
    early, late = (datetime.fromisoformat(f"2022-06-15T{hour}:00+00:00") for hour in (12, 14))
    assert signals.import_price(city, TIMES, early)[0].tolist() == [0.1] * 4 + [0.4] * 4
    assert signals.import_price(city, TIMES, late)[0].tolist() == [0.2] * 4 + [0.4] * 4
    assert signals.export_price(city, TIMES, late)[0].tolist() == [0.06] * 4 + [0.07] * 4


def test_hourly_intensity_comes_from_its_file_and_the_years_factor_fills_in(tmp_path: Path) -> None:
    file = "area_id,time_utc,kg_co2e_per_kwh\nCN-ZJ,2022-06-16T00:00Z,0.5\nCN-JS,2022-06-16T00:00Z,0.9\nCN-ZJ,2022-06-16T01:00Z,0.6\n"
    city = town_with(tmp_path, 'intensity_file = "grid.csv"', grid=file)
    known, told = signals.intensity(city, TIMES)
    assert known.tolist() == [0.5] * 4 + [0.6] * 4
    assert told == []
    later, told = signals.intensity(city, TIMES + pd.Timedelta("1h"))
    assert later[:4].tolist() == [0.6] * 4
    assert later[4] == pytest.approx(signals.intensity(town_with(tmp_path, ""), TIMES)[0][0])
    assert "grid.csv has nothing for 4 of 8 steps from 2022-06-16 04:00 on; the yearly factor" in told[0]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "not in the data folder"),
        ("when,import_price_per_kwh\n2022-06-16T00:00Z,1\n", "no column time_utc"),
        ("time_utc,price\n2022-06-16T00:00Z,1\n", "no column import_price_per_kwh"),
        ("time_utc,import_price_per_kwh\nyesterday,1\n", "prices.csv"),
        ("time_utc,import_price_per_kwh\n2022-06-16T00:00Z,cheap\n", "prices.csv"),
    ],
)
def test_a_price_file_that_cannot_be_read_is_told(tmp_path: Path, content: str | None, why: str) -> None:
    city = town_with(tmp_path, 'price_file = "prices.csv"', **({} if content is None else {"prices": content}))
    with pytest.raises(PenstockError, match=why):
        signals.import_price(city, TIMES, TIMES[0].to_pydatetime())


@pytest.mark.parametrize(("day", "quarters"), [(date(2022, 3, 27), 92), (date(2022, 10, 30), 100)])
def test_a_horizon_over_a_clock_change_keeps_to_the_wall_clock(tmp_path: Path, day: date, quarters: int) -> None:
    """A plan from local midnight over 192 quarters: the day has 92 or 100 of them, and the day price begins at 06:00 on both days."""
    city = town_with(tmp_path, "")
    engine = open_store(f"sqlite:///{tmp_path / 'penstock.db'}", create=True)
    migrations.upgrade(engine)
    now = pd.Timestamp(day).tz_localize("Europe/Rome").tz_convert("UTC").to_pydatetime() - timedelta(minutes=30)
    times = pd.date_range(now, periods=240, freq="15min", unit="us")
    frame = pd.concat(
        pd.DataFrame({"series_id": name, "time_utc": times, "made_at_utc": times[0], "quantity": "energy_kwh"}).assign(
            p10=kwh, p50=kwh, p90=kwh, model="literal"
        )
        for name, kwh in (("hall.energy", 5.0), ("sun.energy", 1.0))
    )
    ladder = pd.DataFrame({"series_id": ["hall.energy", "sun.energy"], "model": "literal", "reason": ""})
    with writing(engine) as connection:
        results.store_forecast(connection, day, frame, ladder, 900)
    asked = inputs.question(city, engine, day, now, "plan-x").inputs
    assert (asked.days == 0).sum() == quarters
    assert asked.steps == 192
    dear = asked.import_price_per_kwh == 0.8
    assert {time.hour for time in asked.local_times[:-1][dear]} == set(range(6, 22))
    made = plan(asked, city.settings.assets)
    assert made.status == "optimal"
    assert made.cost.energy == pytest.approx(4 * 0.8 * dear.sum() + 4 * 0.3 * (~dear).sum())


def test_sample_paths_come_on_the_plans_grid(tmp_path: Path) -> None:
    """Hourly m3 of two paths become quarters of a fourth each; a series whose paths end too early has none."""
    engine = open_store(f"sqlite:///{tmp_path / 'penstock.db'}", create=True)
    migrations.upgrade(engine)
    day, start = date(2022, 6, 16), TIMES[0].to_pydatetime()
    with writing(engine) as connection:
        store_paths(connection, day, start, {"a": 3600, "b": 3600}, {"a": np.array([[4.0, 8.0], [12.0, 16.0]]), "b": np.ones((2, 1))})
    found = inputs.sample_paths(engine, day, ["a", "b"], TIMES, timedelta(minutes=15))
    assert {name: values.tolist() for name, values in found.items()} == {"a": [[1.0] * 4 + [2.0] * 4, [3.0] * 4 + [4.0] * 4]}


def test_a_what_if_stands_beside_its_plan_and_is_none(planned: Town) -> None:
    """Twice the price is twice the energy bill; the newest plan, its values and its commands stay as they are."""
    engine = open_store(planned.database)
    before = results.last_plan(engine)
    commands = results.rows(engine, t.command)
    said = planned.penstock("plan", "what-if", "--price", "2", "--who", "ann", "--now", NOW)
    assert said.code == 0, said.all
    assert said.out.startswith("what if import price x 2: optimal")
    (row,) = results.rows(engine, t.what_if)
    bought, doubled = before.detail["cost"], row.detail["cost"]
    paid = float((results.plan_values(engine, before)["plan", "grid", "power_kw"].clip(upper=0) * 0.1 / 4).sum())  # exports
    assert doubled["energy"] - paid == pytest.approx(2 * (bought["energy"] - paid), rel=1e-3)
    assert (row.plan_id, row.who) == (before.plan_id, "ann")
    (line,) = results.rows(engine, t.audit, t.audit.c.action == "request what-if")
    assert (line.who, line.subject) == ("ann", before.plan_id)
    assert results.last_plan(engine) == before
    assert results.rows(engine, t.command) == commands
    scenarios = set(results.plan_values(engine, before).columns.get_level_values(0))
    assert scenarios == {"plan", "baseline", f"what-if {row.what_if_id}"}
    assert "what if       import price x 2: optimal, " in planned.penstock("plan", "show").out


def test_what_ifs_of_forecast_outage_and_limit_and_what_they_do_differently(planned: Town) -> None:
    words = ["--forecast", "hall=2", "--outage", "sun", "--from", "10:00", "--to", "12:00"]
    assert planned.penstock("plan", "what-if", *words, "--who", "ann", "--now", NOW).code == 0
    (row,) = results.rows(open_store(planned.database), t.what_if)
    assert row.sentence == "forecast of hall x 2 daily 10:00-12:00; outage of sun daily 10:00-12:00"
    assert [line.split(":")[0] for line in row.detail["differences"]] == ["grid", "sun", "hall"]
    said = planned.penstock("plan", "what-if", "--import-limit", "1", "--who", "ann", "--now", NOW)
    assert "no plan is possible" in said.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "no change"),
        (["--outage", "moon"], "no such asset"),
        (["--forecast", "moon=2"], "no forecast of the plan"),
        (["--forecast", "hall"], "no factor"),
        (["--price", "2", "--from", "18:00"], "one of them alone"),
        (["--price", "2", "--from", "18:00", "--to", "18:00"], "same time of day"),
        (["--price", "2", "--from", "soon", "--to", "later"], "start"),
        (["--price", "2", "--from", "2022-07-01T00:00+02:00", "--to", "2022-07-02T00:00+02:00"], "no step of the plan begins then"),
        (["--price", "2", "--plan", "plan-0"], "not in the store"),
    ],
)
def test_a_what_if_that_cannot_be_asked_is_told(planned: Town, words: list[str], why: str) -> None:
    said = planned.penstock("plan", "what-if", *words, "--who", "ann", "--now", NOW)
    assert (said.code, said.foreseen) == (1, True)
    assert why in said.err
    assert results.rows(open_store(planned.database), t.what_if) == []


def test_the_plan_as_text_before_the_first_night(town: Town) -> None:
    assert "no plan in the store" in town.penstock("plan", "show").err


def test_the_doctor_names_an_asset_without_a_meter_and_a_price_file_that_is_away(tmp_path: Path) -> None:
    battery = '[[assets]]\nid = "cellar"\nkind = "battery"\npower_kw = 10.0\nenergy_kwh = 20.0\n'
    town = Town(tmp_path / "town", days=0).changed("tariff", "[tariff]\n", '[tariff]\nprice_file = "prices.csv"\n')
    town.write()
    town.file.write_text(f"{town.file.read_text(encoding='utf-8')}\n{battery}", encoding="utf-8")
    said = town.penstock("doctor").out
    assert "FAULT plan: asset cellar: no meter tells its charge_kwh" in said
    assert "FAULT plan: file prices.csv: not in the data folder" in said


def test_the_airs_temperature_comes_from_the_weather_forecast_or_not_at_all(tmp_path: Path) -> None:
    """Hourly 10, 11, 12 ... degC from midnight on; a quarter takes the value between its neighbours. An id of no place has none."""
    town = Town(tmp_path, days=0).write()
    text = town.file.read_text(encoding="utf-8")
    town.file.write_text(f'{text}\n[[weather]]\nsource = "met"\nfolder = "met"\n', encoding="utf-8")
    city, engine = load(Environment(city=town.file, home=tmp_path)), open_store(f"sqlite:///{tmp_path / 'penstock.db'}", create=True)
    migrations.upgrade(engine)
    known = TIMES[0].to_pydatetime()
    told = Told("temperature_degc", known, known, False, known, timedelta(hours=1), np.arange(10.0, 20.0, dtype=np.float32))
    with writing(engine) as connection:
        weather.store(connection, "met", "", [told], known, stated=True)
    start = Begin(start_utc=known, known_utc=known, state={}, month_peak_kw=0.0)
    wanted = ["weather.temperature_degc", "hall.energy"]
    found = temperatures(city, engine, wanted, start, TIMES, timedelta(minutes=15))
    assert list(found) == ["weather.temperature_degc"]
    assert found["weather.temperature_degc"]["p50"].tolist() == pytest.approx([10, 10.25, 10.5, 10.75, 11, 11.25, 11.5, 11.75], abs=0.3)
    late = temperatures(city, engine, wanted, start, TIMES + pd.Timedelta("12h"), timedelta(minutes=15))
    assert late == {}


def test_a_large_city_is_planned_feeder_by_feeder_at_the_same_cost(planned: Town) -> None:
    """Hall and sun behind one line, a press behind another: the plan in parts is within the gap of the plan made as one."""
    text = planned.file.read_text(encoding="utf-8")
    hall = 'kind = "fixed_load"\nseries = ["hall.energy"]\n'
    lines = "".join(
        f'[[assets]]\nid = "{name}"\nkind = "line"\nto_balance = "{name}-side"\nrating_kw = 100.0\n' for name in ("east", "west")
    )
    sun = 'kind = "curtailable"\nseries = ["sun.energy"]\n'
    lines += '[[assets]]\nid = "press"\nkind = "interruptible"\nbalance = "west-side"\nseries = ["hall.energy"]\nmax_curtail_share = 0.5\n'
    lines += "payment_per_kwh = 0.5\nbudget_kwh_per_day = 50.0\n"
    text = text.replace(hall, f'{hall}balance = "east-side"\n').replace(sun, f'{sun}balance = "east-side"\n')
    figures = []
    for over in (2000, 1):
        planned.file.write_text(f"{text}\n{lines}\n[plan]\nrefresh_forecasts = false\ndecompose_over = {over}\n", encoding="utf-8")
        assert planned.penstock("plan", "now", "--now", NOW).code == 0
        row = results.last_plan(open_store(planned.database))
        figures.append((row.cost, row.co2_kg, len(results.plan_values(open_store(planned.database), row)["plan"].columns)))
    assert figures[1][:2] == pytest.approx(figures[0][:2], rel=2e-3)
    assert figures[1][2] == figures[0][2]
