"""Is this the reply to that request? Every field of the frame is checked before a byte of it may become a value.

All that a good reply may differ in are its data, so the rest of it is known when the request is made (`Asked.expected`); a reply
that begins otherwise is none. Only then is it looked at why, to give the reading its cause. `check` works on any beginning of
a reply: a wrong byte is seen as soon as it is there, so an invalid reply costs no timeout.

References: Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1 (MBAP header); Modbus over Serial Line V1.02, 2.5.1 (RTU frame
and CRC); Modbus Application Protocol V1.1b3, 7 (exception codes).
"""

from city.quality import Cause
from meters.links.asked import Asked, checksum

_EXCEPTIONS = dict.fromkeys((1, 2, 3, 7), Cause.REFUSED) | {
    4: Cause.DEVICE_FAILURE,
    5: Cause.DEVICE_BUSY,
    6: Cause.DEVICE_BUSY,
    8: Cause.DEVICE_FAILURE,
    10: Cause.GATEWAY,
    11: Cause.GATEWAY,
}
LONGEST_RTU = 256  # bytes in a frame
_NOT_DONE = (1, 2, 3, 6, 7, 10)  # of a write: the device, or the gateway before it, says that it did not begin


class LinkFault(Exception):
    """Why there is no reply that can be used. `reachable` is False when nothing was sent: no connection, or no time left."""

    def __init__(self, cause: Cause, detail: str, reachable: bool = True, exception: int | None = None) -> None:
        super().__init__(f"{cause.name.lower()}: {detail}")
        self.cause, self.detail, self.reachable, self.exception = cause, detail, reachable, exception

    @property
    def refused(self) -> bool:
        """Did somebody say no, so that a write surely did not happen?"""
        return self.cause is Cause.REFUSED or self.exception in _NOT_DONE


def check(asked: Asked, transaction: bytes, received: bytes) -> LinkFault | None:
    """What is wrong with `received` as the reply to `asked`: None nothing so far; a well-formed exception reply is a fault too."""
    good = transaction + asked.expected
    length = len(transaction) + asked.length
    if received[: len(good)] == good[: len(received)] and len(received) <= length:
        return _checksum(received) if asked.rtu and len(received) == length else None
    refusal = transaction + asked.refusal
    ends = len(refusal) + (3 if asked.rtu else 1)
    if received[: len(refusal)] == refusal[: len(received)] and len(received) <= ends:
        if len(received) < ends:
            return None
        return (_checksum(received) if asked.rtu else None) or _exception(received[len(refusal)])
    return _rtu(asked, received) if asked.rtu else _mbap(asked, transaction, received)


def complete(asked: Asked, transaction: bytes, received: bytes) -> bool:
    """Are all bytes of a good reply there?"""
    return len(received) == len(transaction) + asked.length


def _exception(code: int) -> LinkFault:
    if code not in _EXCEPTIONS:
        return LinkFault(Cause.INVALID_REPLY, f"exception code {code}, which does not exist")
    return LinkFault(_EXCEPTIONS[code], f"exception {code}", exception=code)


def _checksum(received: bytes) -> LinkFault | None:
    if checksum(received[:-2]) == received[-2:]:
        return None
    return LinkFault(Cause.WRONG_CHECKSUM, f"checksum {received[-2:].hex()} instead of {checksum(received[:-2]).hex()}")


