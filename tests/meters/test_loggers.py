"""What a logger publishes becomes a reading, or a reason why not; whatever it is, it is never an exception."""

import json
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from city import quality as q
from city.quality import Cause, cause_of
from meters.maps.model import DeviceModel
from meters.roads.loggers import Broker, Logger, rows

MODEL = DeviceModel.model_validate(
    {
        "name": "logger",
        "registers": [
            {"name": "pressure", "address": 0, "type": "u16", "quantity": "pressure_m", "minimum": 0, "maximum": 160},
            {"name": "pump", "address": 1, "type": "u16", "quantity": "running"},
            {"name": "volume", "address": 2, "type": "u32", "quantity": "volume_register_m3"},
        ],
    }
)
NOW = datetime(2022, 6, 15, 12, 0, 30, tzinfo=UTC)
TIMED = {"time": "/t", "values": [{"name": "pressure", "path": "/p", "unit": "bar"}]}
PLAIN = {"values": [{"name": "pressure"}]}

LEAF = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9)
DOCUMENT = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ptxy"), inner), max_leaves=9)


def read(payload: bytes | object, **keys: object) -> list[tuple[float, int, datetime]]:
    logger = Logger.model_validate({"meter": "p-1", "broker": "b", "topic": "t", **keys})
    sent = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return [(row.value, row.quality, row.time_utc) for row in rows(logger, MODEL, 900, sent, NOW)]


def test_a_reading_keeps_the_loggers_time_and_comes_in_our_unit():
    ((value, quality, time),) = read({"p": 4.5, "t": "2022-06-15T13:51:07+02:00"}, **TIMED)
    assert value == pytest.approx(4.5e5 / 9806.65)  # bar in metres of water
    assert (quality, time) == (q.VALID, datetime(2022, 6, 15, 11, 51, 7, tzinfo=UTC))


@pytest.mark.parametrize(
    ("told", "form", "stands_for"),
    [
        ("2022-06-15T12:00:00Z", "iso", "12:00:00"),
        ("2022-06-15T12:00:29Z", "iso", "12:00:00"),  # within the window behind the grid time
        ("2022-06-15T11:46:01Z", "iso", "11:46:01"),
        (NOW.timestamp() - 900, "s", "11:45:00"),
        (NOW.timestamp() * 1000 - 600_000.5, "ms", "11:50:29.999500"),
    ],
)
def test_a_reading_just_after_a_grid_time_is_the_reading_of_that_time(told, form, stands_for):
    ((_, _, time),) = read({"p": 1, "t": told}, **TIMED, time_format=form)
    assert time.isoformat() == f"2022-06-15T{stands_for}+00:00"


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        ("2022-06-15T12:03:00Z", Cause.CLOCK),  # 150 s ahead; 120 are allowed
        ("9999-12-31T23:59:59Z", Cause.CLOCK),
        ("2022-06-15T12:00:00", Cause.CLOCK),  # no offset: nobody knows which zone
        ("noon", Cause.CLOCK),
        (None, Cause.CLOCK),
        (1655294400, Cause.CLOCK),
        ("2022-05-01T00:00:00Z", Cause.TIME_TOLERANCE),
        ("0001-01-01T00:00:00+14:00", Cause.CLOCK),
    ],
)
def test_a_time_not_to_be_believed_gives_no_value_at_the_time_of_arrival(told, cause):
    ((value, quality, time),) = read({"p": 1, "t": told}, **TIMED)
    assert math.isnan(value)
    assert (cause_of(quality), time) == (cause, NOW)


