"""Messages of head-end systems: what a meter said is read, what an attacker wrote is not."""

import resource
import zipfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from city import quality as q
from city.problems import PenstockError
from city.quality import Cause, Flag
from city.quantities import Quantity
from meters.roads.headend import read_messages
from meters.roads.mapping import Channel, Messages
from meters.roads.reading_types import ReadingType, quality_of

SAMPLES = Path(__file__).parent / "headend"
DELTA = "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"
FORWARD = "*.0.0.1.1.1.12.0.0.0.0.0.0.0.0.3.72.0"


def messages(*channels: tuple[str, str, str], **more: object) -> Messages:
    made = tuple(Channel(meter=meter, reading_type=code, point=point) for meter, code, point in channels)
    return Messages.model_validate({"channels": made, **more})


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def test_a_load_profile_is_read_by_interval_start_with_its_qualities():
    rows = read_messages("intervals.xml", sample("intervals.xml"), messages(("E-1001", DELTA, "hall.energy")))
    assert set(rows["quantity"]) == {"energy_kwh"}
    assert rows["time_utc"].iloc[0] == datetime(2022, 6, 14, 22, tzinfo=UTC)  # 00:15+02:00 is the end of the quarter
    assert rows["value"].iloc[:2].tolist() == [0.25, 0.5]
    assert rows["value"].iloc[3] == 99  # kept as sent: evidence
    assert rows["value"].isna().tolist() == [False, False, True, False]
    expected = [q.VALID, int(Flag.ESTIMATED_LIKE_DAY), q.missing(Cause.GAP), q.questionable(Cause.HIGH_USAGE)]
    assert rows["quality"].tolist() == expected


def test_registers_of_several_commodities_come_in_the_unit_of_their_quantity():
    mapping = messages(
        ("E-1001", FORWARD, "hall.energy"),
        ("W-7", "0.0.0.1.1.9.58.*.*.*.*.*.*.*.*.*.134.0", "w.volume"),
        ("W-7", "*.*.*.6.*.9.39.*.*.*.*.*.*.*.*.*.214.0", "w.pressure"),
        ("G-3", "*.*.*.1.1.7.58.*.*.*.*.*.*.*.*.*.167.0", "g.volume"),
        others="leave",
    )
    rows = read_messages("registers.xml", sample("registers.xml"), mapping).set_index("point_id")
    assert rows.loc["hall.energy", ["quantity", "value"]].tolist() == ["energy_register_kwh", 6519.0955]
    assert rows.loc["w.volume", ["quantity", "value"]].tolist() == ["volume_register_m3", 1234.567]  # L
    assert rows.loc["w.pressure", "value"] == pytest.approx(4.5e5 / 9806.65)  # bar in metres of water
    assert rows.loc["g.volume", ["quantity", "value"]].tolist() == ["gas_register_m3", 88.25]


def test_a_series_nobody_asked_for_refuses_the_file_unless_told_otherwise():
    with pytest.raises(PenstockError, match=r"meter E-1001 with reading type 11\.0\.0\.1\.19"):
        read_messages("registers.xml", sample("registers.xml"), messages(("E-1001", FORWARD, "hall.energy")))
    rows = read_messages("registers.xml", sample("registers.xml"), messages(("E-1001", FORWARD, "hall.energy"), others="leave"))
    assert len(rows) == 1


def test_an_archive_of_messages_is_one_delivery():
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.xml", sample("intervals.xml"))
        archive.writestr("b.xml", sample("registers.xml"))
    mapping = messages(("E-1001", DELTA, "hall.energy"), ("E-1001", FORWARD, "hall.register"), others="leave")
    assert set(read_messages("both.zip", packed.getvalue(), mapping)["point_id"]) == {"hall.energy", "hall.register"}


def message(body: str, prolog: str = "") -> bytes:
    return f"{prolog}<MeterReadings><MeterReading>{body}</MeterReading></MeterReadings>".encode()


METER = "<Meter><mRID>E-1</mRID></Meter>"
LAUGHS = (
    "<!DOCTYPE a [<!ENTITY a 'ha'>"
    + "".join(f"<!ENTITY {c} '{'&' + p + ';'}{'&' + p + ';'}'>" for p, c in zip("abcd", "bcde", strict=True))
    + "]>"
)


