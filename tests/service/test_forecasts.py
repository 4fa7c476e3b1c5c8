"""Machines over several nights: trained when due, stored, judged, asked in shares, made again; one group's fault is its own."""

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sqlalchemy import select

from city.clock import civil_day, parse_utc
from city.quality import VALID
from service import schema as t
from service.environment import Environment
from service.forecasts import history, machines, shares
from service.forecasts.series import groups
from service.settings import LoadedCity, load
from service.store import forecasting as store
from service.store import meter_days, open_store, readings, results, writing
from service.store.vectors import unpack_float
from tests.town import HEAD, NOW, Town, night, prepared, problems, steps

pytestmark = pytest.mark.slow
NIGHT = date(2022, 6, 16)


def city_of(town: Town) -> LoadedCity:
    return load(Environment(city=town.file, home=town.folder))


def rows_of(town: Town, table: object = t.forecast) -> list[tuple[object, ...]]:
    with open_store(town.database).connect() as connection:
        return [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]  # type: ignore[attr-defined, call-overload]


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A town with 60 days of history after its first night; tests work on copies."""
    town = prepared(Town(tmp_path_factory.mktemp("forecasts") / "town", days=60))
    assert night(town).code == 0
    return town


def copy(town: Town, folder: Path) -> Town:
    shutil.copytree(town.folder, folder)
    return replace(town, folder=folder)


def test_every_forecast_names_a_stored_machine_what_was_known_and_what_it_was_given(after: Town) -> None:
    models = {row.model_id: row for row in store.models(open_store(after.database))}
    for row in results.rows(open_store(after.database), t.forecast):
        told = models[row.model_id]
        assert told.state == "live"
        assert row.known_at_utc == parse_utc(NOW)
        assert len(row.input_hash) == 64
        assert told.provenance["series"] == 1
        assert told.provenance["rows"] >= 60 * 24
        assert {"lightgbm", "numpy", "python", "penstock"} <= set(told.provenance["versions"])
        assert len(told.provenance["data"]) == len(told.provenance["code"]) == 64


def test_the_list_of_machines_says_what_each_learned_from_and_why_it_is_live(after: Town) -> None:
    said = after.penstock("forecast", "models", "--now", NOW)
    assert said.code == 0
    assert "energy_kwh/900/demand/boosted: 1 series, 5,760 values up to 2022-06-15 22:00 UTC" in said.out
    assert "live: over the last days its error is" in said.out


@pytest.mark.parametrize("size", [1, 2])
def test_shares_of_any_size_give_the_same_bits(after: Town, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three halls of one group, with a total, and two plants under one sky: in shares of one or two series, or all in one."""
    names = [f"hall{i}" for i in range(3)]
    line = next(line for line in HEAD.splitlines() if '"hall"' in line)
    head = HEAD.replace(
        line, "\n".join(line.replace('"hall"', f'"{name}"').replace("unit = 1", f"unit = {10 + i}") for i, name in enumerate(names))
    )
    line = next(line for line in HEAD.splitlines() if '"sun"' in line)
    head = head.replace(line, line + "\n" + line.replace('"sun"', '"roof"').replace("unit = 2", "unit = 20"))
    head += '\ntotals = [{ id = "halls", of = ["hall0.energy", "hall1.energy", "hall2.energy"] }]\n'
    parts = {"tariff": "", "imports": '[[imports]]\npath = "power.csv"\nmapping = { time = "time", quantity = "energy_kwh" }\n'}
    found = []
    for folder, most in (("all", 500), ("some", size)):
        town = Town(tmp_path / folder, head=head, parts=parts, days=40).write()
        import pandas as pd

        frame = pd.read_csv(town.folder / "power.csv")
        for i, name in enumerate(names):
            frame[f"{name}.energy"] = (frame["hall.energy"] * (1 + i) + 0.3 * i * np.sin(np.arange(len(frame)) / 17)).round(3)
        frame["roof.energy"] = (frame["sun.energy"] * np.random.default_rng(1).uniform(0.1, 0.4, len(frame))).round(3)
        frame.drop(columns="hall.energy").to_csv(town.folder / "power.csv", index=False)
        assert town.penstock("init").code == town.penstock("import").code == 0
        monkeypatch.setattr(shares, "SERIES_PER_CHUNK", most)
        night(town)
        found.append((rows_of(town), rows_of(town, t.forecast_path), rows_of(town, t.skill)))
    assert {row[1] for row in found[0][0]} == {"hall0.energy", "hall1.energy", "hall2.energy", "halls", "sun.energy", "roof.energy"}
    assert found[0] == found[1]
    assert len(found[0][1]) >= 4
    made = town.penstock("forecast", "recompute", "--night", str(NIGHT), "roof.energy")
    assert "1 of 1 forecasts are the same to the last bit" in made.out


