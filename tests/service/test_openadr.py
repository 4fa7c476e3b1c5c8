"""OpenADR 3 as JSON: objects go in and out unchanged, times as the standard says, and what an event asks of a city."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.problems import PenstockError
from optimisation.response.programme import Programme
from service.openadr.objects import Event, Interval, IntervalPeriod, Report, ValuesMap, parsed, read_json
from service.openadr.signals import Asked, asked
from service.openadr.times import duration, moment, spans, written

NOW = datetime(2022, 6, 15, 9, 30, tzinfo=UTC)
START = datetime(2022, 6, 16, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
PEAK = Programme(id="peak", simple_shares=(0.2, 0.5, 1.0))

EVENT: dict[str, Any] = {
    "id": "event-7",
    "createdDateTime": "2022-06-15T09:00:00Z",
    "modificationDateTime": "2022-06-15T09:00:00Z",
    "objectType": "EVENT",
    "programID": "peak",
    "eventName": "hot day",
    "priority": 1,
    "targets": [{"type": "RESOURCE_NAME", "values": ["works"]}],
    "reportDescriptors": [{"payloadType": "USAGE", "units": "KWH"}],
    "payloadDescriptors": [{"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "DISPATCH_SETPOINT_RELATIVE", "units": "KW"}],
    "intervalPeriod": {"start": "2022-06-16T10:00:00Z", "duration": "PT1H"},
    "intervals": [
        {"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-30.0]}]},
        {"id": 1, "payloads": [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-20.0]}]},
    ],
    "privateExtension": {"ours": [1, "x"]},
}


def event(**changes: Any) -> Event:
    found = parsed(EVENT | changes, "event", "EVENT")
    assert isinstance(found, Event)
    return found


def priced(kind: str, values: list[Any], units: str | None = None, **descriptor: Any) -> Event:
    told = {"payloadType": kind} | ({"units": units} if units else {}) | descriptor
    intervals = [{"id": i, "payloads": [{"type": kind, "values": [value]}]} for i, value in enumerate(values)]
    return event(payloadDescriptors=[told], intervals=intervals, targets=None)


def ask(found: Event, enrolled: tuple[str, ...] = ("works", "mill"), names: tuple[str, ...] = ("our-city",)) -> list[Asked]:
    return asked(found, PEAK, enrolled, names, "EUR", NOW)


def test_an_event_comes_out_as_it_came_in_with_what_the_standard_does_not_name() -> None:
    out = event().to_json()
    assert out == EVENT | {"reportDescriptors": [out["reportDescriptors"][0]]}
    assert out["reportDescriptors"][0] | {"payloadType": "USAGE", "units": "KWH"} == out["reportDescriptors"][0]


@pytest.mark.parametrize(
    ("text", "months", "rest"),
    [
        ("PT1H", 0, HOUR),
        ("PT15M", 0, HOUR / 4),
        ("P1DT12H30M", 0, timedelta(days=1, hours=12.5)),
        ("P2W", 0, timedelta(weeks=2)),
        ("P1Y2M", 14, timedelta(0)),
        ("PT0.5S", 0, timedelta(seconds=0.5)),
    ],
)
def test_a_duration_is_read(text: str, months: int, rest: timedelta) -> None:
    assert (duration(text).months, duration(text).rest) == (months, rest)


@pytest.mark.parametrize("text", ["", "P", "PT", "1H", "PT1", "-PT1H", "P1H", "PT1H ", "P1.5D", "PT" + "9" * 30 + "H"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|longer"):
        duration(text)


def test_zero_and_nine_thousand_years_have_no_end() -> None:
    assert duration("PT0S").endless
    assert duration("P9999Y").endless
    assert not duration("P1Y").endless


def test_a_month_is_that_of_the_calendar() -> None:
    assert duration("P1M").after(datetime(2024, 1, 31, tzinfo=UTC)) == datetime(2024, 2, 29, tzinfo=UTC)
    assert duration("P1Y").after(datetime(2024, 2, 29, tzinfo=UTC)) == datetime(2025, 2, 28, tzinfo=UTC)
    assert duration("P11M").after(datetime(2023, 12, 1, tzinfo=UTC)) == datetime(2024, 11, 1, tzinfo=UTC)


@given(st.integers(0, 10**7))
def test_a_written_duration_is_read_again(seconds: int) -> None:
    assert duration(written(timedelta(seconds=seconds))).rest == timedelta(seconds=seconds)


def test_now_is_written_differently_in_both_versions() -> None:
    assert moment("0000-00-00") is None
    assert moment("0001-01-01T00:00:00Z") is None
    assert moment("2022-06-16T12:00:00+02:00") == START
    for wrong in ("2022-06-16T12:00:00", "tomorrow", "9999-12-31T23:00:00-05:00"):
        with pytest.raises(ValueError, match=r"no offset|no time|before year 1"):
            moment(wrong)


def span_list(found: Event) -> list[tuple[float, float | None]]:
    made = spans(found.intervals, found.interval_period, found.duration, NOW, "event")
    return [((s.start_utc - START) / HOUR, (s.end_utc - START) / HOUR if s.end_utc else None) for s in made]


def interval(i: int, **period: str) -> dict[str, Any]:
    return {"id": i, "payloads": [], **({"intervalPeriod": period} if period else {})}


def test_intervals_follow_each_other_from_the_start_of_the_event() -> None:
    assert span_list(event()) == [(0, 1), (1, 2)]


def test_an_interval_may_have_a_period_of_its_own() -> None:
    own = [interval(0), interval(1, start="2022-06-16T14:00:00Z", duration="PT30M"), interval(2)]
    assert span_list(event(intervals=own)) == [(0, 1), (4, 4.5), (4.5, 5.5)]


def test_an_interval_without_length_lasts_until_the_next_begins() -> None:
    own = [interval(0, start="2022-06-16T10:00:00Z"), interval(1, start="2022-06-16T13:00:00Z")]
    assert span_list(event(intervalPeriod=None, intervals=own)) == [(0, 3), (3, None)]


def test_a_start_of_zeros_is_now() -> None:
    found = event(intervalPeriod={"start": "0000-00-00", "duration": "PT1H"})
    assert spans(found.intervals, found.interval_period, None, NOW, "event")[0].start_utc == NOW


def test_the_intervals_repeat_until_the_events_own_duration_is_over() -> None:
    assert span_list(event(duration="PT5H")) == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    assert span_list(event(duration="PT90M")) == [(0, 1), (1, 1.5)]
    with pytest.raises(PenstockError, match="20000"):
        span_list(event(duration="P10Y", intervalPeriod={"start": "2022-06-16T10:00:00Z", "duration": "PT1M"}))


def test_intervals_without_any_start_are_a_sentence() -> None:
    with pytest.raises(PenstockError, match="interval 0: no start; allowed: an intervalPeriod with a start"):
        span_list(event(intervalPeriod=None))


def test_a_relative_setpoint_below_zero_is_less_load_of_the_named_resource() -> None:
    (one,) = ask(event())
    assert (one.asset, one.signal) == ("works", "reduce_kw")
    assert one.amounts == ((START, START + HOUR, 30.0), (START + HOUR, START + 2 * HOUR, 20.0))


def test_without_targets_every_enrolled_asset_is_called_and_more_load_is_nothing() -> None:
    found = priced("DISPATCH_SETPOINT_RELATIVE", [-30, 10], "KW")
    assert [(one.asset, len(one.amounts)) for one in ask(found)] == [("works", 1), ("mill", 1)]


@pytest.mark.parametrize(
    ("targets", "called"),
    [
        ([{"type": "VEN_NAME", "values": ["our-city"]}], ["works", "mill"]),
        ([{"type": "VEN_NAME", "values": ["another"]}], []),
        ([{"type": "RESOURCE_NAME", "values": ["mill", "elsewhere"]}], ["mill"]),
        ([{"type": "SERVICE_AREA", "values": ["north"]}], ["works", "mill"]),  # the server has chosen whom to tell
        (["mill"], ["mill"]),  # 3.1 writes targets as strings
        (["our-city"], ["works", "mill"]),
        (["another"], []),
    ],
)
def test_targets_say_whom_it_is_for(targets: Any, called: list[str]) -> None:
    assert [one.asset for one in ask(event(targets=targets))] == called


@pytest.mark.parametrize(
    ("found", "signal", "amount"),
    [
        (priced("SIMPLE", [2]), "reduce_share", 0.5),
        (priced("DISPATCH_SETPOINT", [1.5], "MW"), "setpoint_kw", 1500.0),
        (priced("IMPORT_CAPACITY_LIMIT", [4200], "KW"), "import_limit_kw", 4200.0),
        (priced("PRICE", [0.21], "KWH", currency="EUR"), "import_price_per_kwh", 0.21),
        (priced("PRICE", [-35], "MWH"), "import_price_per_kwh", -0.035),
        (priced("EXPORT_PRICE", [0.05], "KWH"), "export_price_per_kwh", 0.05),
        (priced("GHG", [410.0], "GHG"), "kg_per_kwh", 0.41),
        (priced("GHG", [410.0]), "kg_per_kwh", 0.41),
    ],
)
def test_a_payload_becomes_a_signal_in_the_units_of_the_plan(found: Event, signal: str, amount: float) -> None:
    one = ask(found)[0]
    assert one.signal == signal
    assert one.amounts[0][2] == pytest.approx(amount)
    assert one.asset == ("works" if signal in ("reduce_share", "setpoint_kw") else "*")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (priced("PRICE", [0.2], "THERMS"), "PRICE: units THERMS; allowed: KWH or MWH"),
        (priced("PRICE", [0.2]), "units not given"),
        (priced("PRICE", [0.2], "KWH", currency="USD"), "currency USD; allowed: EUR"),
        (priced("SIMPLE", [7]), "SIMPLE: 7; allowed: 0, 1, 2 or 3"),
        (priced("SIMPLE", [True]), "SIMPLE: True"),
        (priced("IMPORT_CAPACITY_LIMIT", ["much"], "KW"), "'much'; allowed: a number of at least 0"),
        (priced("IMPORT_CAPACITY_LIMIT", [-1], "KW"), "-1; allowed"),
        (priced("ALERT_FLEX_ALERT", ["save"]), "payloads ALERT_FLEX_ALERT; allowed: one of SIMPLE"),
        (event(intervals=[]), "payloads none"),
    ],
)
def test_what_cannot_be_acted_on_is_a_sentence(found: Event, said: str) -> None:
    with pytest.raises(PenstockError, match="event event-7") as caught:
        ask(found)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"programID": "a b"}, "programID"),
        ({"programID": None}, "programID"),
        ({"intervals": "none"}, "intervals"),
        ({"intervals": [{"id": "x", "payloads": []}]}, "intervals.0.id"),
        ({"intervals": [{"id": 0}]}, "intervals.0.payloads"),
        ({"priority": -1}, "priority"),
        ({"intervalPeriod": {"start": "noon"}}, "'noon' is no time"),
        ({"intervalPeriod": {"start": "2022-06-16T10:00:00Z", "duration": "1h"}}, "no ISO 8601 duration"),
        ({"objectType": "REPORT"}, "'REPORT'; allowed: EVENT"),
    ],
)
def test_an_object_against_the_standard_is_told_by_path(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(PenstockError, match="event") as caught:
        event(**changes)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"\xff\xfe", b"NaN", b'{"a": Infinity}', b"[" * 100_000, b"<html>", b'["\\ud800"]', b"1e400", b"1" * 400]
)
def test_garbage_is_no_json(text: bytes) -> None:
    with pytest.raises(PenstockError, match="no JSON"):
        read_json(text, "the answer")


@pytest.mark.parametrize("found", [None, 3, "event", [], {}, {"objectType": "DRAGON"}])
def test_other_json_is_no_object(found: Any) -> None:
    with pytest.raises(PenstockError, match="answer"):
        parsed(found, "answer")


names = st.text("abcXYZ019_-", min_size=1, max_size=20)
numbers = st.floats(-1e9, 1e9, allow_nan=False)
periods = st.builds(
    IntervalPeriod,
    start=st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC)).map(datetime.isoformat),  # noqa: DTZ001
    duration=st.none() | st.integers(0, 10**6).map(lambda s: written(timedelta(seconds=s))),
)
intervals = st.builds(
    Interval,
    id=st.integers(0, 1000),
    interval_period=st.none() | periods,
    payloads=st.lists(st.builds(ValuesMap, type=names, values=st.lists(numbers | st.booleans() | names, max_size=3)), max_size=2),
)


@given(st.builds(Event, id=names, programID=names, interval_period=st.none() | periods, intervals=st.lists(intervals, max_size=4)))
def test_any_event_survives_json(found: Event) -> None:
    again = parsed(json.loads(json.dumps(found.to_json())), "event")
    assert again == found
    assert isinstance(again, Event)


def test_a_report_has_the_standards_names() -> None:
    found = Report(program_id="peak", event_id="event-7", client_name="our-city", resources=[])
    assert found.to_json() == {"objectType": "REPORT", "programID": "peak", "eventID": "event-7", "clientName": "our-city", "resources": []}
    assert isinstance(parsed({k: v for k, v in found.to_json().items() if k != "objectType"}, "r"), Report)
