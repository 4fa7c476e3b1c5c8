"""The maps that ship, read through the field from a Modbus server that nobody here wrote (pyModbusTCP): functions 1 to 4 and 5."""

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from city.quality import VALID
from meters.links.link import LinkConfig
from meters.maps.registers import Register, encode, load_model
from meters.polling.field import Field
from meters.polling.poll import Device
from meters.vee.quality import Limits
from tests.meters.bench import START

server = pytest.importorskip("pyModbusTCP.server")

PLACES = {"schneider-iem3000": 0, "eastron-sdm630": 0, "district-meter": 100, "heat-meter": 200, "gas-corrector": 300, "remote-io": 0}
SERIAL, SECOND = 4711, 1_655_244_000  # 2022-06-14T22:00:00Z


def held(register: Register, number: int) -> float:
    """A value for every register that its own map believes: 1, 2, 3, ... where there is room."""
    if register.quantity == "clock_s":
        return SECOND
    if register.enum:
        return float(list(register.enum)[number % len(register.enum)])
    if register.type == "bool":
        return float(number % 2)
    low, high = register.minimum or 0.0, 1e6 if register.maximum is None else register.maximum
    return min(low + (high - low) / 4, low + 1 + number)


def words(register: Register, number: int) -> tuple[int, ...]:
    if register.serial:
        return encode(register, str(SERIAL) if register.type == "string" else SERIAL)
    return encode(register, held(register, number))


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[LinkConfig, object]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = server.ModbusServer("127.0.0.1", port, no_block=True)
    made.start()
    bank, shared = made.data_bank, dict[int, int]()
    for name, base in PLACES.items():
        for number, register in enumerate(load_model(name).registers):
            at, sent = base + register.address, words(register, number)
            if register.table in ("coil", "discrete"):
                put = bank.set_coils if register.table == "coil" else bank.set_discrete_inputs
                put(at, [bool(bit) for bit in sent])
            elif register.bit is not None:  # bit fields of one register are sent together
                shared[at] = shared.get(at, 0) | sent[0]
                bank.set_holding_registers(at, [shared[at]])
            else:
                (bank.set_holding_registers if register.table == "holding" else bank.set_input_registers)(at, list(sent))
    yield LinkConfig(id="field", url=f"tcp://127.0.0.1:{port}", timeout_s=1.0, read_only=False), bank
    made.stop()


def devices() -> list[Device]:
    return [
        Device(name, "field", 1, load_model(name), base=base, serial=str(SERIAL) if load_model(name).identity else "")
        for name, base in PLACES.items()
    ]


def test_every_point_of_the_maps_comes_back_as_it_was_sent(served) -> None:
    with Field([served[0]], devices()) as field:
        readings = field.read_slot(START).set_index("point_id")
    for name in PLACES:
        for number, register in enumerate(load_model(name).registers):
            if register.quantity is not None:
                row = readings.loc[f"{name}.{register.name}"]
                step = 1e-6 * abs(row["value"]) if register.type[0] == "f" else float(register.conversion[0])
                assert row["quality"] == VALID, row
                assert np.isclose(row["value"], held(register, number), rtol=0, atol=step / 2 + 1e-9), row


def test_a_meter_with_another_serial_number_is_not_believed(served) -> None:
    other = [Device("iem", "field", 1, load_model("schneider-iem3000"), serial="4712")]
    with Field([served[0]], other) as field:
        assert not (field.read_slot(START)["quality"] & 1).any()


def test_a_relay_is_switched_by_function_5_and_read_back(served) -> None:
    link, bank = served
    point = "remote-io.relay002"
    with Field([link], devices()) as field:
        outcome = field.write(point, 1.0, Limits(point=point), START)
    assert outcome.word == "written"
    assert bank.get_coils(2, 1) == [True]