def test_a_forecast_is_made_again_to_the_last_bit_though_a_reading_changed_since(after: Town, tmp_path: Path) -> None:
    town = copy(after, tmp_path / "town")
    city, engine = city_of(town), open_store(town.database)
    day = civil_day(NIGHT - timedelta(days=2), "Europe/Rome")
    block = meter_days.block(engine, [city.points["hall.energy"]], *day)
    edited = replace(block, values=block.values * 3, quality=np.full(block.quality.shape, VALID, np.uint16))
    key_of = readings.register_points(engine, list(city.points.values()))
    with writing(engine) as connection:
        meter_days.revise(connection, edited, [day], key_of, "ada", parse_utc("2022-06-16T09:00+02:00"), "meter was misread")
    said = town.penstock("forecast", "recompute", "--night", "2022-06-16", "--now", "2022-06-17T09:00+02:00")
    assert (said.code, said.out.splitlines()[-1]) == (0, "night of 2022-06-16: 3 of 3 forecasts are the same to the last bit")
    with writing(engine) as connection:  # the same edit, but dated back before the night: what was known then is not what was seen
        meter_days.revise(
            connection, replace(edited, values=block.values * 2), [day], key_of, "ada", parse_utc("2022-06-15T09:00+02:00"), "?"
        )
        connection.execute(t.meter_day.delete().where(t.meter_day.c.version == 2))
    said = town.penstock("forecast", "recompute", "hall.energy", "--night", "2022-06-16", "--now", "2022-06-17T09:00+02:00")
    assert said.code == 2
    assert "hall.energy: P10 of" in said.out
    assert "likely because history, weather or events known then differ" in said.out


def test_a_recompute_of_what_was_never_forecast_says_what_was(after: Town) -> None:
    said = after.penstock("forecast", "recompute", "hall.power", "--night", "2022-06-16")
    assert said.code == 1
    assert "hall.energy" in said.err
    assert after.penstock("forecast", "recompute", "--night", "yesterday").code == 1


def test_machines_answer_for_a_week_issued_forecasts_are_judged_and_then_new_ones_are_trained(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=60))
    engine = open_store(town.database)
    made = {}
    for back in range(8, -1, -1):
        at = NIGHT - timedelta(days=back)
        assert night(town, f"{at}T00:30+02:00").code == 0
        made[at] = {row.model_id for row in results.rows(engine, t.forecast, t.forecast.c.night == at)}
    first, last = NIGHT - timedelta(days=8), NIGHT
    assert made[first] == made[NIGHT - timedelta(days=2)]  # six days old
    assert not made[first] & made[NIGHT - timedelta(days=1)]  # seven
    assert made[NIGHT - timedelta(days=1)] == made[last]
    retired = store.models(engine, "retired")
    assert all("answers since 2022-06-14 22:30 UTC" in row.sentence for row in retired)
    (row,) = results.rows(engine, t.skill, t.skill.c.night == last, t.skill.c.day == 1, t.skill.c.series_id == "hall.energy")
    assert row.n == 7 * 96
    assert row.mae == pytest.approx(_issued_error(town), rel=1e-6)
    assert row.cover80 == pytest.approx(0.8, abs=0.15)
    newest = [row for row in store.models(engine, "live") if row.group_key.endswith("demand/boosted")]
    assert "that of the live one" in newest[0].sentence


def _issued_error(town: Town) -> float:
    """Mean absolute error of the first day of the hall's seven forecasts whose two days are over, by hand."""
    engine, point = open_store(town.database), city_of(town).points["hall.energy"]
    errors = []
    for back in range(8, 1, -1):
        at = NIGHT - timedelta(days=back)
        (row,) = results.rows(engine, t.forecast, t.forecast.c.night == at, t.forecast.c.series_id == point.id)
        truth = meter_days.block(engine, [point], *civil_day(at, "Europe/Rome")).unit_values()[0]
        errors.append(np.abs(truth - unpack_float(row.quantiles).reshape(3, -1)[1, :96]).mean())
    return float(np.mean(errors))


