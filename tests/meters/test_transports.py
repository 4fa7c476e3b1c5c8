"""How links are reached: faults of configuration as sentences, serial lines, and RTU over TCP."""

import asyncio
import os
import select
import threading
import tty
from contextlib import contextmanager

import numpy as np
import pytest
from pydantic import ValidationError

from benchmarks import _libmodbus
from city.problems import PenstockError
from meters.links.link import Link, LinkConfig, LinkFault
from meters.links.transports import reachable
from tests.meters.test_interop import everything, libmodbus


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"url": "udp://meter:502"}, "is not tcp://host:port, tls://host:port, rtu"),
        ({"url": "tcp://meter"}, "is not tcp://host:port"),
        ({"url": "tcp://meter:99999"}, "is not tcp://host:port"),
        ({"url": "serial://ttyUSB0"}, "is not tcp://host:port"),
        ({"url": "tls://meter:802"}, "ca, certificate, key missing: Modbus/TCP Security needs a certificate on both ends"),
        ({"url": "tcp://meter:502", "baud": 9600, "parity": "none"}, "baud, parity belong to serial links"),
        ({"url": "tcp://meter:502", "ca": "/dev/null"}, "is not a file"),
        ({"url": "serial:///dev/ttyUSB0", "parity": "mark"}, "'even', 'odd' or 'none'"),
    ],
)
def test_a_link_that_cannot_be_is_said_in_a_sentence(told, sentence):
    with pytest.raises(ValidationError) as failure:
        LinkConfig(id="field", **told)
    assert sentence in str(failure.value)


def test_files_of_a_link_lie_beside_the_city_file(tmp_path):
    for name in ("ca.pem", "us.pem", "us.key"):
        (tmp_path / name).write_text("")
    told = {"id": "field", "url": "tls://meter:802", "ca": "ca.pem", "certificate": "us.pem", "key": "us.key"}
    assert LinkConfig.model_validate(told, context={"beside": tmp_path}).key == tmp_path / "us.key"
    (tmp_path / "us.key").unlink()
    with pytest.raises(ValidationError, match=r"us\.key is not a file"):
        LinkConfig.model_validate(told, context={"beside": tmp_path})


class Line:
    """Two ends of a serial line: what is written to one is read from the other."""

    def __enter__(self):
        pairs = [os.openpty() for _ in range(2)]
        self._fds = [fd for pair in pairs for fd in pair]
        self._masters = [master for master, _ in pairs]
        self.ends = [os.ttyname(slave) for _, slave in pairs]
        for _, slave in pairs:
            tty.setraw(slave)
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._relay, daemon=True)
        self._thread.start()
        return self

    def _relay(self):
        one, other = self._masters
        while True:
            for fd in select.select([one, other, self._stop], [], [])[0]:
                if fd == self._stop:
                    return
                os.write(other if fd == one else one, os.read(fd, 4096))

    def __exit__(self, *_):
        os.write(self._stopped, b"x")
        self._thread.join(5)
        for fd in (*self._fds, self._stop, self._stopped):
            os.close(fd)


@contextmanager
def libmodbus_on(device):
    try:
        with _libmodbus.server(device=device):
            yield
    except PenstockError as missing:
        pytest.skip(str(missing))


def test_every_function_over_a_serial_line_to_libmodbus():
    async def run(device):
        link = Link(LinkConfig(id="line", url=f"serial://{device}", parity="none", timeout_s=2, read_only=False))
        await everything(link)
        with pytest.raises(LinkFault, match="refused: exception 2"):
            await link.read(1, "holding", 995, 20)
        value = (await link.read(1, "holding", 5, 1)).tolist()
        link.close()
        return value

    with Line() as line, libmodbus_on(line.ends[0]):
        assert asyncio.run(run(line.ends[1])) == [35]
        assert reachable(LinkConfig(id="line", url=f"serial://{line.ends[1]}")).endswith("can be opened")


def test_every_function_over_a_gateway_that_passes_rtu_frames_through():
    async def run(line):
        async def gateway(reader, writer):
            fd = os.open(line, os.O_RDWR | os.O_NOCTTY)
            loop = asyncio.get_running_loop()
            loop.add_reader(fd, lambda: writer.write(os.read(fd, 4096)))
            while data := await reader.read(4096):
                os.write(fd, data)
            loop.remove_reader(fd)
            os.close(fd)
            writer.close()

        server = await asyncio.start_server(gateway, "127.0.0.1", 0)
        url = f"rtu+tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        link = Link(LinkConfig(id="gateway", url=url, timeout_s=2, read_only=False))
        await everything(link)
        link.close()
        await asyncio.sleep(0.05)
        server.close()

    with Line() as line, libmodbus_on(line.ends[0]):
        asyncio.run(run(line.ends[1]))


def test_a_serial_line_that_cannot_be_set_so_is_no_connection():
    async def run(device):
        link = Link(LinkConfig(id="line", url=f"serial://{device}", parity="even"))
        with pytest.raises(LinkFault, match="19200 baud, parity even, 1 stop bits") as failure:  # a pseudo-terminal has no parity
            await link.read(1, "holding", 0, 1)
        return failure.value

    with Line() as line:
        assert not asyncio.run(run(line.ends[0])).reachable


def test_a_serial_line_that_is_not_there_is_no_connection(tmp_path):
    async def run():
        link = Link(LinkConfig(id="line", url=f"serial://{tmp_path}/none"))
        with pytest.raises(LinkFault) as failure:
            await link.read(1, "holding", 0, 1)
        return failure.value

    failure = asyncio.run(run())
    assert (failure.cause.name, failure.reachable) == ("NO_CONNECTION", False)
    with pytest.raises(PenstockError, match="No such file"):
        reachable(LinkConfig(id="line", url=f"serial://{tmp_path}/none"))


def test_values_are_native_uint16():
    async def run(port):
        link = Link(LinkConfig(id="field", url=f"tcp://127.0.0.1:{port}"))
        read = await link.read(1, "holding", 0, 3), await link.read(1, "coil", 0, 3)
        link.close()
        return read

    with libmodbus(None) as port:
        for values in asyncio.run(run(port)):
            assert values.dtype == np.uint16
            assert values.dtype.isnative
