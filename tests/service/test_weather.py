"""Weather on the grid of a history, in the store and in a night: since when it is available, corrections that overwrite nothing."""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from forecasting.weather_archive import Told, on_grid
from service import schema as t
from service.store import open_store, writing
from service.store import weather as kept
from service.store.vectors import unpack_float
from tests.town import PARTS, Town

HOUR = timedelta(hours=1)
NOON = datetime(2022, 6, 15, 12, tzinfo=UTC)
FEED = '[[weather]]\nsource = "met-office"\nsettle_s = 0\nvariables = { T2 = "temperature_degc" }\n'


def csv(*rows: str) -> bytes:
    return ("issued_at,time,variable,value,unit\n" + "\n".join(rows) + "\n").encode()


def vector(values: list[float], issued: datetime, available: datetime | None = None, archive: bool = False) -> Told:
    return Told("temperature_degc", issued, available or issued, archive, NOON, HOUR, np.array(values, np.float32))


def test_hours_become_quarters_along_a_line_and_means_stay_steps():
    line = vector([0, 4, 8], NOON - HOUR)
    step = replace(line, variable="irradiance_w_per_m2")
    w = on_grid([line, step], NOON, NOON, timedelta(minutes=15), 0, 12, 36 * HOUR)
    assert w is not None
    sun, temperature = w.at(np.zeros(12, np.int64), np.arange(12))
    assert temperature.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8]
    assert sun.tolist() == [0] * 4 + [4] * 4 + [8] * 4


def test_a_quarter_between_two_measured_hours_waits_for_the_second():
    w = on_grid([vector([0, 4], NOON + 2 * HOUR, archive=True)], NOON + 3 * HOUR, NOON, timedelta(minutes=15), 12, 4, 36 * HOUR)
    assert w is not None
    assert np.isnan(w.at(np.array([3]), np.array([1]))[0, 0])
    assert w.at(np.array([8]), np.array([1]))[0, 0] == 1


def test_ten_minutes_become_hours_by_their_mean():
    told = replace(vector([1, 2, 3, 4, 5, 6], NOON + HOUR), step=timedelta(minutes=10))
    w = on_grid([told], NOON + HOUR, NOON, HOUR, 1, 1, 36 * HOUR)
    assert w is not None
    assert w.observed.tolist() == [[3.5]]


def test_a_forecast_that_comes_after_a_newer_one_is_not_used():
    newer, late = vector([2, 2], NOON - HOUR, NOON - HOUR), vector([1, 1], NOON - 7 * HOUR, NOON)
    w = on_grid([newer, late], NOON, NOON - 2 * HOUR, HOUR, 2, 2, 36 * HOUR)
    assert w is not None
    assert w.at(np.array([2]), np.array([2]))[0, 0] == 2


def test_a_measurement_that_came_meanwhile_does_not_make_a_forecast_old():
    forecast, measured = vector([1, 1], NOON - 7 * HOUR, NOON), replace(vector([9], NOON - HOUR), start_utc=NOON - 2 * HOUR)
    w = on_grid([forecast, measured], NOON, NOON - 2 * HOUR, HOUR, 2, 2, 36 * HOUR)
    assert w is not None
    assert w.at(np.array([2, 2]), np.array([0, 2]))[0].tolist() == [9, 1]


def test_a_forecast_that_was_too_old_when_it_came_is_not_used():
    w = on_grid([vector([1, 1], NOON - 40 * HOUR, NOON)], NOON, NOON, HOUR, 0, 2, 36 * HOUR)
    assert w is not None
    assert np.isnan(w.at(np.array([0]), np.array([0]))).all()


def test_what_a_shorter_newer_forecast_does_not_reach_the_older_of_the_same_hour_does():
    w = on_grid([vector([1, 1, 1], NOON - 2 * HOUR), vector([2], NOON - HOUR)], NOON, NOON, HOUR, 0, 3, 36 * HOUR)
    assert w is not None
    assert w.at(np.zeros(3, np.int64), np.arange(3))[0].tolist() == [2, 1, 1]


