"""A Modbus request as bytes, and all that is known of its good reply before it comes.

References: Modbus Application Protocol V1.1b3, 6.1 to 6.6, 6.11 and 6.12 (functions 1 to 6, 15, 16, with their limits of quantity);
Modbus over Serial Line V1.02, 6.2.2 (CRC generation).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from city.problems import fault
from meters.maps.formats import Table

FUNCTION = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
_REGISTER = np.dtype(">u2")
_MOST = {1: 2000, 2: 2000, 3: 125, 4: 125, 5: 1, 6: 1, 15: 1968, 16: 123}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. Over TCP two bytes of transaction id stand before `request`, `expected` and `refusal`; over RTU nothing does."""

    unit: int
    function: int
    address: int
    count: int
    words: tuple[int, ...]  # to be written; bits as 0 and 1
    rtu: bool
    request: bytes  # the frame that is sent
    expected: bytes  # a good reply begins so; of a write it is the whole reply
    refusal: bytes  # an exception reply begins so; its code follows
    length: int  # of a good reply [bytes]

    @property
    def is_read(self) -> bool:
        return self.function < 5

    @property
    def data_bytes(self) -> int:
        """Of a good reply to a read."""
        return (self.count + 7) // 8 if self.function in (1, 2) else 2 * self.count

    @property
    def echo(self) -> bytes:
        """A good reply to a write, from the function code on."""
        start = 1 if self.rtu else 5
        return self.request[start : start + 5]

    def values(self, reply: bytes) -> NDArray[np.uint16]:
        """What a good reply to a read holds: one element per register or bit."""
        first = 3 if self.rtu else 9
        if self.function in (3, 4):
            return np.frombuffer(reply, _REGISTER, self.count, first).astype(np.uint16)
        bits = np.unpackbits(np.frombuffer(reply, np.uint8, self.data_bytes, first), count=self.count, bitorder="little")
        return bits.astype(np.uint16)


@lru_cache(maxsize=16_384)
def reading(unit: int, table: Table, address: int, count: int, rtu: bool = False) -> Asked:
    """The request for `count` registers or bits from `address`. Raises `PenstockError` for what no Modbus request can ask."""
    function = FUNCTION[table]
    body = bytes([function]) + _place(unit, function, address, count)
    data_bytes = (count + 7) // 8 if function in (1, 2) else 2 * count
    return _asked(unit, address, count, (), rtu, body, bytes([function, data_bytes]), 2 + data_bytes)


def writing(unit: int, table: Table, address: int, words: Sequence[int], single: bool = False, rtu: bool = False) -> Asked:
    """The request to write `words` to holding registers, or bits to coils. Raises `PenstockError` for what cannot be asked."""
    values = tuple(int(word) for word in words)
    if table not in ("holding", "coil") or not all(0 <= value <= (1 if table == "coil" else 0xFFFF) for value in values):
        raise fault(f"write to {table}", f"words {values[:4]}", "holding with 0..65535, or coil with 0..1", "Correct the register map.")
    function = {("coil", True): 5, ("holding", True): 6, ("coil", False): 15, ("holding", False): 16}[table, single]
    place = _place(unit, function, address, len(values))
    if single:
        body = bytes([function]) + place[:2] + (values[0] * 0xFF00 if table == "coil" else values[0]).to_bytes(2, "big")
        return _asked(unit, address, 1, values, rtu, body, body, 5)
    packed = np.packbits(values, bitorder="little").tobytes() if table == "coil" else np.array(values, _REGISTER).tobytes()
    body = bytes([function]) + place + bytes([len(packed)]) + packed
    return _asked(unit, address, len(values), values, rtu, body, body[:5], 5)


def checksum(frame: bytes) -> bytes:
    """CRC-16 of an RTU frame, low byte first as it is sent."""
    crc = 0xFFFF
    for byte in frame:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def _crc_of(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


_CRC = tuple(map(_crc_of, range(256)))


def _place(unit: int, function: int, address: int, count: int) -> bytes:
    most = _MOST[function]
    if not (0 <= unit <= 255 and 1 <= count <= most and address >= 0 and address + count <= 65_536):
        allowed = f"unit 0..255, 1..{most} values, addresses 0..65535"
        raise fault(f"request to unit {unit}", f"{count} from {address} (function {function})", allowed, "Correct meter or register map.")
    return address.to_bytes(2, "big") + count.to_bytes(2, "big")


def _asked(unit: int, address: int, count: int, words: tuple[int, ...], rtu: bool, body: bytes, reply: bytes, reply_bytes: int) -> Asked:
    """`body`: the request from its function code on; `reply`: how the good reply begins there; `reply_bytes`: its length there."""
    function, of = body[0], bytes([unit])
    if rtu:
        request, length = of + body, 1 + reply_bytes + 2
        expected = of + reply + (checksum(of + reply) if function > 4 else b"")
        refusal = of + bytes([function | 0x80])
        return Asked(unit, function, address, count, words, rtu, request + checksum(request), expected, refusal, length)
    request = b"\0\0" + (1 + len(body)).to_bytes(2, "big") + of + body
    expected = b"\0\0" + (1 + reply_bytes).to_bytes(2, "big") + of + reply
    refusal = b"\0\0\0\3" + of + bytes([function | 0x80])
    return Asked(unit, function, address, count, words, rtu, request, expected, refusal, 5 + reply_bytes)