def _mbap(asked: Asked, transaction: bytes, received: bytes) -> LinkFault:
    """The cause by the header's fields in their order of trust."""
    other = received[:2] != transaction[: len(received)]
    if other and received[2:4] not in (b"", b"\0", b"\0\0"):
        return LinkFault(Cause.GARBAGE, f"{received[:8].hex()} is no Modbus header")
    if other:
        return LinkFault(Cause.WRONG_TRANSACTION, f"transaction {received[:2].hex()} instead of {transaction.hex()}")
    if received[2:4] not in (b"", b"\0", b"\0\0"):
        return LinkFault(Cause.WRONG_PROTOCOL, f"protocol {received[2:4].hex()} instead of 0000")
    announced = int.from_bytes(received[4:6], "big")
    if len(received) > 6 and received[6] != asked.unit:
        return LinkFault(Cause.WRONG_UNIT, f"unit {received[6]} instead of {asked.unit}")
    end = 6 + announced
    if len(received) > end:
        frame = check(asked, transaction, received[:end])
        if frame is None or frame.exception is not None:
            return _behind(received, end, transaction)
    wrong = _reply(asked, received[7:end], announced - 1) if len(received) >= 6 else None
    return wrong or LinkFault(Cause.WRONG_LENGTH, f"length {received[4:6].hex()} instead of {asked.expected[2:4].hex()}")


def _rtu(asked: Asked, received: bytes) -> LinkFault:
    """The cause by the whole that came until the line was silent; without a good checksum no field of it can be believed."""
    if len(received) > asked.length and check(asked, b"", received[: asked.length]) is None:
        return _behind(received, asked.length, asked.expected)
    if not 4 <= len(received) <= LONGEST_RTU or checksum(received[:-2]) != received[-2:]:
        if received[:1] == bytes([asked.unit]):
            return LinkFault(Cause.WRONG_CHECKSUM, f"{len(received)} bytes without a good checksum")
        return LinkFault(Cause.GARBAGE, f"{received[:8].hex()} is no Modbus frame")
    if received[0] != asked.unit:
        return LinkFault(Cause.WRONG_UNIT, f"unit {received[0]} instead of {asked.unit}")
    return _reply(asked, received[1:-2], len(received) - 3) or LinkFault(Cause.INVALID_REPLY, "not the reply to this request")


def _behind(received: bytes, end: int, beginning: bytes) -> LinkFault:
    if received[end:].startswith(beginning):
        return LinkFault(Cause.DUPLICATE, "the same reply twice")
    return LinkFault(Cause.OVERSIZE, f"{len(received) - end} bytes after the end of the frame")


def _reply(asked: Asked, reply: bytes, announced: int) -> LinkFault | None:
    """Function, then length, byte count and echo. `announced`: how long the frame says that the reply is [bytes]."""
    good_bytes = 2 + asked.data_bytes if asked.is_read else 5
    if reply and reply[0] & 0x7F != asked.function:
        return LinkFault(Cause.WRONG_FUNCTION, f"function {reply[0]} instead of {asked.function}")
    if reply and reply[0] & 0x80:
        if announced != 2:
            return LinkFault(Cause.WRONG_LENGTH, f"an exception of {announced} bytes instead of 2")
        return None
    if asked.is_read and len(reply) > 1 and reply[1] != asked.data_bytes:
        if announced == 2 + reply[1] and (reply[1] % 2 == 0 or asked.function < 3):
            return LinkFault(Cause.WRONG_REGISTER_COUNT, f"{reply[1]} bytes of values instead of {asked.data_bytes}")
        if announced in (good_bytes, 2 + reply[1]):
            return LinkFault(Cause.WRONG_BYTE_COUNT, f"byte count {reply[1]} instead of {asked.data_bytes}")
    if announced != good_bytes:
        return LinkFault(Cause.WRONG_LENGTH, f"a reply of {announced} bytes instead of {good_bytes}, or 2 for an exception")
    if not asked.is_read and reply[:3] != asked.echo[: len(reply)][:3]:
        return LinkFault(Cause.INVALID_REPLY, f"the echo {reply.hex()} instead of {asked.echo.hex()}")
    if not asked.is_read and reply[:5] != asked.echo[: len(reply)]:
        cause = Cause.WRONG_REGISTER_COUNT if asked.function > 6 else Cause.INVALID_REPLY
        return LinkFault(cause, f"the echo {reply.hex()} instead of {asked.echo.hex()}")
    return None
