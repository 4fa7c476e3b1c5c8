"""What is open on one connection: at most one request, and replies to earlier ones that may still come.

Both engines pass every received byte through here; only a frame that this returns may become values.
"""

from city.quality import Cause
from meters.links.asked import Asked
from meters.links.strict import LinkFault, check, complete

_LATE_LIMIT = 16


class Exchange:
    """The open request of a connection and what has been received for it. Times are loop times [s]."""

    def __init__(self) -> None:
        self.asked: Asked | None = None  # None: nothing is open
        self.transaction = b""
        self.received = b""  # what came and is not yet judged to be something
        self._given_up: list[tuple[bytes, Asked]] = []
        self._begun = self._last = 0.0
        self._pieces = 0
        self._late = False

    def begin(self, asked: Asked, transaction: bytes, now: float) -> None:
        """A request goes out. Over TCP transactions must count up from 1, so that it is known which are over."""
        self.asked, self.transaction, self._begun = asked, transaction, now
        self._pieces, self._late = 0, False
        if transaction and self._given_up:  # after 65,535 requests the numbers come again
            self._given_up = [late for late in self._given_up if late[0] != transaction]

    def take(self, data: bytes, now: float) -> bytes | LinkFault | None:
        """Judge what was received: the reply, why there is none, or None while it may still come.

        Late replies are dropped: they are no fault of the request that is open now. The fault of an RTU request is provisional
        until the line is silent.
        """
        self._pieces, self._last = self._pieces + 1, now
        self.received += data
        if self._begins_late() or not self.received:
            return None
        if self.asked is None:
            return LinkFault(Cause.INVALID_REPLY, "a reply that nobody asked for")
        fault = check(self.asked, self.transaction, self.received)
        if fault is not None:
            return self._repeated() or fault
        return self.received if complete(self.asked, self.transaction, self.received) else None

    def end(self) -> None:
        """The request has its reply, or its fault."""
        self.asked, self.received = None, b""

    def give_up(self, now: float) -> LinkFault:
        """The deadline has passed: why there is no reply. It may still come, and will be known as late."""
        waited_s, came = now - self._begun, len(self.received)
        if self.asked is not None:
            self._given_up = [*self._given_up, (self.transaction, self.asked)][-_LATE_LIMIT:]
        self.end()
        if came and self._pieces > 1 and self._last - self._begun > waited_s / 4:
            return LinkFault(Cause.DRIP, f"{came} bytes in {self._pieces} pieces within {waited_s:.3g} s")
        if came:
            return LinkFault(Cause.TRUNCATED, f"only {came} bytes within {waited_s:.3g} s")
        if self._late:
            return LinkFault(Cause.STALE, f"only the reply to an earlier request within {waited_s:.3g} s")
        return LinkFault(Cause.TIMEOUT, f"no reply within {waited_s:.3g} s")

    def lost(self, why: str) -> LinkFault:
        """The connection is gone."""
        came = len(self.received)
        self.end()
        if came:
            return LinkFault(Cause.TRUNCATED, f"{why} after {came} bytes of the reply")
        return LinkFault(Cause.NO_CONNECTION, why)

    def mistakable(self, asked: Asked) -> bool:
        """Over RTU, which has no transaction id: could the reply to a request given up before, or its refusal, look like one to this?"""
        return asked.rtu and any(late.refusal == asked.refusal for _, late in self._given_up)

    def forget_late(self) -> None:
        """Their time is over."""
        self._given_up = []

    def _repeated(self) -> LinkFault | None:
        earlier, current = int.from_bytes(self.received[:2], "big"), int.from_bytes(self.transaction, "big")
        if self.transaction and self.received[2:4] == b"\0\0" and 0 < earlier < current:
            return LinkFault(Cause.DUPLICATE, f"the reply to transaction {earlier} again instead of {current}")
        return None

    def _begins_late(self) -> bool:
        """Drop whole replies to requests given up before; is what is left the beginning of another?"""
        while late := next((entry for entry in self._given_up if self._answers(*entry)), None):
            self._late = True
            length = late[1].length if late[1].rtu else 6 + int.from_bytes(self.received[4:6], "big")
            if len(self.received) < max(length, 6):
                return True
            self.received = self.received[length:]
            self._given_up.remove(late)
        return False

    def _answers(self, transaction: bytes, asked: Asked) -> bool:
        if not asked.rtu:
            return len(self.received) >= 2 and self.received.startswith(transaction)
        reply = self.received[: asked.length]
        return len(reply) == asked.length and check(asked, b"", reply) is None
