"""Replies that are not replies: none of them becomes a value, none of them costs more than its timeout."""

import asyncio
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meters import strict
from meters.link import Link, LinkConfig, LinkFault

TIMEOUT_S = 0.5


def frame(tid, unit, pdu, protocol=0, length=None):
    return struct.pack(">HHHB", tid, protocol, len(pdu) + 1 if length is None else length, unit) + pdu


def good(tid, unit, function, count):
    return frame(tid, unit, struct.pack(">BB", function, 2 * count) + b"\x00\x2a" * count)


def words(function, n_bytes, data):
    return struct.pack(">BB", function, n_bytes) + data


# name: bytes to send for (transaction, unit, function, count); a list is sent in pieces; None closes the connection
MODES = {
    "another transaction": lambda t, u, f, n: good(t + 1, u, f, n),
    "transaction zero": lambda t, u, f, n: good(0, u, f, n),
    "another unit": lambda t, u, f, n: good(t, u + 1, f, n),
    "another protocol": lambda t, u, f, n: frame(t, u, words(f, 2 * n, b"\0\x2a" * n), protocol=7),
    "another function": lambda t, u, f, n: good(t, u, 4, n),
    "a write's echo": lambda t, u, f, n: frame(t, u, struct.pack(">BHH", 16, 0, n)),
    "too few registers": lambda t, u, f, n: good(t, u, f, n - 1),
    "too many registers": lambda t, u, f, n: good(t, u, f, n + 1),
    "byte count too small": lambda t, u, f, n: frame(t, u, words(f, 2 * n - 2, b"\0\x2a" * n)),
    "byte count too large": lambda t, u, f, n: frame(t, u, words(f, 2 * n + 2, b"\0\x2a" * n)),
    "odd byte count": lambda t, u, f, n: frame(t, u, words(f, 2 * n - 1, b"\0\x2a" * n)[:-1]),
    "byte count zero": lambda t, u, f, n: frame(t, u, words(f, 0, b"")),
    "length too large": lambda t, u, f, n: frame(t, u, words(f, 2 * n, b"\0\x2a" * n), length=200),
    "length too small": lambda t, u, f, n: frame(t, u, words(f, 2 * n, b"\0\x2a" * n), length=4),
    "length zero": lambda t, u, f, n: frame(t, u, words(f, 2 * n, b"\0\x2a" * n), length=0),
    "bytes behind the frame": lambda t, u, f, n: good(t, u, f, n) + b"\0",
    "two replies": lambda t, u, f, n: good(t, u, f, n) * 2,
    "exception without code": lambda t, u, f, n: frame(t, u, bytes([f | 0x80])),
    "exception zero": lambda t, u, f, n: frame(t, u, bytes([f | 0x80, 0])),
    "exception of another function": lambda t, u, f, n: frame(t, u, bytes([0x90, 2])),
    "exception with data": lambda t, u, f, n: frame(t, u, bytes([f | 0x80]) + words(f, 2 * n, b"\0\x2a" * n)[1:]),
    "an exception": lambda t, u, f, n: frame(t, u, bytes([f | 0x80, 2])),
    "the request sent back": lambda t, u, f, n: frame(t, u, struct.pack(">BHH", f, 0, n)),
    "text": lambda t, u, f, n: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "half a header": lambda t, u, f, n: good(t, u, f, n)[:5],
    "all but the last byte": lambda t, u, f, n: good(t, u, f, n)[:-1],
    "a flood": lambda t, u, f, n: good(t, u, f, n) * 400,
    "a drip that never ends": lambda t, u, f, n: [bytes([byte]) for byte in good(t, u, f, n)],
    "closed at once": lambda t, u, f, n: None,
    "closed within the frame": lambda t, u, f, n: [good(t, u, f, n)[:9], None],
    "silence": lambda t, u, f, n: b"",
}
CAUSES = dict.fromkeys(MODES, "INVALID_REPLY") | {
    "an exception": "REFUSED",
    "half a header": "TIMEOUT",
    "all but the last byte": "TIMEOUT",
    "a drip that never ends": "TIMEOUT",
    "silence": "TIMEOUT",
    "closed at once": "NO_CONNECTION",
    "closed within the frame": "NO_CONNECTION",
}


