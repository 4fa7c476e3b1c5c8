"""Which orders and formats fit what a device sent."""

import pytest

from meters.maps.model import DeviceModel, Register
from meters.maps.probe import ORDERS, Seen, in_order, orders_that_fit, readings, suggestion
from meters.maps.registers import decode, encode, load_model

METER = load_model("electricity-meter")


def seen(model: DeviceModel, values: dict[str, float], order: str) -> list[Seen]:
    """The registers of `model` as a device that sends `values` in `order` would answer them."""
    made = []
    for register in model.registers:
        words = encode(in_order(register, order), values[register.name])
        value, quality = decode(register, words)
        fits = () if quality == 1 else orders_that_fit(register, words)
        made.append(Seen(register, words, "" if value is None else f"{value:g}", quality, fits))
    return made


@pytest.mark.parametrize("order", ["CDAB", "BADC", "DCBA"])
def test_the_order_the_device_uses_is_found_from_the_ranges_of_the_map(order: str) -> None:
    words, swap = ORDERS[order]
    said = suggestion(seen(METER, {"power": 480.3, "energy": 1_234_567.891}, order))
    assert str(said).endswith(f': order {order} fits. Set word_order = "{words}" and byte_order = "{swap}" in the whole map.')


def test_nothing_is_suggested_where_the_map_is_right_or_no_order_helps() -> None:
    assert suggestion(seen(METER, {"power": 480.3, "energy": 1_234_567.891}, "ABCD")) is None
    level = load_model("tank-level")
    assert suggestion(seen(level, {"level": 61.68}, "ABCD")) is None  # F0F0: its bytes turned are the same


def test_zeros_do_not_speak_for_an_order() -> None:
    said = suggestion(seen(METER, {"power": 0.0, "energy": 1_234_567.891}, "CDAB"))
    assert said is not None
    assert "energy: order CDAB fits" in said


def test_one_odd_register_does_not_turn_the_others() -> None:
    odd = seen(METER, {"power": 480.3, "energy": 5.0}, "CDAB")[:1] + seen(METER, {"power": 480.3, "energy": 1_234_567.891}, "ABCD")[1:]
    assert 'word_order = "little" and byte_order = "big" for these registers; the others are right' in str(suggestion(odd))


def test_bare_words_are_laid_out_in_every_format_and_order() -> None:
    rows = readings(100, [0x42F6, 0xE979])
    by_kind = {(row.address, row.kind): row for row in rows}
    assert by_kind[100, "f32"].numbers["ABCD"] == pytest.approx(123.456)
    assert by_kind[100, "f32"].plausible[0] == "ABCD"
    assert by_kind[100, "u32"].numbers == {"ABCD": 0x42F6E979, "CDAB": 0xE97942F6, "BADC": 0xF64279E9, "DCBA": 0x79E9F642}
    assert by_kind[101, "u16"].numbers == {"ABCD": 0xE979, "BADC": 0x79E9}
    assert (100, "bcd32") not in by_kind  # F is no digit in any order
    assert (101, "u32") not in by_kind


def test_a_register_of_a_map_is_laid_out_in_its_own_unit_and_range() -> None:
    power = METER.register("power")
    rows = {row.kind: row for row in readings(0, encode(in_order(power, "CDAB"), 123.5), power)}
    assert rows["f32"].numbers["CDAB"] == 123.5
    assert rows["f32"].plausible == ("CDAB",)
    assert set(rows) == {"u32", "i32", "f32"}


def test_a_register_keeps_its_scale_in_every_format() -> None:
    one = Register(name="flow", address=0, type="u32", quantity="flow_m3_per_h", unit="L/s", scale=0.1)
    rows = {row.kind: row for row in readings(0, [0, 1000], one)}
    assert rows["u32"].numbers["ABCD"] == 360.0  # 100 L/s
    assert rows["f32"].numbers["ABCD"] == pytest.approx(1000 * 2.0**-149 * 0.36)
    assert rows["f32"].plausible == ()
