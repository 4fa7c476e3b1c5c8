import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.problems import PenstockError
from city.quality import VALID, Cause, cause_of, missing, questionable
from city.quantities import Quantity
from meters.maps.registers import SHIPPED, DeviceModel, Register, decode, encode, load_model

INTEGER = {"u16": (0, 2**16 - 1), "i16": (-(2**15), 2**15 - 1), "u32": (0, 2**32 - 1), "i32": (-(2**31), 2**31 - 1)}
INTEGER |= {"u64": (0, 2**64 - 1), "i64": (-(2**63), 2**63 - 1)}


def register(**given_fields) -> Register:
    return Register(**{"name": "x", "address": 0, "type": "u16", "quantity": Quantity.POWER_KW} | given_fields)


@given(st.data())
def test_every_integer_survives_encode_and_decode_in_both_word_orders(data):
    kind = data.draw(st.sampled_from(sorted(INTEGER)))
    value = data.draw(st.integers(*INTEGER[kind]))
    one = register(type=kind, word_order=data.draw(st.sampled_from(["big", "little"])))
    exact = abs(value) * 1000 < 2**53  # stored as W
    assert decode(one, encode(one, value)) == (float(value), VALID if exact else questionable(Cause.OUT_OF_MAP))


@given(st.data())
def test_a_scaled_value_comes_back_within_half_a_count(data):
    kind = data.draw(st.sampled_from(["u16", "i16", "u32", "i32"]))
    one = register(
        type=kind, scale=data.draw(st.sampled_from([0.001, 0.01, 0.1, 1.0, 5.0])), offset=data.draw(st.sampled_from([0.0, -40.0]))
    )
    exponent = data.draw(st.integers(-3, 3))
    low, high = INTEGER[kind]
    step = one.scale * 10.0**exponent
    value = data.draw(st.floats(low + 1, high - 1)) * step + one.offset
    back, quality = decode(one, encode(one, value, exponent), exponent)
    assert quality == (VALID if abs(back) * 1000 < 2**53 else questionable(Cause.OUT_OF_MAP))
    assert abs(back - value) <= step / 2 * (1 + 1e-9) + 1e-9 * abs(value)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_every_float_survives_encode_and_decode(value):
    for order in ("big", "little"):
        one = register(type="f32", word_order=order)
        assert decode(one, encode(one, value)) == (value, VALID if abs(value) * 1000 < 2**53 else questionable(Cause.OUT_OF_MAP))


@given(st.sampled_from([*sorted(INTEGER), "f32", "f64"]), st.binary(min_size=8, max_size=8))
def test_decode_never_raises_and_never_returns_a_number_that_is_not_one(kind, noise):
    one = register(type=kind, minimum=-5, maximum=1000)
    value, quality = decode(one, struct.unpack(">4H", noise)[: one.words])
    assert value is None or math.isfinite(value)
    assert (quality == VALID) == (value is not None and -5 <= value <= 1000)


def test_big_and_little_word_order_of_123456789():
    big, little = register(type="u32"), register(type="u32", word_order="little")
    assert encode(big, 123456789) == (0x075B, 0xCD15)
    assert encode(little, 123456789) == (0xCD15, 0x075B)


def test_sunspec_says_not_implemented_with_8000_ffff_and_nan():
    model = load_model("sunspec-inverter")
    assert decode(model.register("power"), [0x8000]) == (None, missing(Cause.NOT_IMPLEMENTED))
    assert decode(model.register("power"), [120], None) == (None, missing(Cause.NOT_IMPLEMENTED))
    assert decode(model.register("power"), [120], 1) == (1.2, VALID)
    assert decode(load_model("pressure-sensor").register("pressure"), [0xFFFF])[0] is None
    nan = encode(load_model("electricity-meter").register("power"), None)
    assert decode(load_model("electricity-meter").register("power"), nan) == (None, missing(Cause.NOT_IMPLEMENTED))


def test_a_value_outside_the_map_is_kept_and_questionable():
    level = load_model("tank-level").register("level")
    assert decode(level, [61_000]) == (61.0, questionable(Cause.OUT_OF_MAP))


def test_swapped_words_of_a_float_and_of_a_counter_are_out_of_map():
    meter = load_model("electricity-meter")
    for name, value in (("power", 480.0), ("power", 123.4), ("energy", 1_234_567.891)):
        one = meter.register(name)
        assert cause_of(decode(one, encode(one, value)[::-1])[1]) is Cause.OUT_OF_MAP


def test_a_watt_hour_counter_is_exact_in_kwh():
    energy = load_model("electricity-meter").register("energy")
    value, _ = decode(energy, encode(energy, 1_234_567.891))
    assert Quantity.ENERGY_REGISTER_KWH.to_int(value) == 1_234_567_891


def test_a_totaliser_wraps_at_its_modulus():
    volume = load_model("water-meter").register("volume")
    assert decode(volume, encode(volume, 1_000_000.5))[0] == 0.5
    assert volume.stored_modulus == 10**12  # 1e6 m3 in mL


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_map_loads_and_has_a_point(path):
    assert load_model(path.stem).points


def test_the_valve_panel_spells_out_160_registers():
    panel = load_model("valve-panel")
    assert [panel.points[i].name for i in (0, 1, 159)] == ["v000", "v001", "v159"]
    assert panel.points[159].address == 159


def test_an_unknown_model_and_a_path_are_refused_with_the_known_names():
    for name in ("no-such", "../secrets", "/etc/passwd"):
        with pytest.raises(PenstockError, match="electricity-meter"):
            load_model(name)


def test_a_faulty_map_lists_all_its_faults(tmp_path):
    (tmp_path / "bad.toml").write_text(
        '[[registers]]\nname = "a"\naddress = 0\ntype = "u99"\n[[registers]]\nname = "b"\naddress = -1\ntype = "u16"\n'
    )
    with pytest.raises(PenstockError) as error:
        load_model("bad", [tmp_path])
    assert len(error.value.problems) == 2


@pytest.mark.parametrize(
    "registers",
    [
        [{"name": "a", "address": 0, "type": "u32"}, {"name": "b", "address": 1, "type": "u16"}],
        [{"name": "a", "address": 0, "type": "u16"}, {"name": "a", "address": 1, "type": "u16"}],
        [{"name": "a", "address": 0, "type": "i16", "scale_factor": "none"}],
        [{"name": "a", "address": 0, "type": "u16", "quantity": "command_kw", "writable": True}],
        [{"name": "a", "address": 65535, "type": "u32"}],
    ],
)
def test_overlaps_doubles_and_missing_bounds_are_refused(registers):
    with pytest.raises(ValueError, match="registers"):
        DeviceModel.model_validate({"name": "m", "registers": registers})


def test_a_value_that_does_not_fit_is_refused_not_cut():
    with pytest.raises(PenstockError, match="fits u16"):
        encode(register(), 65_536)
