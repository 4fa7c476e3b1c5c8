"""Decoding many devices at once: against a decoder of its own written with struct and fractions, and against hand-checked numbers."""

import math
import struct
from calendar import timegm
from datetime import datetime
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from city.quality import VALID, Cause, cause_of, missing, questionable
from city.quantities import Quantity
from meters.maps.batch import Layout
from meters.maps.formats import NUMBERS
from meters.maps.model import DeviceModel, Register
from meters.maps.registers import decode, encode, load_model

FLOATS = {"f16": "e", "f32": "f", "f64": "d"}
OUT = questionable(Cause.OUT_OF_MAP)


def register(**given_fields) -> Register:
    return Register(**{"name": "x", "address": 0, "type": "u16", "quantity": Quantity.POWER_KW} | given_fields)


def expected(one: Register, words, exponent=0):
    """What the words mean, the long way: bytes in order, struct or int.from_bytes, a fraction."""
    wire = [struct.pack(">H" if one.byte_order == "big" else "<H", word) for word in words]
    packed = b"".join(wire if one.word_order == "big" else wire[::-1])
    bits = int.from_bytes(packed, "big")
    if bits in one.not_implemented:
        return None, missing(Cause.NOT_IMPLEMENTED)
    if one.type in FLOATS:
        (count,) = struct.unpack(">" + FLOATS[one.type], packed)
        if not math.isfinite(count):
            return None, missing(Cause.NOT_IMPLEMENTED if math.isnan(count) else Cause.OUT_OF_MAP)
    elif one.type.startswith("bcd"):
        if not packed.hex().isdecimal():
            return None, missing(Cause.OUT_OF_MAP)
        count = int(packed.hex())
    elif one.bit is not None:
        count = int(bin(bits)[2:].zfill(64)[::-1][one.bit : one.bit + one.width][::-1], 2)
    else:
        count = int.from_bytes(packed, "big", signed=one.type[0] == "i")
    if exponent is None or abs(exponent) > 10:
        return None, missing(Cause.NOT_IMPLEMENTED if exponent is None else Cause.OUT_OF_MAP)
    exact = Fraction(count) * Fraction(str(one.scale)) * Fraction(10) ** exponent + Fraction(str(one.offset))
    if abs(Fraction(count)) * Fraction(str(one.scale)).numerator * 10 ** max(exponent, 0) > 1.797e308:  # it overflows while scaling
        return None, missing(Cause.OUT_OF_MAP)
    value = float(exact)
    known = not one.enum or count in one.enum
    low, high = one.minimum is None or value >= one.minimum, one.maximum is None or value <= one.maximum
    clear = one.resolution is None or value == 0 or abs(value) >= one.resolution
    small = (one.type in FLOATS or abs(count) < 2**53) and abs(exact) * 1000 < 2**53  # stored as W
    return value, VALID if known and low and high and clear and small else OUT


@st.composite
def registers(draw, name: str, address: int):
    kind = draw(st.sampled_from(NUMBERS))
    size = int(kind.lstrip("abcdfiu"))
    fields = {"name": name, "address": address, "type": kind, "quantity": "power_kw"}
    fields |= {key: draw(st.sampled_from(["big", "little"])) for key in ("word_order", "byte_order")}
    fields |= {"not_implemented": draw(st.sampled_from([(), (2**size - 1,), (0, 2 ** (size - 1))]))}
    if kind[0] == "u" and draw(st.booleans()):
        fields["bit"] = draw(st.integers(0, size - 1))
        fields["width"] = draw(st.integers(1, size - fields["bit"]))
    if kind not in FLOATS and draw(st.booleans()):
        fields["enum"] = {0: "off", 1: "on", 7: "fault"}
    else:
        fields |= {"scale": draw(st.sampled_from([1.0, 0.001, 0.1, 5.0])), "offset": draw(st.sampled_from([0.0, -40.0]))}
    if draw(st.booleans()):
        fields |= {"minimum": -5.0, "maximum": 1e6, "resolution": 1e-6}
    if draw(st.booleans()):
        fields["scale_factor"] = "sf"
    return Register(**fields)


@st.composite
def models(draw):
    count = draw(st.integers(1, 6))
    made = [draw(registers(f"r{i}", 10 + 4 * i)) for i in range(count)]
    helper = Register(name="sf", address=0, type="i16", not_implemented=(0x8000,))
    return DeviceModel(name="m", registers=(helper, *made))


def words_for(one: Register):
    """Random words, with what is special (zero, all ones, digits, a sentinel) often among them."""
    special = st.sampled_from([0, 0xFFFF, 0x8000, 0x7FC0, 0x7C00, 0x0700, 7, 0x1234, 0x9999])
    return st.lists(special | st.integers(0, 0xFFFF), min_size=one.words, max_size=one.words)


