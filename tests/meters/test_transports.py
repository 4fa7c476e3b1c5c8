"""How links are reached: faults of configuration as sentences, serial lines, RTU over TCP, and TLS with both ends' certificates."""

import asyncio
import os
import re
import select
import ssl
import threading
import tty
from contextlib import contextmanager

import numpy as np
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from pydantic import ValidationError

from benchmarks import _libmodbus
from city.problems import PenstockError
from meters.link import Link, LinkConfig, LinkFault
from meters.transports import KEY_PASSWORD, reachable
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


class Certificates:
    """A certificate authority with what it signed for server and client, as files."""

    def __init__(self, folder, name):
        self.authority, self.folder, self.name = trustme.CA(), folder, name
        self.authority.cert_pem.write_to_path(folder / f"{name}-ca.pem")

    def signed(self, whom):
        made, stem = self.authority.issue_cert(whom), f"{self.name}-{whom}"
        made.cert_chain_pems[0].write_to_path(self.folder / f"{stem}.pem")
        made.private_key_pem.write_to_path(self.folder / f"{stem}.key")
        return {"certificate": self.folder / f"{stem}.pem", "key": self.folder / f"{stem}.key"}

    @property
    def ca(self):
        return self.folder / f"{self.name}-ca.pem"


@pytest.fixture
def ours(tmp_path):
    return Certificates(tmp_path, "ours")


@pytest.fixture
def strangers(tmp_path):
    return Certificates(tmp_path, "strangers")


async def secured(port, server_files, ca, oldest=ssl.TLSVersion.TLSv1_2, newest=ssl.TLSVersion.TLSv1_3):
    """TLS in front of the server at `port`, which asks every client for its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = oldest, newest
    context.load_cert_chain(server_files["certificate"], server_files["key"])
    context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_REQUIRED

    async def passed_on(reader, writer):
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)

        async def copy(source, sink):
            while data := await source.read(4096):
                sink.write(data)
            sink.close()

        await asyncio.gather(copy(reader, to_writer), copy(to_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(passed_on, "127.0.0.1", 0, ssl=context)
    return server, server.sockets[0].getsockname()[1]


async def failure_of(link):
    with pytest.raises(LinkFault) as failure:
        await link.read(1, "holding", 0, 1)
    link.close()
    await asyncio.sleep(0.01)
    return failure.value


@pytest.mark.parametrize("engine", ["strict", "pymodbus"])
def test_tls_with_both_certificates_reads_and_anything_less_is_refused(ours, strangers, engine):
    async def run(behind):
        server, port = await secured(behind, ours.signed("localhost"), ours.ca)
        url, us = f"tls://localhost:{port}", ours.signed("client")
        common = {"id": "tls", "engine": engine, "read_only": False, "timeout_s": 2}
        link = Link(LinkConfig(url=url, ca=ours.ca, **us, **common))
        await everything(link)
        link.close()
        told = await asyncio.to_thread(reachable, LinkConfig(url=url, ca=ours.ca, **us, **common))
        with pytest.raises(PenstockError, match=r"unknown ca|closed"):
            await asyncio.to_thread(reachable, LinkConfig(url=url, ca=ours.ca, **strangers.signed("client"), **common))
        refused = [
            await failure_of(Link(LinkConfig(url=url, ca=strangers.ca, **us, **common))),  # the device is not signed by ours
            await failure_of(Link(LinkConfig(url=url, ca=ours.ca, **strangers.signed("client"), **common))),  # we are strangers to it
            await failure_of(Link(LinkConfig(url=f"tls://127.0.0.1:{port}", ca=ours.ca, **us, **common))),  # it has another name
            await failure_of(Link(LinkConfig(url=f"tls://localhost:{behind}", ca=ours.ca, **us, **common))),  # no TLS there
        ]
        plain = Link(LinkConfig(id="tcp", url=f"tcp://localhost:{port}", engine=engine, timeout_s=0.3))  # no certificate at all
        refused.append(await failure_of(plain))
        server.close()
        return told, refused

    with libmodbus(None) as behind:
        told, refused = asyncio.run(run(behind))
    assert told.endswith("answers with TLSv1.3")
    assert {one.cause.name for one in refused[:4]} == {"NO_CONNECTION"}
    assert refused[4].cause.name in ("NO_CONNECTION", "TIMEOUT", "GARBAGE", "WRONG_TRANSACTION", "TRUNCATED")
    assert re.search("cannot be reached: (unable to get local issuer certificate|self-signed certificate in)", str(refused[0]))
    assert "IP address mismatch" in str(refused[2])


def test_tls_older_than_1_2_is_refused(ours):
    async def run(behind):
        older = ssl.TLSVersion.TLSv1_1
        server, port = await secured(behind, ours.signed("localhost"), ours.ca, oldest=older, newest=older)
        failure = await failure_of(Link(LinkConfig(id="tls", url=f"tls://localhost:{port}", ca=ours.ca, **ours.signed("client"))))
        server.close()
        return failure

    with libmodbus(None) as behind:
        assert asyncio.run(run(behind)).cause.name == "NO_CONNECTION"


def test_the_key_opens_with_its_password_only(ours, monkeypatch):
    files = ours.signed("client")
    key = serialization.load_pem_private_key(files["key"].read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"correct")
    files["key"].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
    config = LinkConfig(id="tls", url="tls://localhost:802", ca=ours.ca, **files)
    for password in ("", "wrong"):
        monkeypatch.setenv(KEY_PASSWORD, password)
        with pytest.raises(PenstockError, match=KEY_PASSWORD):
            Link(config)
    monkeypatch.setenv(KEY_PASSWORD, "correct")
    Link(config)


def test_a_certificate_with_the_key_of_another_is_refused_at_once(ours):
    files = ours.signed("client") | {"key": ours.signed("other")["key"]}
    with pytest.raises(PenstockError, match="belong together"):
        Link(LinkConfig(id="tls", url="tls://localhost:802", ca=ours.ca, **files))


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
