"""What a weather service sends: units, faults in sentences, since when it is available, corrections that overwrite nothing."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from city.problems import PenstockError
from forecasting.weather_archive import Told, on_grid
from service import migrations
from service import schema as t
from service.store import open_store, writing
from service.store import weather as kept
from service.store.vectors import unpack_float
from service.weather_files import Read, read
from tests.town import PARTS, Town

HOUR = timedelta(hours=1)
NOON = datetime(2022, 6, 15, 12, tzinfo=UTC)
FEED = '[[weather]]\nsource = "met-office"\nsettle_s = 0\nvariables = { T2 = "temperature_degc" }\n'


def csv(*rows: str) -> bytes:
    return ("issued_at,time,variable,value,unit\n" + "\n".join(rows) + "\n").encode()


def taken(content: bytes, name: str = "f.csv", arrived: datetime = NOON, **more: object) -> Read:
    given = {"step": HOUR, "zone": "UTC", "names": {}, "units": {}} | more
    return read(name, content, arrived, **given)  # type: ignore[arg-type]


def hourly(**more: object) -> bytes:
    told = {
        "utc_offset_seconds": 7200,
        "hourly_units": {"time": "iso8601", "temperature_2m": "°C", "wind_speed_10m": "km/h", "shortwave_radiation": "W/m²"},
        "hourly": {
            "time": [f"2022-06-15T{h:02d}:00" for h in range(24)],
            "temperature_2m": [20 + h / 10 for h in range(24)],
            "wind_speed_10m": [36.0] * 24,
            "shortwave_radiation": [0.0] * 12 + [600.0] * 12,
        },
    }
    return json.dumps(told | more).encode()


def test_a_forecast_becomes_one_vector_per_issue_and_variable_in_our_units():
    found = taken(
        csv(
            "2022-06-15T06:00Z,2022-06-15T12:00Z,temperature,300.15,K",
            "2022-06-15T06:00Z,2022-06-15T14:00Z,temperature,303.15,K",
            "2022-06-15T06:00Z,2022-06-15T12:00Z,wind_speed,36,km/h",
        )
    )
    temperature, wind = sorted(found.told, key=lambda one: one.variable)
    np.testing.assert_allclose(temperature.values, [27, np.nan, 30], atol=1e-4)
    np.testing.assert_allclose(wind.values, [10])
    assert (temperature.start_utc, temperature.issued_utc) == (NOON, NOON - 6 * HOUR)
    assert found.stated


def test_it_is_available_from_its_arrival_on_whatever_it_says_of_its_issue():
    row = "2022-06-15T06:00Z,2022-06-15T12:00Z,temperature,20,degC"
    assert taken(csv(row)).told[0].available_utc == NOON
    assert taken(csv(row), archive=True).told[0].available_utc == NOON - 6 * HOUR


def test_a_file_that_claims_to_be_issued_in_the_future_is_refused():
    with pytest.raises(PenstockError, match=r"issued at 2022-06-15 13:00 UTC"):
        taken(csv("2022-06-15T13:00Z,2022-06-15T18:00Z,temperature,20,degC"))


def test_rows_without_issue_are_measurements_known_since_the_file_came():
    (told,) = taken(csv(",2022-06-15T08:00Z,temperature,18,degC", ",2022-06-15T09:00Z,temperature,19,degC")).told
    assert (told.issued_utc, told.available_utc) == (NOON - 2 * HOUR, NOON)


def test_local_times_are_told_apart_in_the_autumn_night():
    rows = [f",2022-10-30T0{h}:00,temperature,{v},degC" for h, v in ((1, 10), (2, 11), (2, 12), (3, 13))]
    (told,) = taken(csv(*rows), arrived=datetime(2022, 10, 31, tzinfo=UTC), zone="Europe/Rome").told
    assert told.start_utc == datetime(2022, 10, 29, 23, tzinfo=UTC)
    assert told.values.tolist() == [10, 11, 12, 13]


def test_a_local_time_that_the_spring_night_does_not_have_is_refused():
    with pytest.raises(PenstockError, match="Europe/Rome does not have"):
        taken(csv(",2022-03-27T02:00,temperature,10,degC"), zone="Europe/Rome")


def test_bad_rows_are_named_and_the_rest_is_taken():
    rows = [f",2022-06-{d:02d}T0{h}:00Z,temperature,{10 + h},degC" for d in (13, 14) for h in range(10)]
    found = taken(csv(*rows, ",2022-06-14T10:00Z,temperature,wet,degC", ",2022-06-14T11:00Z,temperature,99,degC"))
    assert [str(p).split(":")[0] for p in found.problems] == [
        "f.csv, row 22, temperature_degc at 2022-06-14 10",
        "f.csv, row 23, temperature_degc at 2022-06-14 11",
    ]
    assert "-90 to 60" in str(found.problems[1])
    assert sum(np.isfinite(one.values).sum() for one in found.told) == 20


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",2022-06-15T08:00Z,temperature,20,W/m2", "unit 'W/m2' of temperature_degc"),
        (",2022-06-15T08:00Z,mood,20,", "mood"),
        (",2022-06-15T08:07Z,temperature,20,degC", "not on the step"),
        (",yesterday,temperature,20,degC", "yesterday"),
        ("2022-06-01T00:00Z,2022-08-01T00:00Z,temperature,20,degC", "32 days"),
        (",2022-06-15T08:00Z,temperature,20,degC\n,2022-06-15T08:00Z,temperature,21,degC", "another value"),
    ],
)
def test_a_file_of_nothing_but_faults_is_refused_with_the_reason(row: str, reason: str):
    with pytest.raises(PenstockError) as told:
        taken(csv(row))
    assert reason in str(told.value)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"a,b\n1,2\n", b"issued_at,time,variable,value\n", b"time,variable,value\n1,2,3,4\n"]
)
def test_a_file_that_is_no_such_table_is_refused(content: bytes):
    with pytest.raises(PenstockError):
        taken(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b'{"hourly": {}}',
        b'{"hourly": {"time": ["x"], "temperature_2m": [1]}}',
        b'{"hourly": {"time": ["2022-06-15T00:00"], "temperature_2m": [1, 2]}}',
        b'{"hourly": {"time": ["2022-06-15T00:00"]}}',
        b'{"hourly": {"time": ["2022-06-15T00:00"], "temperature_2m": 4}}',
        b'{"hourly": {"time": ["2022-06-15T00:00"], "temperature_2m": [1' + b"0" * 400 + b"]}}",
        b'{"utc_offset_seconds": 1e999, "hourly": {"time": ["2022-06-15T00:00"], "temperature_2m": [4]}}',
    ],
)
def test_json_of_another_shape_is_refused(content: bytes):
    with pytest.raises(PenstockError):
        taken(content, "f.json")


def test_hourly_arrays_keep_one_offset_and_means_move_to_the_hour_they_are_of():
    told = {one.variable: one for one in taken(hourly(), "f.json", NOON).told}
    assert told["temperature_degc"].start_utc == datetime(2022, 6, 14, 22, tzinfo=UTC)
    assert told["irradiance_w_per_m2"].start_utc == datetime(2022, 6, 14, 21, tzinfo=UTC)
    np.testing.assert_allclose(told["wind_m_per_s"].values, 10)


def test_of_a_json_without_issue_what_was_over_is_measured_and_the_rest_forecast():
    told = taken(hourly(), "f.json", NOON).told
    w = on_grid(told, NOON, NOON - 12 * HOUR, HOUR, 12, 10, 36 * HOUR)
    assert w is not None
    v = w.names.index("temperature_degc")
    np.testing.assert_allclose(w.observed[v], 20 + np.arange(2, 14) / 10, rtol=1e-6)
    np.testing.assert_allclose(w.at(np.full(10, 12), 12 + np.arange(10))[v], 20 + np.arange(14, 24) / 10, rtol=1e-6)
    assert np.isnan(w.at(np.array([11]), np.array([10]))).all()  # the file had not come yet


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


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.slow])])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path / 'p.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_database")
    made = open_store(url, create=True)
    migrations.upgrade(made)
    yield made
    made.dispose()


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
