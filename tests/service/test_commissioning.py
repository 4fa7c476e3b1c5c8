"""`penstock meters probe` and `discover` over a real connection, to a server that nobody here wrote."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from meters.maps.registers import encode, load_model
from tests.town import Said, Town

server = pytest.importorskip("pyModbusTCP.server")
device = pytest.importorskip("sunspec2.device")

INVERTER = {"W": 1234, "W_SF": 1, "WH": 5_000_000, "WH_SF": 0, "St": 4}


def sunspec_words() -> list[int]:
    models = [device.Model(1, data={"Mn": "Maker", "Md": "[/x]\x1b[2J", "SN": "SN-7"}), device.Model(103, data=INVERTER)]
    packed = b"SunS" + b"".join(model.get_mb() for model in models) + b"\xff\xff\x00\x00"
    return [int.from_bytes(packed[i : i + 2], "big") for i in range(0, len(packed), 2)]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A device with an electricity meter in the wrong word order at 0, a SunSpec chain at 40000, and two coils."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    made = server.ModbusServer("127.0.0.1", number, no_block=True)
    made.start()
    meter = load_model("electricity-meter")
    for register, value in zip(meter.registers, (480.3, 1_234_567.891), strict=True):
        made.data_bank.set_holding_registers(register.address, list(encode(register, value)[::-1]))
    made.data_bank.set_holding_registers(129, [0, 77])  # the serial number and the clock of an iEM3000
    made.data_bank.set_holding_registers(1844, [26, 0x0A14, 0x0922, 56_000])
    made.data_bank.set_holding_registers(40000, sunspec_words())
    made.data_bank.set_coils(7, [True, False, True])
    yield number
    made.stop()


@pytest.fixture
def town(port: int, tmp_path: Path) -> Town:
    return Town(tmp_path / "town", port=port, days=0).write()


def probed(town: Town, *words: str) -> Said:
    return town.penstock("meters", "probe", *words)


def test_a_meter_with_swapped_words_is_shown_and_its_order_suggested(town: Town) -> None:
    said = probed(town, "hall", "--register", "energy")
    assert said.code == 0, said.err
    assert "out of map" in said.out
    assert 'power, energy: order CDAB fits. Set word_order = "little" and byte_order = "big" in the whole map.' in said.out
    assert "1234567.891 *" in said.out


def test_bare_words_need_no_map(town: Town) -> None:
    said = probed(town, "field", "1", "--address", "0", "--count", "2")
    assert said.code == 0, said.err
    assert "480.2999878 *" in said.out
    coils = probed(town, "field", "1", "--address", "7", "--count", "3", "--table", "coil")
    assert coils.out.strip() == "0001 0000 0001"


def test_another_meter_and_its_clock_are_told(town: Town) -> None:
    told = town.changed("head", '{ id = "hall",', '{ id = "hall", serial = "78",').write()
    said = probed(told, "hall", "--model", "schneider-iem3000")
    assert said.code == 0, said.err
    assert "It says serial number '77'; city.toml says '78': another meter." in said.out
    assert "1792488896 (2026-10-20 09:34:56 UTC)" in said.out


def test_what_cannot_be_asked_or_is_refused_is_a_sentence(town: Town) -> None:
    for words, sentence in (
        (("nowhere", "1", "--address", "0"), "no such link or meter"),
        (("field", "--address", "0"), "no unit"),
        (("field", "1"), "no map"),
        (("inflow",), "read from no link"),
        (("field", "1", "--address", "0", "--table", "coils"), "one of holding, input, coil, discrete"),
        (("field", "1", "--address", "65535", "--count", "2"), "65535"),
    ):
        said = probed(town, *words)
        assert said.code == 1, words
        assert sentence in said.err
        assert said.foreseen


def test_a_silent_device_is_a_sentence(town: Town) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        said = probed(Town(town.folder, port=deaf.getsockname()[1], days=0).write(), "hall")
    assert said.code == 1
    assert "unit 1 of link field" in said.err
    assert "Check power, wiring, unit id" in said.err


def test_a_sunspec_device_is_discovered_and_its_map_written_once(town: Town) -> None:
    file = town.folder / "devices" / "roof.toml"
    file.parent.mkdir()
    said = town.penstock("meters", "discover", "field", "1", "--write", str(file))
    assert said.code == 0, said.err
    assert "SunSpec models 1, 103 from register 40000" in said.out
    assert load_model("roof", [file.parent]).register("m103_w").address == 40000 + 2 + 68 + 14
    again = town.penstock("meters", "discover", "field", "1", "--write", str(file))
    assert again.code == 1
    assert "File exists" in again.err
    read = probed(town, "field", "1", "--model", "roof")
    assert read.code == 0, read.err
    assert "SN-7" in read.out
    assert "[/x][2J" in read.out  # what the device says, and no command to the terminal
    assert "12.34" in read.out
    assert "4 (MPPT)" in read.out


def test_a_chain_that_is_refused_in_the_middle_is_a_sentence(town: Town) -> None:
    class Lacking(server.DataBank):
        def get_holding_registers(self, address: int, number: int = 1, srv_info: object = None) -> list[int] | None:
            return None if address > 40002 else super().get_holding_registers(address, number, srv_info)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = server.ModbusServer("127.0.0.1", port, no_block=True, data_bank=Lacking())
    made.start()
    try:
        made.data_bank.set_holding_registers(40000, sunspec_words()[:4])
        said = Town(town.folder, port=port, days=0).write().penstock("meters", "discover", "field", "1")
    finally:
        made.stop()
    assert (said.code, said.foreseen) == (1, True)
    assert "refused: exception 2" in said.err


def test_a_file_that_could_be_no_map_is_not_written(town: Town) -> None:
    for name in ("Roof.toml", "roof.txt", "a b.toml"):
        said = town.penstock("meters", "discover", "field", "1", "--write", str(town.folder / name))
        assert said.code == 1
        assert "no name of a map" in said.err
        assert not (town.folder / name).exists()


def test_a_clock_beyond_the_calendar_and_an_unexpected_register_are_told(town: Town) -> None:
    (town.folder / "devices").mkdir()
    clock = '{ name = "clock", address = 0, type = "u64", quantity = "clock_s" }'
    kind = '{ name = "kind", address = 129, type = "u32", expect = 103 }'
    (town.folder / "devices" / "odd.toml").write_text(f"registers = [{clock}, {kind}]")
    said = probed(town, "field", "1", "--model", "odd")
    assert said.code == 0, said.err
    assert "(no time)" in said.out
    assert "kind holds 77, not 103: another device or map" in said.out


def test_a_device_without_sunspec_is_a_sentence(town: Town, port: int) -> None:
    said = town.penstock("meters", "discover", "nowhere", "1")
    assert said.code == 1
    assert "no such link or meter" in said.err
