"""Servers and clients that nobody here wrote: libmodbus (C), pyModbusTCP, modbus-serial (JavaScript), a SunSpec device of pysunspec2."""

import asyncio
import shutil
import struct
import subprocess
from contextlib import contextmanager

import numpy as np
import pytest

from benchmarks import _libmodbus
from city.problems import PenstockError
from meters.links.link import Link, LinkConfig, LinkFault
from meters.maps.sunspec import discover

JAVASCRIPT = """
const { ServerTCP } = require("modbus-serial");
const kept = {}, coils = {};
const vector = {
  getHoldingRegister: (a, u) => kept[a] ?? (a * 7) % 65536, getInputRegister: (a, u) => (a * 7) % 65536,
  getCoil: (a, u) => coils[a] ?? a % 3 === 0, getDiscreteInput: (a, u) => a % 3 === 0,
  setRegister: (a, v, u) => { kept[a] = v; }, setCoil: (a, v, u) => { coils[a] = v; },
};
const server = new ServerTCP(vector, { host: "127.0.0.1", port: 0, unitID: 1 });
server.on("initialized", () => console.log(server._server.address().port));
process.stdin.resume().on("end", () => process.exit(0));
"""


@contextmanager
def libmodbus(_):
    try:
        with _libmodbus.server() as port:
            yield port
    except PenstockError as missing:
        pytest.skip(str(missing))


@contextmanager
def py_modbus_tcp(_):
    server = pytest.importorskip("pyModbusTCP.server")
    bank = server.DataBank()
    bank.set_holding_registers(0, [7 * i for i in range(1000)])
    bank.set_input_registers(0, [7 * i for i in range(1000)])
    bank.set_coils(0, [i % 3 == 0 for i in range(2100)])
    bank.set_discrete_inputs(0, [i % 3 == 0 for i in range(2100)])
    with served(bank) as port:
        yield port


@contextmanager
def served(bank):
    """`bank` behind pyModbusTCP's server, which waits for its listener itself."""
    from pyModbusTCP.server import ModbusServer

    server = ModbusServer(host="127.0.0.1", port=0, no_block=True, data_bank=bank)
    server.start()
    try:
        yield server._service.server_address[1]
    finally:
        server.stop()


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory):
    """modbus-serial of npm, in a folder of its own."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("npm")
    command = ["npm", "install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", "modbus-serial@8.0.25"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not bring modbus-serial within a minute")
    if done.returncode:
        pytest.skip(f"npm cannot bring modbus-serial: {done.stderr[-200:]}")
    (folder / "server.js").write_text(JAVASCRIPT)
    return folder


@contextmanager
def modbus_serial(request):
    folder = request.getfixturevalue("node_modules")
    pipe = subprocess.PIPE
    with subprocess.Popen(["node", folder / "server.js"], stdin=pipe, stdout=pipe) as process:
        try:
            yield int(process.stdout.readline())
        finally:
            process.communicate(timeout=10)


SERVERS = {"libmodbus": libmodbus, "pyModbusTCP": py_modbus_tcp, "modbus-serial": pytest.param(modbus_serial, marks=pytest.mark.slow)}


@pytest.fixture(params=SERVERS.values(), ids=SERVERS)
def foreign(request):
    with request.param(request) as number:
        yield number


async def everything(link):
    """Every function over `link`; the registers and bits of these servers follow their addresses."""
    for table in ("holding", "input"):
        for address, count in ((0, 1), (3, 2), (10, 125)):
            assert (await link.read(1, table, address, count) == 7 * np.arange(address, address + count)).all()
    for table in ("coil", "discrete"):
        for address, count in ((0, 1), (4, 13), (90, 800)):
            assert (await link.read(1, table, address, count) == (np.arange(address, address + count) % 3 == 0)).all()
    await link.write(1, 300, [1, 65_535, 3])
    await link.write(1, 303, [4], single=True)
    assert (await link.read(1, "holding", 300, 4)).tolist() == [1, 65_535, 3, 4]
    await link.write(1, 300, [1, 1, 0, 1, 1, 1, 1, 1, 1, 0], table="coil")
    await link.write(1, 310, [1], table="coil", single=True)
    await link.write(1, 311, [0], table="coil", single=True)
    assert (await link.read(1, "coil", 300, 12)).tolist() == [1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1, 0]


@pytest.mark.parametrize("engine", ["strict", "pymodbus"])
def test_every_function_over_tcp(foreign, engine):
    async def run():
        link = Link(LinkConfig(id="field", url=f"tcp://127.0.0.1:{foreign}", engine=engine, read_only=False))
        await everything(link)
        link.close()

    asyncio.run(run())


@pytest.mark.parametrize("engine", ["strict", "pymodbus"])
def test_a_register_that_is_not_there_is_refused_by_libmodbus_and_the_link_goes_on(engine):
    async def run():
        with libmodbus(None) as port:
            link = Link(LinkConfig(id="field", url=f"tcp://127.0.0.1:{port}", engine=engine))
            with pytest.raises(LinkFault, match="refused: exception 2"):
                await link.read(1, "holding", 990, 20)
            value = (await link.read(1, "holding", 990, 2)).tolist()
            link.close()
        return value

    assert asyncio.run(run()) == [6930, 6937]


def test_a_sunspec_device_of_pysunspec2_is_found_and_read_over_tcp():
    device = pytest.importorskip("sunspec2.device")
    pytest.importorskip("pyModbusTCP.server")
    from pyModbusTCP.server import DataBank

    identity = device.Model(1, data={"Mn": "Works", "Md": "Inverter 5", "SN": "S-17"}).get_mb()
    inverter = device.Model(103, data={"W": 1234, "W_SF": 1, "WH": 987_654, "WH_SF": 0}).get_mb()
    packed = b"SunS" + identity + inverter + b"\xff\xff\0\0"
    words = list(struct.unpack(f">{len(packed) // 2}H", packed))
    bank = DataBank()
    bank.set_holding_registers(40_000, words)

    async def run(port):
        link = Link(LinkConfig(id="field", url=f"tcp://127.0.0.1:{port}"))

        async def read(address, count):
            return (await link.read(1, "holding", address, count)).tolist()

        found = await discover(read)
        held = await read(40_000, len(words))
        link.close()
        return found, held

    with served(bank) as port:
        found, held = asyncio.run(run(port))
    assert held == words
    assert "103" in repr(found)


def test_the_client_of_py_modbus_tcp_reads_and_writes_what_we_simulate(simulated):
    client = pytest.importorskip("pyModbusTCP.client").ModbusClient("127.0.0.1", simulated, unit_id=1, timeout=2)
    assert struct.unpack(">f", struct.pack(">2H", *client.read_holding_registers(0, 2)))[0] == 400.0
    client.unit_id = 10
    assert client.read_holding_registers(60_000, 1) is None
    assert client.last_except == 2
    client.close()


@pytest.fixture
def simulated(link):
    return int(link.url.rsplit(":", 1)[1])