def test_a_measurement_told_again_was_known_since_it_was_told_first():
    first = vector([5, 6], NOON + 2 * HOUR)
    again = replace(vector([5, 7, 8], NOON + 5 * HOUR))
    w = on_grid([first, again], NOON + 6 * HOUR, NOON, HOUR, 6, 1, 36 * HOUR)
    assert w is not None
    assert w.at(np.array([2, 2, 6]), np.array([0, 1, 1]))[0].tolist() == [5, 6, 6]


def test_a_corrected_measurement_is_known_since_the_correction():
    first, corrected = vector([5, 6], NOON + 2 * HOUR), vector([5, 7], NOON + 2 * HOUR, NOON + 4 * HOUR)
    w = on_grid([first, corrected], NOON + 6 * HOUR, NOON, HOUR, 6, 1, 36 * HOUR)
    assert w is not None
    assert w.at(np.array([3, 4]), np.array([0, 1]))[0].tolist() == [5, 7]
    assert np.isnan(w.at(np.array([3]), np.array([1]))).all()


def test_nothing_that_came_later_is_laid_out():
    assert on_grid([vector([1], NOON, NOON + HOUR)], NOON, NOON, HOUR, 1, 4, 36 * HOUR) is None


def put(engine: Engine, told: list[Told], arrived: datetime = NOON, stated: bool = True, place: str = "") -> int:
    with writing(engine) as connection:
        return kept.store(connection, "met-office", place, told, arrived, stated=stated)


def test_the_same_file_again_brings_nothing(engine: Engine):
    told = [vector([1, float("nan"), 3], NOON - HOUR, NOON)]
    assert (put(engine, told), put(engine, told, NOON + HOUR)) == (1, 0)
    (back,) = kept.read(engine, "", NOON, NOON)
    np.testing.assert_array_equal(back.values, told[0].values)
    assert (back.issued_utc, back.available_utc, back.start_utc, back.step) == (NOON - HOUR, NOON, NOON, HOUR)


def test_a_correction_is_known_from_its_arrival_on_and_what_was_known_before_stays(engine: Engine):
    put(engine, [vector([1, 2], NOON - HOUR, NOON)])
    assert put(engine, [vector([1, 9], NOON - HOUR, NOON + HOUR)], NOON + HOUR) == 1
    assert [one.values.tolist() for one in kept.read(engine, "", NOON, NOON)] == [[1, 2]]
    assert [one.values.tolist() for one in kept.read(engine, "", NOON, NOON + HOUR)] == [[1, 2], [1, 9]]


def test_a_corrected_archive_keeps_both_and_believes_the_correction_only_since_it_came(engine: Engine):
    put(engine, [vector([1, 2], NOON - HOUR, archive=True)], NOON + 9 * HOUR)
    put(engine, [vector([1, 9], NOON - HOUR, archive=True)], NOON + 10 * HOUR)
    assert [one.available_utc for one in kept.read(engine, "", NOON, NOON + 24 * HOUR)] == [NOON - HOUR, NOON + 10 * HOUR]


def test_without_a_stated_issue_the_same_content_is_the_same_forecast(engine: Engine):
    assert put(engine, [vector([1, 2], NOON)], stated=False) == 1
    assert put(engine, [vector([1, 2], NOON + HOUR)], NOON + HOUR, stated=False) == 0


def test_a_zone_has_its_own_weather_or_that_of_the_city(engine: Engine):
    put(engine, [vector([1], NOON - HOUR)])
    put(engine, [vector([5], NOON - HOUR)], place="hills")
    assert [kept.read(engine, place, NOON, NOON)[0].values.tolist() for place in ("", "hills", "harbour")] == [[1], [5], [1]]


