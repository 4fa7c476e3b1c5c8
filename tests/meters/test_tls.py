"""Modbus/TCP Security: both ends' certificates, or nothing."""

import asyncio
import re
import ssl

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from city.problems import PenstockError
from meters.links.link import Link, LinkConfig, LinkFault
from meters.links.transports import KEY_PASSWORD, reachable
from tests.meters.test_interop import everything, libmodbus


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


def test_a_renewed_certificate_is_used_from_the_next_connection_on(ours, strangers):
    async def run(behind):
        server, port = await secured(behind, ours.signed("localhost"), ours.ca)
        mine, theirs = ours.signed("client"), strangers.signed("client")
        good = {name: path.read_bytes() for name, path in mine.items()}
        link = Link(LinkConfig(id="tls", url=f"tls://localhost:{port}", ca=ours.ca, timeout_s=2, **mine))
        told = []
        for content in ({name: path.read_bytes() for name, path in theirs.items()}, {"key": b"half a file"}, good):
            for name, written in content.items():
                mine[name].write_bytes(written)
            try:
                told.append((await link.read(1, "holding", 5, 1)).tolist())
            except LinkFault as failure:
                told.append((failure.cause.name, failure.reachable))
        link.close()
        server.close()
        return told

    with libmodbus(None) as behind:
        assert asyncio.run(run(behind)) == [("NO_CONNECTION", True), ("NO_CONNECTION", False), [35]]


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