@settings(max_examples=400)
@given(st.data())
def test_a_batch_and_a_single_decode_both_mean_what_the_long_way_means(data):
    model = data.draw(models())
    layout, n = Layout(model), data.draw(st.integers(1, 4))
    image = np.zeros((n, layout.width), dtype=np.uint16)
    factors = data.draw(st.lists(st.sampled_from([0, 0, 3, -2, 10, -10, 11, -32768]), min_size=n, max_size=n))
    for row in range(n):
        for one in layout.registers:
            image[row, layout.columns[one.name]] = [factors[row] & 0xFFFF] if one.name == "sf" else data.draw(words_for(one))
    values, quality = layout.decode(image, np.zeros((n, len(layout.registers)), dtype=np.uint8))
    for row in range(n):
        for column, one in enumerate(model.points):
            words = image[row, layout.columns[one.name]].tolist()
            factor = (None if factors[row] == -32768 else factors[row]) if one.scale_factor else 0
            value, code = expected(one, words, factor)
            got = None if np.isnan(values[row, column]) else values[row, column]
            assert (got, quality[row, column]) == decode(one, words, factor)
            assert quality[row, column] == code
            assert (got is None) == (value is None)
            assert got is None or math.isclose(got, value, rel_tol=1e-15, abs_tol=1e-12)


