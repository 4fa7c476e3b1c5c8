"""Is this the reply to that request? Every field of the frame is checked before a byte of it may become a value.

References: Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1 (MBAP header); Modbus Application Protocol V1.1b3,
6.1 to 6.6, 6.11, 6.12 (functions 1 to 6, 15, 16) and 7 (exception codes).
"""

from dataclasses import dataclass

HEADER_BYTES = 7
_READS = (1, 2, 3, 4)
_BITS = (1, 2)
_EXCEPTIONS = frozenset((1, 2, 3, 4, 5, 6, 7, 8, 10, 11))


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it went out. `address` and `count` are those of the registers read or written."""

    transaction: int
    unit: int
    function: int
    address: int
    count: int

    @property
    def body_bytes(self) -> int:
        """Length of a good reply after the header: function, byte count, data; or function, address, count."""
        return 2 + self.data_bytes if self.function in _READS else 5

    @property
    def data_bytes(self) -> int:
        """Of a good reply to a read."""
        return (self.count + 7) // 8 if self.function in _BITS else 2 * self.count


def asked(frame: bytes) -> Asked:
    """Read back a request that is about to be sent, so that what is checked is what was sent."""
    return Asked(
        transaction=int.from_bytes(frame[0:2], "big"),
        unit=frame[6],
        function=frame[7],
        address=int.from_bytes(frame[8:10], "big"),
        count=int.from_bytes(frame[10:12], "big"),
    )


def check(request: Asked, received: bytes) -> str | None:
    """What is wrong with `received` as the reply to `request`: None nothing so far, else the reason.

    Works on any beginning of a reply: a wrong byte is reported as soon as it is there, so an invalid reply costs no timeout.
    """
    for wrong in (_header(request, received), _body(request, received)):
        if wrong:
            return wrong
    return None


def complete(received: bytes) -> bool:
    """Are all bytes there that the header announces?"""
    return len(received) >= HEADER_BYTES and len(received) >= 6 + int.from_bytes(received[4:6], "big")


def transaction_of(received: bytes) -> int | None:
    """The transaction id, or None while it is not there yet."""
    return int.from_bytes(received[0:2], "big") if len(received) >= 2 else None


def _header(request: Asked, received: bytes) -> str | None:
    if len(received) >= 2 and transaction_of(received) != request.transaction:
        return f"transaction {transaction_of(received)} instead of {request.transaction}"
    if len(received) >= 4 and received[2:4] != b"\0\0":
        return f"protocol {int.from_bytes(received[2:4], 'big')} instead of 0"
    if len(received) >= 6:
        length = int.from_bytes(received[4:6], "big")
        if length not in (3, 1 + request.body_bytes):
            return f"length {length} instead of {1 + request.body_bytes}, or 3 for an exception"
        if len(received) > 6 + length:
            return f"{len(received) - 6 - length} bytes after the end of the frame"
    if len(received) >= 7 and received[6] != request.unit:
        return f"unit {received[6]} instead of {request.unit}"
    return None


def _body(request: Asked, received: bytes) -> str | None:
    if len(received) < 8:
        return None
    function, length = received[7], int.from_bytes(received[4:6], "big")
    if function == request.function | 0x80:
        if length != 3:
            return f"an exception of {length} bytes instead of 3"
        if len(received) >= 9 and received[8] not in _EXCEPTIONS:
            return f"exception code {received[8]}, which does not exist"
        return None
    if function != request.function:
        return f"function {function} instead of {request.function}"
    if length != 1 + request.body_bytes:
        return f"length {length} instead of {1 + request.body_bytes}"
    if function in _READS:
        if len(received) >= 9 and received[8] != request.data_bytes:
            return f"byte count {received[8]} instead of {request.data_bytes}"
        return None
    if complete(received):
        address, count = int.from_bytes(received[8:10], "big"), int.from_bytes(received[10:12], "big")
        if (address, count) != (request.address, request.count):
            return f"the echo of {count} registers at {address} instead of {request.count} at {request.address}"
    return None