def test_of_years_of_forecasts_only_those_that_reach_the_history_are_loaded(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    past = NOON - timedelta(days=700)
    noons = [past + timedelta(days=days) for days in range(600)]
    put(engine, [replace(vector([20.0] * 48, noon), start_utc=noon) for noon in noons])  # a forecast of two days each noon
    put(engine, [replace(vector([1.0] * 24 * 701, past - HOUR), start_utc=past)])  # an archive that reaches until now
    loaded = []
    monkeypatch.setattr(kept, "unpack_float", lambda packed: loaded.append(packed) or unpack_float(packed))
    assert [len(one.values) for one in kept.read(engine, "", NOON - timedelta(days=101), NOON)] == [24 * 701, 48, 48]
    assert len(loaded) < 40


@pytest.fixture
def fed(tmp_path: Path) -> Town:
    town = Town(tmp_path, days=0, parts={**PARTS, "weather": FEED}).write()
    assert town.penstock("init").code == 0
    return town


def waiting(town: Town, name: str, content: bytes) -> Path:
    path = town.folder / "weather" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def vectors(town: Town) -> int:
    with open_store(town.database).connect() as connection:
        return int(connection.execute(select(func.count()).select_from(t.weather)).scalar_one())


def test_a_file_imported_by_hand_is_told_and_again_brings_nothing(fed: Town):
    path = waiting(fed, "a.csv", csv("2022-06-15T06:00Z,2022-06-15T12:00Z,T2,20,degC"))
    said = [fed.penstock("forecast", "weather", "import", str(path), "--now", "2022-06-15T12:00Z") for _ in range(2)]
    assert [one.code for one in said] == [0, 0]
    assert "1 vectors of temperature_degc stored" in said[0].out
    assert "nothing new" in said[1].out
    assert vectors(fed) == 1


def test_status_tells_the_age_and_a_feed_that_is_too_old(fed: Town):
    """A measurement is newer, but it is the forecast that must not be too old."""
    path = waiting(fed, "a.csv", csv("2022-06-15T06:00Z,2022-06-17T12:00Z,T2,20,degC", ",2022-06-15T10:00Z,T2,20,degC"))
    fed.penstock("forecast", "weather", "import", str(path), "--now", "2022-06-15T12:00Z")
    fresh, old = (fed.penstock("forecast", "weather", "status", "--now", now) for now in ("2022-06-16T00:30Z", "2022-06-18T00:30Z"))
    assert (fresh.code, old.code) == (0, 2)
    assert "issued 2022-06-15 06:00 UTC, 18 h old, reaches 2022-06-17 13:00 UTC" in fresh.out
    assert "newest is 66 h old" in old.out
    assert "weather from met-office: newest forecast 18 h old" in fed.penstock("status", "--now", "2022-06-16T00:30Z").out


def test_a_feed_nobody_has_sent_anything_to_is_a_sentence(fed: Town):
    said = fed.penstock("forecast", "weather", "status")
    assert said.code == 2
    assert "nothing yet" in said.out


@pytest.mark.parametrize("name", ["none.csv", "a.xlsx"])
def test_a_file_that_cannot_be_imported_is_a_sentence(fed: Town, name: str):
    (fed.folder / "a.xlsx").write_bytes(b"PK")
    said = fed.penstock("forecast", "weather", "import", str(fed.folder / name))
    assert (said.code, said.foreseen) == (1, True)


def test_a_city_without_feed_says_how_to_name_one(tmp_path: Path):
    town = Town(tmp_path, days=0).write()
    town.penstock("init")
    said = town.penstock("forecast", "weather", "import", "x.csv")
    assert said.code == 1
    assert "[[weather]]" in said.err


def test_files_in_the_folder_end_in_done_or_refused_with_the_reason(fed: Town):
    from service.environment import Environment
    from service.settings import load
    from service.weather import take_in

    good = csv("2022-06-15T06:00Z,2022-06-15T12:00Z,T2,20,degC")
    waiting(fed, "good.csv", good)
    waiting(fed, "bad.csv", csv("2022-06-15T06:00Z,2022-06-15T12:00Z,T2,20,bar"))
    waiting(fed, "half.csv.part", good)
    city = load(Environment(city=fed.file, home=fed.folder))
    problems = take_in(open_store(fed.database), city, NOON)
    assert [p.subject for p in problems] == ["bad.csv, unit 'bar' of temperature_degc"]
    assert [path.name.split("-")[-1] for path in (fed.folder / "weather" / "done").iterdir()] == ["good.csv"]
    assert sorted(path.suffix for path in (fed.folder / "weather" / "refused").iterdir()) == [".csv", ".txt"]
    assert take_in(open_store(fed.database), city, NOON) == []
    assert vectors(fed) == 1


def test_a_file_counts_as_arrived_when_it_came_to_lie_there_whatever_its_date_says(fed: Town):
    from service.environment import Environment
    from service.settings import load
    from service.weather import take_in

    path = waiting(fed, "good.csv", csv("2022-06-15T06:00Z,2022-06-15T12:00Z,T2,20,degC"))
    os.utime(path, (0, 0))
    before = datetime.fromtimestamp(time.time() - 60, UTC)
    take_in(open_store(fed.database), load(Environment(city=fed.file, home=fed.folder)), datetime.now(UTC))
    with open_store(fed.database).connect() as connection:
        assert connection.execute(select(t.weather.c.available_at_utc)).scalar_one() > before


def test_a_folder_that_is_none_is_told_and_the_other_feeds_are_taken_in(fed: Town):
    """A weather service's folder must not cost the night its forecasts."""
    from service.environment import Environment
    from service.settings import load
    from service.weather import take_in

    fed.file.write_text(fed.file.read_text() + FEED.replace('"met-office"', '"radar"\nfolder = "radar"'))
    (fed.folder / "weather").write_text("not a folder")
    (fed.folder / "radar").mkdir()
    (fed.folder / "radar" / "a.csv").write_bytes(csv("2022-06-15T06:00Z,2022-06-15T12:00Z,T2,20,degC"))
    (problem,) = take_in(open_store(fed.database), load(Environment(city=fed.file, home=fed.folder)), NOON)
    assert str(problem).startswith("weather from met-office: File exists")
    assert vectors(fed) == 1


def test_an_error_nobody_foresaw_in_a_file_is_a_problem_and_not_the_end_of_the_night(fed: Town, monkeypatch: pytest.MonkeyPatch):
    from service import weather
    from service.environment import Environment
    from service.settings import load

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(weather, "read", broken)
    waiting(fed, "a.csv", csv("2022-06-15T06:00Z,2022-06-15T12:00Z,T2,20,degC"))
    (problem,) = weather.take_in(open_store(fed.database), load(Environment(city=fed.file, home=fed.folder)), NOON)
    assert "did not foresee (ZeroDivisionError)" in str(problem)


@pytest.mark.slow
def test_a_night_forecasts_with_what_had_arrived_and_says_whether_it_paid(tmp_path: Path):
    """30 days of measured temperature and a forecast each evening that has nothing to do with the loads: judged, and told in the reason."""
    town = Town(tmp_path, days=30, parts={**PARTS, "weather": FEED}).write()
    midnight = datetime(2022, 6, 15, 22, tzinfo=UTC)
    rng = np.random.default_rng(2)
    measured = [
        f",{midnight - h * HOUR:%Y-%m-%dT%H:00Z},T2,{v:.1f},degC" for h, v in zip(range(1, 721), rng.normal(15, 5, 720), strict=True)
    ]
    issues = [midnight - timedelta(days=d, hours=2) for d in range(29, -1, -1)]
    said = [f"{i:%Y-%m-%dT%H:00Z},{i + h * HOUR:%Y-%m-%dT%H:00Z},T2,{15 + h % 7},degC" for i in issues for h in range(60)]
    path = waiting(town, "archive.csv", csv(*measured, *said))
    for words in (("init",), ("import",), ("forecast", "weather", "import", str(path), "--archive")):
        assert town.penstock(*words).code == 0
    town.penstock("night", "--now", "2022-06-16T00:30+02:00")
    with open_store(town.database).connect() as connection:
        reasons = dict(connection.execute(select(t.forecast.c.series_id, t.forecast.c.reason)).tuples().all())
    assert "Temperature not used:" in reasons["hall.energy"]