@given(st.data())
def test_every_format_and_order_survives_encode_and_decode(data):
    kind = data.draw(st.sampled_from([k for k in NUMBERS if k not in FLOATS]))
    size = int(kind.lstrip("abcdiu"))
    low = -(2 ** (size - 1)) if kind[0] == "i" else 0
    high = 10 ** (size // 4) - 1 if kind.startswith("bcd") else 2 ** (size - (kind[0] == "i")) - 1
    value = data.draw(st.integers(max(low, 1 - 2**53 // 1000), min(high, 2**53 // 1000)))
    orders = {key: data.draw(st.sampled_from(["big", "little"])) for key in ("word_order", "byte_order")}
    one = register(type=kind, **orders)
    assert decode(one, encode(one, value)) == (value, VALID)


def test_the_four_orders_of_123456789():
    orders = {("big", "big"): "075BCD15", ("little", "big"): "CD15075B", ("big", "little"): "5B0715CD", ("little", "little"): "15CD5B07"}
    for (words, swap), sent in orders.items():
        one = register(type="u32", word_order=words, byte_order=swap)
        assert "".join(f"{word:04X}" for word in encode(one, 123456789)) == sent
        assert decode(one, encode(one, 123456789)) == (123456789, VALID)


def test_hand_checked_words_of_each_format():
    cases = [
        ("f16", [0x3E00], 1.5),
        ("f32", [0x42F6, 0xE979], 123.45600128173828),
        ("f64", [0x405E, 0xDD2F, 0x1A9F, 0xBE77], 123.456),
        ("u48", [0x0001, 0x0000, 0x0002], 2**32 + 2),
        ("i48", [0xFFFF, 0xFFFF, 0xFFFE], -2),
        ("bcd32", [0x1234, 0x5678], 12345678),
        ("bcd48", [0x0001, 0x0000, 0x0002], 100000002),
        ("i64", [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF], -1),
    ]
    for kind, words, value in cases:
        assert decode(register(type=kind), words) == (value, VALID), kind


def test_a_bcd_digit_above_nine_is_no_value():
    assert decode(register(type="bcd16"), [0x12A4]) == (None, missing(Cause.OUT_OF_MAP))
    assert decode(register(type="bcd16", not_implemented=(0xFFFF,)), [0xFFFF]) == (None, missing(Cause.NOT_IMPLEMENTED))


def test_a_count_that_a_float_cannot_hold_is_questionable():
    watts = register(type="u64", unit="W")
    assert decode(watts, [0x001F, 0xFFFF, 0xFFFF, 0xFFFF]) == ((2**53 - 1) / 1000, VALID)
    assert decode(watts, [0x0020, 0, 0, 1]) == (2.0**53 / 1000, OUT)
    assert decode(register(type="u64", unit="W", scale=1e-6), [0x0020, 0, 0, 1])[1] == OUT


def test_a_value_that_the_store_cannot_hold_is_questionable():
    """Else a float without a range, 3e38 kWh, would be kept as "no value" and valid, and the next difference start from zero."""
    energy = register(type="f32", quantity="energy_register_kwh")
    assert decode(energy, encode(energy, 3e38))[1] == OUT
    assert decode(energy, encode(energy, -(2.0**44)))[1] == OUT  # x 1000 > 2^53
    assert decode(energy, encode(energy, 2.0**43)) == (2.0**43, VALID)


def test_a_counter_at_or_beyond_its_modulus_is_questionable():
    counter = register(type="u32", quantity="volume_register_m3", scale=0.01, modulus=100_000_000)
    assert decode(counter, [0x05F5, 0xE0FF]) == (999_999.99, VALID)
    assert decode(counter, [0x05F5, 0xE100]) == (1_000_000, OUT)


def test_a_number_outside_the_enum_is_questionable():
    one = register(quantity="state", enum={0: "off", 4: "running"})
    assert decode(one, [4]) == (4, VALID)
    assert decode(one, [5]) == (5, OUT)


def test_a_bit_field_is_cut_out_of_its_word():
    assert decode(register(quantity="state", bit=4, width=3), [0b0101_1111]) == (0b101, VALID)
    assert decode(register(quantity="state", bit=15), [0x8000]) == (1, VALID)


def test_a_cause_of_the_value_or_of_its_scale_factor_leaves_no_value():
    model = load_model("sunspec-inverter")
    layout = Layout(model)
    assert [one.name for one in layout.registers] == ["power", "energy", "power_sf", "energy_sf"]
    image = np.array([[1200, 0, 5000, 0, 0]] * 3, dtype=np.uint16)
    causes = np.zeros((3, 4), dtype=np.uint8)
    causes[1, 0] = Cause.TIMEOUT
    causes[2, 3] = Cause.REFUSED
    values, quality = layout.decode(image, causes)
    np.testing.assert_array_equal(values, [[1.2, 5.0], [np.nan, 5.0], [1.2, np.nan]])
    assert [[cause_of(int(code)) for code in row] for row in quality] == [
        [Cause.NONE, Cause.NONE],
        [Cause.TIMEOUT, Cause.NONE],
        [Cause.NONE, Cause.REFUSED],
    ]


def test_a_device_that_does_not_hold_what_is_expected_is_not_believed():
    model = DeviceModel(
        name="m",
        registers=(
            Register(name="kind", address=0, type="u16", expect=103),
            register(name="power", address=1),
            register(name="level", address=2, not_implemented=(0xFFFF,)),
        ),
    )
    layout = Layout(model)
    image = np.array([[5, 6, 103], [5, 6, 104], [5, 0xFFFF, 104], [5, 6, 103]], dtype=np.uint16)  # the last 103 is an old one
    causes = np.zeros((4, 3), dtype=np.uint8)
    causes[3, 2] = Cause.TIMEOUT
    values, quality = layout.decode(image, causes)
    np.testing.assert_array_equal(values, [[5, 6], [5, 6], [5, np.nan], [5, 6]])  # kept: it is evidence
    wrong, unasked, nothing = questionable(Cause.WRONG_METER), questionable(Cause.TIMEOUT), missing(Cause.NOT_IMPLEMENTED)
    assert quality.tolist() == [[VALID, VALID], [wrong, wrong], [wrong, nothing], [unasked, unasked]]


def test_a_map_without_points_has_nothing_to_read():
    layout = Layout(DeviceModel(name="m", registers=(Register(name="rating", address=0, type="u16"),)))
    values, quality = layout.decode(np.zeros((3, 0), dtype=np.uint16), np.zeros((3, 0), dtype=np.uint8))
    assert (layout.width, values.shape, quality.shape) == (0, (3, 0), (3, 0))


def test_three_forms_of_a_clock_and_a_date_that_is_none():
    second = 1_792_488_896  # 2026-10-20T09:34:56Z
    words = {"date6": (2026, 10, 20, 9, 34, 56), "date3": (0x1A0A, 0x1409, 0x2238), "date4": (26, 0x0A14, 0x0922, 56_000)}
    for kind, shown in words.items():
        one = register(type=kind, quantity="clock_s")
        assert encode(one, second) == shown
        assert decode(one, shown) == (second, VALID)
        assert decode(one, [0xFFFF] * one.words) == (None, missing(Cause.OUT_OF_MAP))
    ahead = register(type="date6", quantity="clock_s", offset=-28800)  # a device that shows UTC+8
    assert decode(ahead, (2026, 10, 20, 17, 34, 56)) == (second, VALID)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)), st.sampled_from(["date3", "date4", "date6"]))  # noqa: DTZ001
def test_every_second_of_a_century_survives_in_each_form_of_a_clock(time, kind):
    one = register(type=kind, quantity="clock_s")
    second = timegm(time.timetuple())
    assert decode(one, encode(one, second)) == (second, VALID)


def test_days_that_no_month_has_are_no_date():
    one = register(type="date6", quantity="clock_s")
    for shown in ((2026, 2, 29, 0, 0, 0), (2026, 4, 31, 0, 0, 0), (2026, 13, 1, 0, 0, 0), (2026, 1, 0, 0, 0, 0), (2026, 1, 1, 24, 0, 0)):
        assert decode(one, shown) == (None, missing(Cause.OUT_OF_MAP))
    assert decode(one, (2028, 2, 29, 0, 0, 0)) == (1_835_395_200, VALID)


def test_coils_are_booleans():
    coil = register(type="bool", table="coil", quantity="running", writable=True, write_min=0, write_max=1)
    assert (encode(coil, 1), encode(coil, 0)) == ((1,), (0,))
    assert decode(coil, [1]) == (1, VALID)
