"""What a map may say and what is refused; every example of docs/maps.md; the maps that ship."""

import re
import tomllib
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.problems import PenstockError
from city.quality import VALID
from city.quantities import Quantity
from city.units import conversion
from meters.maps.formats import NUMBERS
from meters.maps.model import DeviceModel, Register
from meters.maps.probe import ORDERS, in_order
from meters.maps.registers import decode, encode, load_model, same_serial, text

PAGE = (Path(__file__).parents[2] / "docs" / "maps.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)


def register(**given_fields) -> Register:
    return Register(**{"name": "x", "address": 0, "type": "u16", "quantity": Quantity.POWER_KW} | given_fields)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_of_the_page_is_a_map(example):
    assert DeviceModel.model_validate({"name": "example", **tomllib.loads(example)}).registers


def test_the_table_of_orders_is_what_is_sent():
    rows = re.findall(r"^\| ([A-D]{4}) \| (\w+) \| (\w+) \| (\w{4} \w{4}) \|$", PAGE, flags=re.MULTILINE)
    assert [row[0] for row in rows] == list(ORDERS)
    for order, words, swap, sent in rows:
        assert ORDERS[order] == (words, swap)
        assert " ".join(f"{word:04X}" for word in encode(in_order(register(type="u32"), order), 123_456_789)) == sent


def test_the_page_names_every_format_and_every_map_that_ships():
    assert {f"`{kind}`" for kind in NUMBERS} <= set(re.findall(r"`\w+`", PAGE))
    shipped = {path.stem for path in (Path(__file__).parents[2] / "meters" / "devices").glob("*.toml")}
    assert shipped <= set(re.findall(r"[a-z]+[a-z0-9]*(?:-[a-z0-9]+)*", PAGE))


@pytest.mark.parametrize(
    ("quantity", "unit", "number", "value"),
    [
        ("energy_register_kwh", "Wh", 1_234_567, 1234.567),
        ("energy_register_kwh", "GJ", 3.6, 1000.0),
        ("pressure_m", "bar", 0.980665, 10.0),
        ("pressure_m", "kPa", 98.0665, 10.0),
        ("flow_m3_per_h", "L/s", 10, 36.0),
        ("temperature_degc", "K", 273.15, 0.0),
        ("temperature_degc", "degF", 212, 100.0),
        ("power_factor", "%", 95, 0.95),
        ("volume_register_m3", "ft3", 1, 0.028316846592),
    ],
)
def test_a_vendors_unit_becomes_the_quantitys(quantity, unit, number, value):
    factor, shift = conversion(unit, Quantity(quantity))
    assert float(Fraction(str(number)) * factor + shift) == value


@pytest.mark.parametrize("quantity", list(Quantity))
def test_every_quantity_has_its_own_unit_among_the_vendors(quantity):
    assert conversion(quantity.unit, quantity) == (1, 0)


def test_a_unit_of_another_kind_is_refused_with_those_that_would_do():
    with pytest.raises(ValueError, match=r"unit 'Wh' of a power_kw.*W, kW, MW"):
        register(unit="Wh")
    with pytest.raises(PenstockError, match="mm, cm, m, ft"):
        conversion("bar", Quantity.LEVEL_M)


def test_scale_and_offset_are_in_the_vendors_unit():
    one = register(quantity="temperature_degc", unit="K", scale=0.1, offset=10)
    assert decode(one, [2731]) == (pytest.approx(9.95), VALID)  # 273.1 K + 10 K


def test_a_negative_scale_turns_the_sign():
    one = register(type="i16", unit="W", scale=-10)
    assert decode(one, encode(one, 1.5)) == (1.5, VALID)
    assert encode(one, 1.5) == (0x10000 - 150,)


def test_a_modulus_is_stored_in_the_stores_integers():
    litres = register(quantity="volume_register_m3", unit="L", type="u32", modulus=2**32)
    assert litres.stored_modulus == 2**32 * 1000  # mL
    assert register(quantity="volume_register_m3", type="u64", modulus=2**64).stored_modulus is None  # it would not fit an int64


@given(st.integers(0, 10**8 - 1))
def test_every_bcd_number_survives_and_is_its_own_serial(number):
    one = register(type="bcd32", serial=True)
    assert decode(one, encode(one, number)) == (number, VALID)
    assert text(one, encode(one, number)) == str(number)


def test_serial_numbers_beyond_the_floats_are_exact_and_compared_without_zeros():
    one = register(type="u64", serial=True, quantity=None)
    words = [0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF]
    assert text(one, words) == "9223372036854775807"
    assert same_serial("00012345 ", "12345")
    assert same_serial("sn-a", "SN-A")
    assert not same_serial("12345", "12346")


def test_text_is_cut_at_its_zero_and_swapped_where_the_device_swaps():
    one = Register(name="sn", address=0, type="string", length=4, serial=True)
    assert encode(one, "AB12") == (0x4142, 0x3132, 0, 0)
    swapped = one.model_copy(update={"byte_order": "little", "word_order": "little"})
    assert encode(swapped, "AB12") == (0x4241, 0x3231, 0, 0)
    for made in (one, swapped):
        assert text(made, encode(made, "AB12")) == "AB12"
    with pytest.raises(PenstockError, match="up to 8 bytes"):
        encode(one, "123456789")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"type": "bool"}, "a bool is one of them"),
        ({"table": "coil"}, "a bool is one of them"),
        ({"type": "string", "quantity": None}, "has a length"),
        ({"length": 4}, "has a length"),
        ({"type": "string", "length": 4}, "has no quantity"),
        ({"bit": 15, "width": 2}, "within an unsigned number"),
        ({"type": "i16", "bit": 1}, "within an unsigned number"),
        ({"bit": 1, "writable": True, "write_min": 0, "write_max": 1}, "neighbours"),
        ({"table": "discrete", "type": "bool", "writable": True, "write_min": 0, "write_max": 1}, "holding or coil"),
        ({"enum": {1: "on"}, "scale": 0.1}, "without scale"),
        ({"type": "f32", "enum": {1: "on"}}, "an enum is an integer"),
        ({"type": "f32", "serial": True}, "a serial number"),
        ({"bit": 0, "serial": True}, "a serial number"),
        ({"type": "date6"}, "clock_s"),
        ({"unit": "kW", "quantity": None}, "belongs to a quantity"),
        ({"type": "u32", "write_function": "single", "writable": True, "write_min": 0, "write_max": 1}, "one word"),
        ({"type": "f32", "modulus": 100}, "integer counter"),
        ({"scale": 0}, "scale lies between"),
        ({"scale": 1e-320}, "scale lies between"),
        ({"minimum": 5, "maximum": 1}, "above maximum"),
        ({"scale": -1, "modulus": 100}, "counts up"),
        ({"not_implemented": [-1]}, "cannot send"),
        ({"not_implemented": [0x10000]}, "cannot send"),
        ({"type": "f32", "expect": 1}, "expected"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(fields, sentence):
    with pytest.raises(ValueError, match=sentence):
        register(**fields)


@pytest.mark.parametrize(
    "written",
    [
        'registers = [{ count = 3, address = 0, type = "u16" }]',
        'registers = [{ name = "a", count = 3, type = "u16" }]',
        'registers = [{ name = "a", count = 3, address = "x", type = "u16" }]',
        'registers = [{ name = "a", count = 3, address = 1, stride = "x", type = "u16" }]',
        'registers = [{ name = "a", address = 1, type = "i16", quantity = "power_kw", scale_factor = "a" }]',
        "a = " + "[" * 5000,
        "max_gap = " + "9" * 6000,
    ],
)
def test_a_malformed_file_is_told_in_sentences(written, tmp_path):
    (tmp_path / "x.toml").write_text(written)
    with pytest.raises(PenstockError, match="allowed"):
        load_model("x", [tmp_path])


def test_a_model_is_called_as_its_file(tmp_path):
    (tmp_path / "x.toml").write_text('name = "other"\nregisters = [{ name = "a", address = 1, type = "u16" }]')
    assert load_model("x", [tmp_path]).name == "x"


def test_bit_fields_share_a_register_and_numbers_do_not():
    low, high = (register(name=name, bit=bit, quantity="state") for name, bit in (("low", 0), ("high", 1)))
    assert DeviceModel(name="m", registers=(low, high)).points == (low, high)
    with pytest.raises(ValueError, match="overlap"):
        DeviceModel(name="m", registers=(low, register(name="whole", quantity="state")))
    with pytest.raises(ValueError, match="two registers with serial"):
        DeviceModel(name="m", registers=(register(serial=True), register(name="y", address=1, serial=True)))


def test_coils_and_registers_of_one_address_do_not_overlap():
    coil = register(name="pump", table="coil", type="bool", quantity="running")
    assert len(DeviceModel(name="m", registers=(register(), coil)).registers) == 2


def test_a_map_says_which_register_is_identity_and_clock():
    model = load_model("district-meter")
    assert [one.name for one in (model.identity, model.clock) if one is not None] == ["serial", "clock"]
    assert load_model("electricity-meter").identity is None


def test_hand_checked_words_of_the_maps_that_follow_a_manual():
    iem, sdm, keller = (load_model(name) for name in ("schneider-iem3000", "eastron-sdm630", "keller-30"))
    assert decode(iem.register("energy_import"), [0, 0, 0x0012, 0xD687]) == (1234.567, VALID)
    assert decode(iem.register("clock"), [26, 0x0B15, 0x031E, 15_500])[0] == 1_795_231_815  # 2026-11-21T03:30:15Z
    assert decode(sdm.register("power"), [0x449A, 0x5000]) == (1.2345, VALID)  # 1234.5 W
    assert decode(keller.register("pressure"), [0x4080, 0x0000])[0] == pytest.approx(40.7886, abs=1e-4)  # 4 bar
    assert (iem.register("energy_import").address, sdm.register("energy_import").address) == (3203, 72)
