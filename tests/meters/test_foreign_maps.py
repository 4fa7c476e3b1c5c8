"""Maps of other tools: they load as ours, decode the same words to the same numbers, and what was left out is told."""

import itertools
import json
import struct
import tempfile
import tomllib
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.problems import PenstockError
from meters.links.transports import LinkConfig
from meters.maps.foreign import TOOLS, Written, import_map
from meters.maps.foreign.found import ORDERS, Imported
from meters.maps.model import DeviceModel
from meters.maps.registers import decode, load_model

SAMPLES = Path(__file__).parent / "foreign"
FILES = {"telegraf": "telegraf.toml", "myems": "myems.json", "thingsboard": "thingsboard.json", "homeassistant": "homeassistant.yaml"}


@pytest.fixture(scope="module", params=list(FILES))
def tool(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def models(tool: str, folder: Path) -> tuple[dict[str, DeviceModel], Written]:
    made = import_map(tool, SAMPLES / FILES[tool])
    for name, text in made.models.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return {name: load_model(name, [folder]) for name in made.models}, made


def told(made: Written, *words: str) -> str:
    """The one sentence about something that was left."""
    (sentence,) = [one for one in made.left if all(word in one for word in words)]
    return sentence


def words_of(kind: str, number: float, order: str) -> list[int]:
    """Words on the wire, made with struct: the bytes ABCD.. of the number in the given order."""
    packed = struct.pack(">" + {"u16": "H", "i16": "h", "u32": "I", "i32": "i", "i64": "q", "u64": "Q", "f32": "f"}[kind], number)
    words = [packed[i : i + 2] for i in range(0, len(packed), 2)]
    words = words[::-1] if order in ("CDAB", "DCBA") else words
    words = [word[::-1] for word in words] if order in ("BADC", "DCBA") else words
    return [int.from_bytes(word, "big") for word in words]


def test_every_map_loads_and_every_entry_is_one_of_city_toml(tool: str, tmp_path: Path) -> None:
    found, made = models(tool, tmp_path)
    entries = tomllib.loads(made.entries)
    assert {meter["model"] for meter in entries["meters"]} == set(found)
    for link in entries["links"]:
        LinkConfig.model_validate(link)
    assert {meter["link"] for meter in entries["meters"]} == {link["id"] for link in entries["links"]}


def test_telegraf_in_its_three_styles(tmp_path: Path) -> None:
    found, made = models("telegraf", tmp_path)
    main = found["main-meter"]
    assert decode(main.register("power_factor"), [0xFFF6])[0] is not None
    assert (main.register("power_factor").type, main.register("energy").type, main.register("old_float").type) == ("i16", "u32", "u32")
    assert decode(main.register("swapped"), words_of("f32", 230.25, "CDAB"))[0] == 230.25
    assert decode(main.register("tank_level"), words_of("i64", -7, "DCBA"))[0] == -7
    assert decode(main.register("low_byte"), [0xAB12])[0] == 0x12
    assert (main.register("door").table, main.register("motor").table) == ("discrete", "coil")
    assert decode(main.register("backwards"), [150])[0] == -150
    gateway = found["gateway-1"]
    assert {register.name for register in gateway.registers} == {"voltage", "total"}
    assert decode(gateway.register("total"), words_of("u32", 70000, "BADC"))[0] == 70000
    assert decode(gateway.register("voltage"), words_of("i16", 2301, "BADC"))[0] == pytest.approx(230.1)
    assert (found["bus-3"].register("firmware").length, found["bus-3"].register("alarm").bit) == (8, 5)
    links = {link["url"]: link for link in tomllib.loads(made.entries)["links"]}
    assert set(links) == {"tcp://192.0.2.10:502", "rtu+tcp://192.0.2.11:4001", "serial:///dev/ttyUSB0"}
    assert links["serial:///dev/ttyUSB0"] | {"baud": 19200, "parity": "even", "stop_bits": 1} == links["serial:///dev/ttyUSB0"]
    for words in (
        ("signed byte", "INT8H"),
        ("scattered", "[30, 32]"),
        ("strange", "FLOAT128"),
        ("Ascii", "ASCII"),
    ):
        assert told(made, *words)
    assert "location" in told(made, "tags")
    assert "no unit is told" in told(made, "'Main meter'", "power_factor")
    assert '# quantity = "power_factor"' in made.models["main-meter"]


def test_myems_with_struct_letters_and_swapped_bytes(tmp_path: Path) -> None:
    found, made = models("myems", tmp_path)
    energy = found["substation-4-1"].register("incomer_kwh")
    # "<f" reads the bytes backwards, byte_swap then exchanges neighbours: words exchanged, bytes in order
    assert decode(energy, words_of("f32", 1234.5, "CDAB"))[0] == pytest.approx(123.45)
    assert (str(energy.quantity), energy.unit) == ("energy_register_kwh", "kWh")
    assert decode(found["substation-4-1"].register("ua"), [231])[0] == 231
    assert found["substation-4-1"].register("breaker").table == "discrete"
    water = next(register for register in found["substation-4-2"].registers if register.quantity == "volume_register_m3")
    assert decode(water, words_of("i64", 123456, "DCBA"))[0] == pytest.approx(1234.56)
    for words in (
        ("'Sum'", "is_virtual"),
        ("'Native'", "order of the machine"),
        ("'Short'", "1 registers"),
        ("'Incomer kWh'", "high_limit"),
    ):
        assert told(made, *words)


def test_thingsboard_with_orders_counts_and_bits(tmp_path: Path) -> None:
    found, made = models("thingsboard", tmp_path)
    device = found["demo-device"]
    assert decode(device.register("energy"), words_of("u32", 70000, "CDAB"))[0] == pytest.approx(700.0)
    assert decode(device.register("same_order"), words_of("f32", 1.5, "DCBA"))[0] == 1.5
    assert decode(device.register("short"), words_of("u16", 258, "BADC"))[0] == 258
    assert decode(device.register("power"), [0xFFFF])[0] == pytest.approx(-0.1)
    assert decode(device.register("flag"), [0b1000])[0] == 1
    assert (device.register("relay").table, device.register("name").length) == ("coil", 4)
    assert decode(found["line"].register("volume"), words_of("i32", -5, "ABCD"))[0] == -5
    for words in (("range", "50-60"), ("wide", "96int"), ("attributeUpdates", "limit"), ("rpc", "setRelay"), ("Datagrams", "UDP")):
        assert told(made, *words)
    assert told(made, "frameColour = blue")
    assert told(made, "timeout = 35")
    assert told(made, "connector", "slave = ")


def test_thingsboards_decoder_rebuilt_from_its_description_agrees_with_ours(tmp_path: Path) -> None:
    """Its decoder: words reversed when wordOrder is LITTLE, each word packed by byteOrder, the whole unpacked high byte first."""
    for byte, word in itertools.product(("BIG", "LITTLE", None), repeat=2):
        tag = {"tag": "v", "type": "32int", "functionCode": 3, "objectsCount": 2, "address": 0, "byteOrder": byte, "wordOrder": word}
        slave = {"host": "h", "port": 1, "type": "tcp", "unitId": 1, "deviceName": "d", "timeseries": [tag]}
        (tmp_path / "c.json").write_text(json.dumps({"master": {"slaves": [slave]}}))
        made = import_map("thingsboard", tmp_path / "c.json")
        (tmp_path / "d.toml").write_text(made.models["d"])
        words = [0x0102, 0x0304]
        ordered = words if word == "BIG" else words[::-1]
        order = ">" if byte == "BIG" else "<"
        (expected,) = struct.unpack("!i", b"".join(struct.pack(order + "H", one) for one in ordered))
        assert decode(load_model("d", [tmp_path]).register("v"), words)[0] == expected


def test_home_assistant_with_swaps_structures_and_virtual_sensors(tmp_path: Path) -> None:
    found, made = models("homeassistant", tmp_path)
    one, two, line = found["hub1-1"], found["hub1-2"], found["line-4"]
    heat = one.register("heat_meter")
    assert (heat.address, heat.table, str(heat.quantity)) == (16, "input", "heat_register_kwh")
    assert decode(heat, words_of("u32", 12345, "CDAB"))[0] == pytest.approx(12345.0)  # 0.001 MWh are kWh
    assert decode(heat, [0xFFFF, 0xFFFF])[0] is None
    assert decode(one.register("room"), [215])[0] == pytest.approx(16.5)
    assert decode(two.register("pressure"), words_of("f32", 4.5, "DCBA"))[0] == pytest.approx(4.5e5 / 9806.65)
    assert [two.register(f"phase_current{i}").address for i in ("", "_1", "_2")] == [300, 302, 304]
    assert decode(two.register("phase_current_2"), words_of("f32", 16.0, "DCBA"))[0] == 16.0
    assert str(line.register("gas").quantity) == "gas_register_m3"
    assert (one.register("door").table, one.register("alarm").bit, one.register("mode").address) == ("discrete", 0, 127)
    assert one.register("humidity").quantity is None
    for words in (
        ("'Pair'", ">2h"),
        ("Humidity", "'%'"),
        ("Bedroom",),
        ("'Pump'", "writes"),
        ("datagrams", "udp"),
        ("min_value",),
    ):
        assert told(made, *words)


def test_several_coils_in_one_thingsboard_tag_are_told_and_not_guessed(tmp_path: Path) -> None:
    tags = [{"tag": "c", "type": "bits", "functionCode": 1, "objectsCount": 8, "address": 0, "bit": 2}]
    tags += [{"tag": "w", "type": "bits", "functionCode": 3, "objectsCount": 1, "address": 0}]
    slave = {"host": "h", "type": "tcp", "unitId": 1, "deviceName": "d", "timeseries": tags}
    (tmp_path / "c.json").write_text(json.dumps({"master": {"slaves": [slave]}}))
    made = import_map("thingsboard", tmp_path / "c.json")
    assert not made.models
    assert told(made, "objectsCount: 8", "one tag per bit")
    assert told(made, "slave 'd', w", "no whole number")


def test_a_file_of_thousands_of_registers_and_one_that_grows_when_written_out_end_soon(tmp_path: Path) -> None:
    rows = ",\n".join(f'{{name="r{i}", byte_order="AB", data_type="UINT16", scale=1.0, address=[{i}]}}' for i in range(4000))
    (tmp_path / "x").write_text(f'[[inputs.modbus]]\ncontroller="tcp://h:502"\nholding_registers=[{rows}, {{name="again", address=[7]}}]')
    made = import_map("telegraf", tmp_path / "x")
    assert made.models["modbus"].count("[[registers]]") == 4000
    assert told(made, "'modbus', again", "overlap at register 7")
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
    (tmp_path / "x").write_text(f"{bomb}modbus:\n - {{type: tcp, host: h, weird: *a11, sensors: [{{name: *a11, address: *a11}}]}}\n")
    with pytest.raises(PenstockError, match="aliases"):
        import_map("homeassistant", tmp_path / "x")


def test_letters_that_toml_does_not_have_are_replaced(tmp_path: Path) -> None:
    slave = (
        '{"unitId": 1, "host": "h\\ud800", "deviceName": "x\\ud800", "timeseries": [{"tag": "a\\ud800", "type": "16int", "address": 1}]}'
    )
    (tmp_path / "x").write_text(f'{{"master": {{"slaves": [{slave}]}}}}')
    made = import_map("thingsboard", tmp_path / "x")
    (tmp_path / "x.toml").write_text(made.models["x"], encoding="utf-8")
    assert load_model("x", [tmp_path]).register("a").description == "a?"
    assert tomllib.loads(made.entries)["links"][0]["url"] == "tcp://h?:502"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "[" * 100_000,
        "a = " + "[" * 100_000,
        "a = " + "9" * 5000,
        "modbus: !secret hub",
        "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n",
    ],
)
def test_a_file_that_is_none_of_them_is_refused_with_a_sentence(tool: str, tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(PenstockError, match="allowed"):
        import_map(tool, tmp_path / "x")


def test_a_device_that_is_wrong_in_itself_is_told_and_costs_no_other(tmp_path: Path) -> None:
    good = '{"unitId": 2, "type": "tcp", "host": "h", "deviceName": "b", "timeseries": [{"tag": "v", "type": "16int", "address": 0}]}'
    (tmp_path / "x").write_text(f'{{"master": {{"slaves": [{{"unitId": 1, "type": "tcp", "port": {{}}}}, {good}]}}}}')
    made = import_map("thingsboard", tmp_path / "x")
    assert list(made.models) == ["b"]
    assert told(made, "slave '1'", "no whole number")


def test_an_unknown_tool_a_missing_and_a_huge_file_are_told(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b" " * 10_000_001)
    for name, path, says in (("scada", "x", "homeassistant, myems"), ("myems", "none", "text file"), ("myems", "big", "10 MB")):
        with pytest.raises(PenstockError, match=says):
            import_map(name, tmp_path / path)


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
FIELD = st.fixed_dictionaries(
    {
        "name": NAMES,
        "address": st.integers(-5, 70_000),
        "type": st.sampled_from(["INT16", "UINT32", "FLOAT64", "STRING", "INT8L", "odd"]),
        "scale": st.floats() | st.just(1.0),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(FIELD, min_size=1, max_size=8), st.sampled_from(sorted(ORDERS)), NAMES)
def test_whatever_a_map_says_ours_loads_and_each_field_is_carried_or_told(fields: list[dict[str, object]], order: str, name: str) -> None:

    from meters.maps.foreign.telegraf import _plugin
    from meters.maps.foreign.written import written

    imported = Imported("telegraf")
    _plugin(
        {
            "name": name,
            "controller": "tcp://h:1",
            "configuration_type": "request",
            "request": {"slave_id": 1, "byte_order": order, "fields": fields},
        },
        imported,
    )
    made = written(imported)
    carried = 0
    with tempfile.TemporaryDirectory() as folder:
        for model, text in made.models.items():
            (Path(folder) / f"{model}.toml").write_text(text, encoding="utf-8")
            carried += len(load_model(model, [folder]).registers)
    assert carried + sum("not carried over:" in one for one in made.left) == len(fields)
    tomllib.loads(made.entries)


def test_a_scale_is_carried_over_to_the_last_digit(tmp_path: Path) -> None:
    found, _ = models("myems", tmp_path)
    assert found["substation-4-1"].register("incomer_kwh").conversion == (Fraction(1, 10), 0)


def test_every_tool_has_a_sample() -> None:
    assert set(TOOLS) == set(FILES)