async def hostile(mode):
    """A server that answers with `mode` first and properly ever after. Returns server and port."""
    asked = 0

    async def answer(reader, writer):
        nonlocal asked
        try:
            while True:
                head = await reader.readexactly(7)
                body = await reader.readexactly(int.from_bytes(head[4:6], "big") - 1)
                transaction, unit, function = int.from_bytes(head[:2], "big"), head[6], body[0]
                count = int.from_bytes(body[3:5], "big")
                asked += 1
                reply = MODES[mode](transaction, unit, function, count) if asked == 1 else good(transaction, unit, function, count)
                for piece in reply if isinstance(reply, list) else [reply]:
                    if piece is None:
                        return
                    writer.write(piece)
                    await writer.drain()
                    if isinstance(reply, list):
                        await asyncio.sleep(0.05)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("mode", MODES)
def test_no_invalid_reply_becomes_a_value_and_the_next_good_one_does(mode):
    async def run():
        server, port = await hostile(mode)
        link = Link(LinkConfig(id="field", url=f"tcp://127.0.0.1:{port}", timeout_s=TIMEOUT_S))
        started = time.perf_counter()
        with pytest.raises(LinkFault) as failure:
            await link.read(3, "holding", 10, 4)
        took_s = time.perf_counter() - started
        value = await link.read(3, "holding", 10, 4)
        link.close()
        server.close()
        return failure.value, took_s, value

    failure, took_s, value = asyncio.run(run())
    assert value.tolist() == [42] * 4
    assert failure.cause.name == CAUSES[mode]
    assert took_s < (2 * TIMEOUT_S if CAUSES[mode] == "TIMEOUT" else 0.8 * TIMEOUT_S)


def test_a_reply_that_comes_after_its_timeout_is_not_taken_for_the_next_one():
    async def run():
        async def answer(reader, writer):
            first = await reader.readexactly(12)
            second = await reader.readexactly(12)
            late = frame(int.from_bytes(first[:2], "big"), first[6], words(3, 2, b"\x11\x11"))
            writer.write(late + frame(int.from_bytes(second[:2], "big"), second[6], words(3, 2, b"\x22\x22")))
            await writer.drain()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        link = Link(LinkConfig(id="field", url=f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout_s=TIMEOUT_S))
        with pytest.raises(LinkFault, match="no reply"):
            await link.read(1, "holding", 0, 1)
        value = await link.read(1, "holding", 0, 1)
        link.close()
        server.close()
        return value.tolist()

    assert asyncio.run(run()) == [0x2222]


def test_a_write_whose_echo_names_other_registers_is_not_acknowledged():
    async def run():
        async def answer(reader, writer):
            request = await reader.readexactly(15)
            writer.write(frame(int.from_bytes(request[:2], "big"), request[6], struct.pack(">BHH", 16, 5, 1)))
            await writer.drain()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        link = Link(LinkConfig(id="field", url=url, timeout_s=TIMEOUT_S, read_only=False))
        with pytest.raises(LinkFault, match="echo of 1 registers at 5"):
            await link.write(1, 4, [7])
        link.close()
        server.close()

    asyncio.run(run())


ASKED = strict.Asked(transaction=7, unit=3, function=3, address=10, count=4)
GOOD = good(7, 3, 3, 4)


@given(st.binary(max_size=40))
def test_only_frames_that_differ_in_data_bytes_alone_pass(noise):
    passes = strict.check(ASKED, noise) is None and strict.complete(noise)
    assert passes == (len(noise) == len(GOOD) and noise[:9] == GOOD[:9]) or noise[:8] == frame(7, 3, b"\x83\0")[:8]


@given(st.integers(0, 8), st.integers(1, 255))
def test_any_change_of_a_header_byte_is_seen(place, change):
    changed = bytearray(GOOD)
    changed[place] ^= change
    assert strict.check(ASKED, bytes(changed)) is not None


@given(st.integers(0, len(GOOD)))
def test_every_beginning_of_a_good_reply_is_good_so_far(length):
    assert strict.check(ASKED, GOOD[:length]) is None
    assert strict.complete(GOOD[:length]) == (length == len(GOOD))