def test_a_changed_setting_is_a_reason_to_train(after: Town, tmp_path: Path) -> None:
    town = copy(after, tmp_path / "town")
    changed = replace(town, head=town.head.replace("trees = 20", "trees = 21"))
    changed.file.write_text(town.file.read_text().replace("trees = 20", "trees = 21"))
    city, rows = city_of(changed), store.models(open_store(changed.database))
    tomorrow = civil_day(NIGHT + timedelta(days=1), "Europe/Rome")[0]
    for group in groups(city):
        assert machines.due(city, rows, group, tomorrow, []) == "settings changed"
        assert machines.due(city_of(after), rows, group, tomorrow, []) == ""
        assert machines.due(city_of(after), rows, group, tomorrow, [group.key("")]) == "errors grew"
        assert machines.due(city_of(after), rows, group, tomorrow + timedelta(days=6), []) == "7 days old"
        assert machines.due(city_of(after), [], group, tomorrow, []) == "none was there"


def test_a_machine_trained_because_a_series_asked_for_it_does_not_put_off_the_others(after: Town) -> None:
    city, rows = city_of(after), store.models(open_store(after.database))
    (group,) = [group for group in groups(city) if group.kind == "demand"]
    later = civil_day(NIGHT + timedelta(days=7), "Europe/Rome")[0]
    (boosted,) = [row for row in rows if row.group_key == group.key("boosted")]
    told = {**boosted.provenance, "trained because": machines.ASKED}
    asked = SimpleNamespace(group_key=group.key("profile"), known_until_utc=later - timedelta(days=1), provenance=told)
    assert machines.due(city, [*rows, asked], group, later, []) == "7 days old"


def test_a_group_trained_again_retires_the_machines_of_rungs_nobody_stands_on(after: Town, tmp_path: Path) -> None:
    town = copy(after, tmp_path / "town")
    engine = open_store(town.database)
    (kept,) = [row for row in store.models(engine) if row.group_key == "energy_kwh/900/demand/boosted"]
    with writing(engine) as connection:
        store.retire(connection, "energy_kwh/900/demand/", [kept.group_key])
    state = {row.group_key: row.state for row in store.models(engine)}
    assert (state["energy_kwh/900/demand/boosted"], state["energy_kwh/900/demand/group-shape"]) == ("live", "retired")
    assert {state[key] for key in state if "/demand/" not in key} == {"live"}


def test_a_hall_that_takes_half_as_much_again_is_told_within_days_and_its_machine_trained_anew(tmp_path: Path) -> None:
    import pandas as pd

    town = Town(tmp_path, days=60).write()
    frame = pd.read_csv(town.folder / "power.csv", parse_dates=["time"])
    frame.loc[frame["time"] >= pd.Timestamp("2022-06-11T00:00+02:00"), "hall.energy"] *= 1.5
    frame.to_csv(town.folder / "power.csv", index=False)
    assert town.penstock("init").code == town.penstock("import").code == 0
    engine = open_store(town.database)
    told = {}
    for day in range(10, 15):
        night(town, f"2022-06-{day}T00:30+02:00")
        (row,) = results.rows(engine, t.step, t.step.c.step == "forecast", t.step.c.night == date(2022, 6, day))
        told[day] = "\n".join(row.problems)
    assert not any("calibration days" in told[day] for day in (10, 11, 12))  # three nights must be over
    assert "machine of demand [kWh per 15 min], boosted: " in told[13]
    assert "times the error of its calibration days" in told[13]
    assert not any("machine of water" in text for text in told.values())
    newest = max(store.models(engine, "live"), key=lambda row: row.known_until_utc)
    assert (newest.group_key, newest.provenance["trained because"]) == ("energy_kwh/900/demand/boosted", "errors grew")


