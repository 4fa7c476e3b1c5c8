"""Wrong ways to answer a Modbus request, each with the cause that it must get.

Written from the specifications, not from the code under test.

A mode is a tuple of steps, one per request. A step is what is sent back (bytes, pauses in seconds, CLOSE, RESET) and the name of
the cause that the request must end with; GOOD where the value must come through all the same.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

CLOSE, RESET = "close", "reset"
GOOD = "NONE"
Piece = bytes | float | str
TIMEOUT_S = 0.2  # of the links under test; pauses below are chosen for it


@dataclass(frozen=True)
class Query:
    """A request as the server read it."""

    transaction: int  # 0 over RTU
    unit: int
    function: int
    address: int
    count: int  # of registers or bits; of a single write the value
    body: bytes  # from the function code on
    rtu: bool

    def good(self) -> bytes:
        """The right reply from the function code on: register a holds a * 7, bit a is set when 3 divides a."""
        wanted = range(self.address, self.address + self.count)
        if self.function in (3, 4):
            return struct.pack(f">BB{self.count}H", self.function, 2 * self.count, *(7 * a % 65536 for a in wanted))
        if self.function in (1, 2):
            bits = sum(1 << i for i, a in enumerate(wanted) if a % 3 == 0)
            return struct.pack("BB", self.function, (self.count + 7) // 8) + bits.to_bytes((self.count + 7) // 8, "little")
        return self.body[:5]

    def frame(self, body: bytes | None = None, unit: int | None = None, **header: int) -> bytes:
        """`body` as a frame of the transport; header: transaction, protocol, length (MBAP), checksum (RTU, exclusive-ored)."""
        body, unit = self.good() if body is None else body, self.unit if unit is None else unit
        if self.rtu:
            told = bytes([unit]) + body
            return told + struct.pack("<H", crc16(told) ^ header.get("checksum", 0))
        transaction, protocol = header.get("transaction", self.transaction) % 65536, header.get("protocol", 0)
        return struct.pack(">HHHB", transaction, protocol, header.get("length", len(body) + 1), unit) + body


def _rest(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


_RESTS = [_rest(byte) for byte in range(256)]


def crc16(data: bytes) -> int:
    """Modbus over Serial Line V1.02, 6.2.2."""
    crc = 0xFFFF
    for byte in data:
        crc = _RESTS[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


Answer = Callable[[Query], "bytes | list[Piece]"]


@dataclass(frozen=True)
class Mode:
    name: str
    steps: tuple[tuple[Answer, str], ...]
    table: str = "holding"
    write: str = ""  # "", "single" or "many"
    count: int = 4


def one(name: str, cause: str, answer: Answer, **what: object) -> Mode:
    return Mode(name, ((answer, cause),), **what)  # type: ignore[arg-type]


def sends(*what: Piece) -> Answer:
    return lambda _: list(what)


def read(function: int, byte_count: int, data: bytes) -> bytes:
    return bytes([function, byte_count]) + data


def pieces(data: bytes, pause_s: float, size: int = 1) -> list[Piece]:
    return [piece for i in range(0, len(data), size) for piece in (data[i : i + size], pause_s)]


def on_rtu(q: Query) -> bytes:
    return replace(q, rtu=True).frame()


def _bodies() -> list[Mode]:
    """Faults of the reply itself, the same over both framings."""
    zeros = b"\0\x2a"
    modes = [
        one(f"function {f} instead of 3", "WRONG_FUNCTION", lambda q, f=f: q.frame(bytes([f]) + q.good()[1:]))
        for f in (0, 1, 2, 4, 7, 23, 43, 65, 100, 127)
    ]
    modes += [
        one(f"function {f}'s echo for a read", "WRONG_FUNCTION", lambda q, f=f: q.frame(struct.pack(">BHH", f, q.address, q.count)))
        for f in (5, 6, 15, 16)
    ]
    modes += [one(f"exception of function {f}", "WRONG_FUNCTION", lambda q, f=f: q.frame(bytes([f | 0x80, 2]))) for f in (0, 1, 4, 16, 43)]
    modes += [
        one(f"{n} registers instead of 4", "WRONG_REGISTER_COUNT", lambda q, n=n: q.frame(read(3, 2 * n, zeros * n)))
        for n in (0, 1, 2, 3, 5, 8, 100, 125)
    ]
    modes += [
        one(f"exception {code}", cause, lambda q, code=code: q.frame(bytes([q.function | 0x80, code])))
        for code, cause in {1: "REFUSED", 2: "REFUSED", 3: "REFUSED", 4: "DEVICE_FAILURE", 5: "DEVICE_BUSY", 6: "DEVICE_BUSY"}.items()
    ]
    modes += [
        one(f"exception {code}", cause, lambda q, code=code: q.frame(bytes([q.function | 0x80, code])))
        for code, cause in {7: "REFUSED", 8: "DEVICE_FAILURE", 10: "GATEWAY", 11: "GATEWAY"}.items()
    ]
    modes += [
        one(f"exception {code}, which does not exist", "INVALID_REPLY", lambda q, code=code: q.frame(bytes([q.function | 0x80, code])))
        for code in (0, 9, 12, 128, 255)
    ]
    modes += [one(f"unit {u} instead of 3", "WRONG_UNIT", lambda q, u=u: q.frame(unit=u)) for u in (0, 1, 2, 4, 131, 247, 255)]
    modes += [
        one("a reply odd by a byte", "WRONG_BYTE_COUNT", lambda q: q.frame(read(3, 7, zeros * 3 + b"\0"))),
        one("exception with a byte more", "WRONG_LENGTH", lambda q: q.frame(bytes([q.function | 0x80, 2, 0]))),
        one("exception with registers", "WRONG_LENGTH", lambda q: q.frame(bytes([q.function | 0x80]) + q.good()[1:])),
        one("silence", "TIMEOUT", sends()),
        one("closed at once", "NO_CONNECTION", sends(CLOSE)),
        one("reset at once", "NO_CONNECTION", sends(RESET)),
        one("closed within the reply", "TRUNCATED", lambda q: [q.frame()[:6], 0.02, CLOSE]),
        one("reset within the reply", "TRUNCATED", lambda q: [q.frame()[:6], 0.02, RESET]),
        one("drip, a byte at a time", "DRIP", lambda q: pieces(q.frame(), 0.03)),
        one("drip, two bytes at a time", "DRIP", lambda q: pieces(q.frame(), 0.06, 2)),
        one("drip that stops before the last byte", "DRIP", lambda q: pieces(q.frame()[:-1], 0.15 / len(q.frame()))),
        one("pieces in time", GOOD, lambda q: pieces(q.frame(), 0.002)),
        one("two halves in time", GOOD, lambda q: [q.frame()[:7], 0.02, q.frame()[7:]]),
    ]
    return modes + _writes() + _bits()


def _writes() -> list[Mode]:
    echo = [
        ("address", "INVALID_REPLY", lambda q: struct.pack(">BHH", q.function, q.address + 1, q.count)),
        ("count", "WRONG_REGISTER_COUNT", lambda q: struct.pack(">BHH", q.function, q.address, q.count + 1)),
    ]
    modes = [one(f"write, echo of another {what}", cause, lambda q, b=b: q.frame(b(q)), write="many") for what, cause, b in echo]
    modes += [
        one(f"coils, echo of another {what}", cause, lambda q, b=b: q.frame(b(q)), table="coil", write="many") for what, cause, b in echo
    ]
    for table, kind in (("holding", "register"), ("coil", "coil")):
        single = {"table": table, "write": "single", "count": 1}
        modes += [
            one(
                f"{kind}, echo of another value",
                "INVALID_REPLY",
                lambda q: q.frame(q.body[:3] + bytes([q.body[3] ^ 0xFF, q.body[4]])),
                **single,
            ),
            one(
                f"{kind}, echo of another address",
                "INVALID_REPLY",
                lambda q: q.frame(q.body[:2] + bytes([q.body[2] ^ 1]) + q.body[3:5]),
                **single,
            ),
            one(f"{kind}, a read's reply to a write", "WRONG_FUNCTION", lambda q: q.frame(read(3, 2, b"\0\1")), **single),
            one(f"{kind}, refused write", "REFUSED", lambda q: q.frame(bytes([q.function | 0x80, 3])), **single),
            one(f"{kind}, unacknowledged write", "TIMEOUT", sends(), **single),
        ]
    return modes


def _bits() -> list[Mode]:
    return [
        one("coils, a byte too few", "WRONG_REGISTER_COUNT", lambda q: q.frame(read(1, 1, b"\1")), table="coil", count=12),
        one("coils, a byte too many", "WRONG_REGISTER_COUNT", lambda q: q.frame(read(1, 3, b"\1\0\0")), table="coil", count=12),
        one("coils, as registers", "WRONG_FUNCTION", lambda q: q.frame(read(3, 2, b"\1\0")), table="coil", count=12),
        one("discrete inputs, as coils", "WRONG_FUNCTION", lambda q: q.frame(read(1, 2, b"\1\0")), table="discrete", count=12),
        one("input registers, as holding registers", "WRONG_FUNCTION", lambda q: q.frame(b"\3" + q.good()[1:]), table="input"),
    ]


def _mbap() -> list[Mode]:
    """Faults of the header, of the stream, and of time."""
    modes = [
        one(f"transaction {d:+d}", "WRONG_TRANSACTION", lambda q, d=d: q.frame(transaction=q.transaction + d)) for d in (1, 2, 256, 0x7FFF)
    ]
    modes += [one(f"transaction {t}", "WRONG_TRANSACTION", lambda q, t=t: q.frame(transaction=t)) for t in (0, 0x0200, 0xFFFF)]
    modes += [one(f"protocol {p}", "WRONG_PROTOCOL", lambda q, p=p: q.frame(protocol=p)) for p in (1, 2, 256, 0xFFFF)]
    modes += [
        one(f"length {n}", "WRONG_LENGTH", lambda q, n=n: q.frame(length=n)) for n in (0, 1, 2, 3, 4, 10, 12, 13, 200, 254, 256, 65535)
    ]
    modes += [
        one(f"byte count {n}, length right", "WRONG_BYTE_COUNT", lambda q, n=n: q.frame(read(3, n, b"\0\x2a" * 4)))
        for n in (0, 1, 4, 6, 7, 9, 10, 255)
    ]
    modes += [one(f"cut after {n} bytes", "TRUNCATED", lambda q, n=n: q.frame()[:n]) for n in (1, 2, 4, 5, 6, 7, 8, 9, 12, 16)]
    modes += [one(f"{n} bytes behind the frame", "OVERSIZE", lambda q, n=n: q.frame() + bytes(n)) for n in (1, 2, 9, 300, 70_000, 300_000)]
    modes += [
        one("exception without its code", "WRONG_LENGTH", lambda q: q.frame(bytes([q.function | 0x80]))),
        one("bytes behind an exception", "OVERSIZE", lambda q: q.frame(bytes([q.function | 0x80, 2])) + b"\0"),
        one("another frame behind the reply", "OVERSIZE", lambda q: q.frame() + q.frame(transaction=q.transaction + 1)),
        one("an exception behind the reply", "DUPLICATE", lambda q: q.frame() + q.frame(bytes([q.function | 0x80, 2]))),
        one("the reply twice at once", "DUPLICATE", lambda q: q.frame() * 2),
        one("the reply 400 times", "DUPLICATE", lambda q: q.frame() * 400),
        Mode("the reply twice, one after the other", ((lambda q: [q.frame(), 0.02, q.frame()], GOOD), (lambda q: q.frame(), GOOD))),
        Mode("the reply before once more", ((lambda q: q.frame(), GOOD), (lambda q: q.frame(transaction=q.transaction - 1), "DUPLICATE"))),
        Mode("the late reply only", ((sends(), "TIMEOUT"), (lambda q: q.frame(transaction=q.transaction - 1), "STALE"))),
        Mode("the late reply twice", ((sends(), "TIMEOUT"), (lambda q: q.frame(transaction=q.transaction - 1) * 2, "DUPLICATE"))),
        Mode(
            "the late reply, then the good one",
            ((sends(), "TIMEOUT"), (lambda q: q.frame(transaction=q.transaction - 1) + q.frame(), GOOD)),
        ),
        Mode(
            "the late reply in pieces, then the good one",
            ((sends(), "TIMEOUT"), (lambda q: [*pieces(q.frame(transaction=q.transaction - 1), 0.002), q.frame()], GOOD)),
        ),
        one("text", "GARBAGE", sends(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        one("a TLS alert", "WRONG_TRANSACTION", sends(b"\x15\x03\x00\x00\x02\x02\x28")),
        one("only 0xFF", "GARBAGE", sends(b"\xff" * 17)),
        one("only zeros", "WRONG_TRANSACTION", sends(bytes(17))),
        one("Modbus ASCII", "GARBAGE", sends(b":030308002A002A002A002A4A\r\n")),
        one("an RTU frame", "GARBAGE", on_rtu),
        one("header in little-endian", "WRONG_TRANSACTION", lambda q: q.frame()[1::-1] + q.frame()[2:]),
        one("the request sent back", "WRONG_LENGTH", lambda q: q.frame(q.body)),
        one("write, the whole request sent back", "WRONG_LENGTH", lambda q: q.frame(q.body), write="many"),
        one("a reply without header", "GARBAGE", lambda q: bytes([0x77, 0x77]) + q.good()),
    ]
    return modes


def _rtu() -> list[Mode]:
    """Faults of the checksum and of the line."""
    modes = [
        one(f"checksum off by {x:#06x}", "WRONG_CHECKSUM", lambda q, x=x: q.frame(checksum=x)) for x in (1, 0x80, 0x100, 0x8000, 0xFFFF)
    ]
    modes += [
        one(f"bit {bit} turned in byte {at}", "WRONG_CHECKSUM" if at else "GARBAGE", lambda q, at=at, bit=bit: _turned(q.frame(), at, bit))
        for at in (0, 1, 2, 3, 7, 10)
        for bit in (0, 7)
    ]
    modes += [one(f"cut after {n} bytes", "TRUNCATED", lambda q, n=n: q.frame()[:n]) for n in (1, 2, 3, 4, 8, 11, 12)]
    modes += [one(f"{n} bytes behind the frame", "OVERSIZE", lambda q, n=n: q.frame() + bytes(n)) for n in (1, 2, 9, 300)]
    modes += [
        one("the reply twice at once", "DUPLICATE", lambda q: q.frame() * 2),
        one("the reply 400 times", "DUPLICATE", lambda q: q.frame() * 400),
        one("a byte of noise before the reply", "GARBAGE", lambda q: b"\xfe" + q.frame()),
        one("checksum in the other order", "WRONG_CHECKSUM", lambda q: q.frame()[:-2] + q.frame()[:-3:-1]),
        one("exception with a wrong checksum", "WRONG_CHECKSUM", lambda q: q.frame(bytes([q.function | 0x80, 2]), checksum=1)),
        one("an MBAP frame", "GARBAGE", lambda q: struct.pack(">HHHB", 1, 0, 11, 3) + q.good()),
        one("text", "GARBAGE", sends(b"login: ")),
        one("only zeros", "GARBAGE", sends(bytes(13))),
        one("only 0xFF", "GARBAGE", sends(b"\xff" * 13)),
        one("exception without its code", "TRUNCATED", lambda q: q.frame(bytes([q.function | 0x80]))),
        one("the request sent back", "WRONG_LENGTH", lambda q: q.frame(q.body)),
        one("noise that does not end", "GARBAGE", sends(*pieces(b"\xaa" * 40, 0.01))),
        Mode("noise between two requests", ((lambda q: [q.frame(), 0.02, b"\xfe\x00\xfe"], GOOD), (lambda q: q.frame(), GOOD))),
        Mode("the late reply of the same request", ((lambda q: [0.25, q.frame()], "TIMEOUT"), (lambda q: q.frame(), GOOD))),
    ]
    return modes


def _turned(frame: bytes, at: int, bit: int) -> bytes:
    return frame[:at] + bytes([frame[at] ^ 1 << bit]) + frame[at + 1 :]


TCP = (*_bodies(), *_mbap())
RTU = (*_bodies(), *_rtu())
