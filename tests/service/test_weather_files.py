"""What a weather service sends: units, times and faults of its files, each told in a sentence."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from city.problems import PenstockError
from forecasting.weather_archive import on_grid
from service.weather import feed_named
from service.weather_files import Read, read

HOUR = timedelta(hours=1)
NOON = datetime(2022, 6, 15, 12, tzinfo=UTC)


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
        b'{"issued_at": ["2022-06-14", "2022-06-15"], "hourly": {"time": ["2022-06-15T00:00"], "temperature_2m": [4]}}',
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


def test_a_city_without_a_weather_service_is_told_what_its_file_lacks():
    """Naming a source would not help there."""
    city = SimpleNamespace(settings=SimpleNamespace(weather=()))
    with pytest.raises(PenstockError, match=r"names no weather service; allowed: a table \[\[weather\]\]"):
        feed_named(city, None)