def test_a_fault_in_one_group_costs_only_its_own_forecasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    town = prepared(Town(tmp_path, days=30).changed("head", 'zone = "old-town", ', ""))  # of no zone that could be left out
    sound = history.read

    def broken(city, engine, group, *rest, **more):  # type: ignore[no-untyped-def]
        if group.kind == "water":
            raise RuntimeError("no such thing was foreseen")
        return sound(city, engine, group, *rest, **more)

    monkeypatch.setattr(history, "read", broken)
    assert town.penstock("night", "--now", NOW).code == 2
    assert steps(town)["forecast"] == "problems"
    assert {row[1] for row in rows_of(town)} == {"hall.energy", "sun.energy"}
    assert "training of water" in problems(town, "forecast")
    assert "forecast of inflow.volume" in problems(town, "forecast")


def test_an_answer_between_nights_stands_beside_the_night_s_own(after: Town, tmp_path: Path) -> None:
    town = copy(after, tmp_path / "town")
    before = rows_of(town)
    said = town.penstock("forecast", "now", "--hours", "168", "--now", "2022-06-16T10:20+02:00")
    assert (said.code, said.out) == (0, "3 series for 168 h from 2022-06-16 08:20 UTC, by the live machines\n")
    rows = {row.series_id: row for row in results.rows(open_store(town.database), t.forecast_now)}
    assert {name: unpack_float(row.quantiles).size // 3 for name, row in rows.items()} == {
        "hall.energy": 168 * 4,
        "sun.energy": 168 * 4,
        "inflow.volume": 168,
    }
    assert {str(row.made_at_utc) for row in rows.values()} == {"2022-06-16 08:15:00+00:00", "2022-06-16 08:00:00+00:00"}
    assert rows_of(town) == before
    town.penstock("forecast", "now", "--now", "2022-06-16T10:20+02:00")
    assert len(results.rows(open_store(town.database), t.forecast_now)) == 3


def test_between_nights_a_series_without_an_answer_is_named(after: Town, tmp_path: Path) -> None:
    town = copy(after, tmp_path / "town")
    engine = open_store(town.database)
    with writing(engine) as connection:
        connection.execute(t.forecast_model.delete().where(t.forecast_model.c.group_key == "energy_kwh/900/demand/boosted"))
        connection.execute(t.forecast_model.update().where(t.forecast_model.c.group_key.contains("/water/")).values(artifact=b"rot"))
    said = town.penstock("forecast", "now", "--now", "2022-06-16T10:20+02:00")
    assert (said.code, said.foreseen) == (2, True)
    assert said.out.startswith("1 series for 48 h")
    assert "forecast of hall.energy: no machine of the rung 'boosted' is live" in said.out
    assert "damaged in the store; allowed: a machine as it was stored. Restore the database from its backup." in said.out


def test_another_calendar_is_a_reason_to_train_and_told_when_a_forecast_is_made_again(after: Town, tmp_path: Path) -> None:
    town = copy(after, tmp_path / "town")
    town.file.write_text('calendar = { overrides = { 2022-06-16 = "holiday" } }\n' + town.file.read_text())
    rows, tomorrow = store.models(open_store(town.database)), civil_day(NIGHT + timedelta(days=1), "Europe/Rome")[0]
    assert {machines.due(city_of(town), rows, group, tomorrow, []) for group in groups(city_of(town))} == {"settings changed"}
    said = town.penstock("forecast", "recompute", "hall.energy", "--night", "2022-06-16", "--now", NOW)
    assert said.code == 2
    assert "likely because settings differ from those the machine was trained with: calendar " in said.out


def test_the_backtest_tells_skill_calibration_and_peaks_per_series_and_writes_a_table(after: Town, tmp_path: Path) -> None:
    import pandas as pd

    said = after.penstock(
        "forecast", "backtest", "--origins", "5", "--series", "hall.energy", "--csv", str(tmp_path / "b.csv"), "--now", NOW
    )
    assert said.code == 0
    assert "below seasonal naive" in said.out
    frame = pd.read_csv(tmp_path / "b.csv")
    assert list(frame["series_id"]) == ["hall.energy"] * 2
    assert list(frame["n"]) == [5 * 96] * 2
    assert (frame["skill"] > 0.1).all()  # noise around a daily course: a week back errs by root 2 more
    assert (frame["p10"] < frame["p50"]).all()
    assert (frame["p50"] < frame["p90"]).all()
    said = after.penstock("forecast", "backtest", "--series", "hall.power", "--now", NOW)
    assert said.code == 1
    assert "hall.power" in said.err