def reading(value: str = "1", time: str = "2022-06-15T00:00:00Z", code: str = DELTA, extra: str = "") -> str:
    return f'<Readings><timeStamp>{time}</timeStamp><value>{value}</value><ReadingType ref="{code}"/>{extra}</Readings>'


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "well-formed XML"),
        (b"<MeterReadings><MeterReading>", "well-formed XML"),
        (b"\x00\xff\xfe garbage", "well-formed XML"),
        (b"<other/>", "no reading of any channel"),
        (message(METER + reading("12 kWh")), "a number"),
        (message(METER + reading(time="")), "without timeStamp"),
        (message(METER + reading(time="yesterday")), "yesterday"),
        (message(METER + reading(code="0.0.2.4")), "18 numbers"),
        (message(METER + reading(code="0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.999.0")), "a channel of the mapping"),
        (message(reading()), "without a meter"),
        (message(METER + "<Readings><value>1</value></Readings>"), "without ReadingType"),
        (message(METER + reading() + reading("2")), "two values at"),
        (message(METER + reading(extra="<ReadingQualities><ReadingQualityType ref='ok'/></ReadingQualities>")), "three numbers"),
        (message(METER + reading("9" * 300)), "value of 300 characters"),
        (message("<a>" * 50 + "</a>" * 50), "nested too deeply"),
        (message(METER + reading("&e;"), LAUGHS), "without document type"),
        (message(METER + reading("&f;"), "<!DOCTYPE a [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>"), "without document type"),
        (message(METER + reading(), "<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/evil.dtd'>"), "without document type"),
    ],
)
def test_a_message_that_is_wrong_or_hostile_is_refused_with_a_sentence(content: bytes, says: str) -> None:
    with pytest.raises(PenstockError, match=says):
        read_messages("m.xml", content, messages(("E-1", DELTA, "m.energy")))


def test_a_file_of_empty_elements_costs_no_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    content = b"<MeterReadings>" + b"<junk><a/></junk>" * 100_000 + b"</MeterReadings>"  # as a tree: 26 MB
    with pytest.raises(PenstockError, match="no reading"):
        read_messages("m.xml", content, messages(("E-1", DELTA, "m.energy")))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000  # [kB]


@pytest.mark.parametrize(
    ("code", "quantity", "one_is"),
    [
        ("0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0", Quantity.ENERGY_KWH, 1.0),
        ("0.0.2.1.1.1.12.0.0.0.0.0.0.0.0.0.72.0", Quantity.ENERGY_REGISTER_KWH, 0.001),
        ("0.0.2.9.15.2.164.0.0.0.0.0.0.0.0.3.73.0", Quantity.REACTIVE_ENERGY_REGISTER_KVARH, 1.0),
        ("0.0.2.6.1.1.37.0.0.0.0.0.0.0.0.3.38.0", Quantity.POWER_KW, 1.0),
        ("0.0.7.4.1.9.58.0.0.0.0.0.0.0.0.0.42.0", Quantity.VOLUME_M3, 1.0),
        ("0.0.0.1.1.7.58.0.0.0.0.0.0.0.0.0.42.0", Quantity.GAS_REGISTER_M3, 1.0),
        ("0.0.0.1.1.12.12.0.0.0.0.0.0.0.0.9.31.0", Quantity.HEAT_REGISTER_KWH, 1e9 / 3.6e6),  # GJ
        ("0.0.0.6.0.9.155.0.0.0.0.0.0.0.0.0.82.0", Quantity.FLOW_M3_PER_H, 3.6),
        ("0.0.0.6.0.9.39.0.0.0.0.0.0.0.0.3.140.0", Quantity.PRESSURE_M, 1000 / 9806.65),
    ],
)
def test_what_a_reading_type_measures(code: str, quantity: Quantity, one_is: float) -> None:
    found, factor, shift = ReadingType.parse(code).measures()
    assert (found, shift) == (quantity, 0.0)
    assert factor == pytest.approx(one_is, rel=1e-15)


@pytest.mark.parametrize("code", ["0.0.2.4.1.0.12.0.0.0.0.0.0.0.0.3.72.0", "0.0.0.6.0.9.39.0.0.0.0.0.0.0.0.3.155.0"])
def test_energy_of_nothing_and_absolute_pressure_are_not_guessed(code: str) -> None:
    with pytest.raises(PenstockError, match="not known here"):
        ReadingType.parse(code).measures()


@pytest.mark.parametrize(
    ("codes", "quality"),
    [
        ([], q.VALID),
        (["1.0.0"], q.VALID),
        (["1.1.1", "1.4.16"], q.VALID),  # battery low, summer time: told, but not about the value
        (["3.7.0"], int(Flag.EDITED)),
        (["3.8.1000"], int(Flag.ESTIMATED_LIKE_DAY)),
        (["3.8.0", "2.5.258"], q.code(Flag.ESTIMATED_LIKE_DAY | Flag.QUESTIONABLE, Cause.INVALID_REPLY)),
        (["1.0.0", "1.1.9"], q.questionable(Cause.CLOCK)),
        (["3.6.9"], q.questionable(Cause.SUM_CHECK)),
        (["3.12.0"], int(Flag.PROJECTED)),
        (["2.5.259", "3.8.0"], q.missing(Cause.GAP)),
    ],
)
def test_quality_codes_become_ieee_2030_5_flags(codes: list[str], quality: int) -> None:
    assert quality_of(codes) == quality


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_no_bytes_escape_as_anything_but_a_sentence(content: bytes) -> None:
    with pytest.raises(PenstockError):
        read_messages("m.xml", content, messages(("E-1", DELTA, "m.energy")))


def test_a_mapping_names_each_series_once() -> None:
    with pytest.raises(ValidationError, match="twice"):
        messages(("E-1", DELTA, "a.x"), ("E-1", DELTA, "b.x"))
    with pytest.raises(ValidationError, match="pattern"):
        messages(("E-1", "0.0.2", "a.x"))