@pytest.mark.parametrize("seconds", [1e300, -1e300, 10**30, True, "now", [1]])
def test_a_number_that_is_no_time_is_refused(seconds):
    ((_, quality, _),) = read({"p": 1, "t": seconds}, **TIMED, time_format="s")
    assert cause_of(quality) is Cause.CLOCK


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        (b"", Cause.GARBAGE),
        (b"\xff\xfe", Cause.GARBAGE),
        (b"{", Cause.GARBAGE),
        (b"4.5 bar", Cause.GARBAGE),
        (b"1" * 5000, Cause.GARBAGE),  # Python refuses to make an integer of so many digits
        (b"[" * 100_000, Cause.OVERSIZE),
        (b"[" * 60_000, Cause.GARBAGE),
        (b"NaN", Cause.NOT_IMPLEMENTED),
        (b"null", Cause.NOT_IMPLEMENTED),
        (b"Infinity", Cause.OUT_OF_MAP),
        (b"1e400", Cause.OUT_OF_MAP),
        (b"9" * 400, Cause.OUT_OF_MAP),
        (b"1e30", Cause.OUT_OF_MAP),  # more than the store can hold
        (b'"4.5"', Cause.INVALID_REPLY),
        (b"true", Cause.INVALID_REPLY),
        (b"[4.5]", Cause.INVALID_REPLY),
        (b"{}", Cause.INVALID_REPLY),
    ],
)
def test_each_wrong_payload_has_its_cause_and_no_value(payload, cause):
    ((value, quality, time),) = read(payload, **PLAIN)
    assert math.isnan(value)
    assert (cause_of(quality), quality & 0xFF, time) == (cause, 0, NOW)


def test_a_value_outside_the_map_is_kept_as_sent_and_questionable():
    assert read(b"160.5", **PLAIN)[0][:2] == (160.5, q.questionable(Cause.OUT_OF_MAP))
    assert read(b"-1", **PLAIN)[0][1] == q.questionable(Cause.OUT_OF_MAP)


def test_several_values_of_one_message_and_none_for_what_it_lacks():
    keys = {"values": [{"name": "pressure", "path": "/a/0/x~1y"}, {"name": "pump", "path": "/on"}, {"name": "volume", "path": "/v"}]}
    found = read({"a": [{"x/y": 12}], "on": True}, **keys)
    assert [value for value, _, _ in found] == [12, 1]
    assert read({"a": [], "on": "yes"}, **keys)[0][1] == q.missing(Cause.INVALID_REPLY)  # `on`: the first is not there


@given(st.one_of(st.binary(max_size=200), DOCUMENT))
@settings(max_examples=300, deadline=None)
def test_nothing_that_can_be_sent_raises_or_gives_a_value_without_a_quality(payload):
    for keys in (TIMED, PLAIN, {**TIMED, "time_format": "s"}):
        for value, quality, time in read(payload, **keys):
            assert math.isnan(value) == (quality & 0xFF == 0)
            assert quality == q.VALID or cause_of(quality) is not Cause.NONE
            assert math.isnan(value) or abs(value) * 1000 < 2**62
            assert NOW - timedelta(days=36) < time <= NOW + timedelta(seconds=120)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"url": "tcp://h:1"}, "is not mqtt://"),
        ({"url": "mqtt://h"}, "is not mqtt://"),
        ({"url": "mqtt://u:secret@h:1"}, "keys of their own"),
        ({"url": "mqtt://h:99999"}, "is not mqtt://"),
        ({"url": "mqtt://h:1", "ca": "ca.pem"}, "certificates are for mqtts"),
        ({"url": "mqtts://h:1", "key": "k.pem"}, "need each other"),
    ],
)
def test_a_broker_is_described_without_its_secrets(keys, says):
    with pytest.raises(ValidationError, match=says) as raised:
        Broker.model_validate({"id": "b", **keys})
    assert "secret" not in raised.value.errors()[0]["msg"]


@pytest.mark.parametrize("keys", [{"topic": "a/#"}, {"topic": "a/+/b"}, {"values": []}, {"values": [{"name": "x", "path": "p"}]}])
def test_a_logger_has_one_topic_and_pointers_that_begin_with_a_slash(keys):
    with pytest.raises(ValidationError):
        Logger.model_validate({"meter": "m", "broker": "b", "topic": "t", **PLAIN, **keys})
