"""When a unit that did not answer is asked again: a circuit breaker per unit, on slot time, the same in every replay."""

from datetime import datetime, timedelta
from hashlib import blake2b


def share(text: str) -> float:
    """A number in [0, 1) that is always the same for the same text, and spread evenly over texts."""
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") / 2**32


class Breaker:
    """closed: the unit is asked. open: it is left alone. half-open: its pause is over, and one request tries it.

    A pause is `backoff_s`, after each further failure twice as long up to `backoff_max_s`, less up to half of it by a hash of name and
    failure: units that fell silent together do not come back together. It is never shorter than `backoff_s`, so a dead unit costs at
    most one timeout in so long.
    """

    def __init__(self, name: str, backoff_s: float, backoff_max_s: float) -> None:
        self._name, self._backoff_s, self._longest_s = name, backoff_s, max(backoff_max_s, backoff_s)
        self.failures = 0
        self._until: datetime | None = None

    @property
    def closed(self) -> bool:
        return self.failures == 0

    def open(self, slot_utc: datetime) -> bool:
        """Is the unit left alone at this slot?"""
        return self._until is not None and slot_utc < self._until

    def failed(self, slot_utc: datetime) -> None:
        """The unit cost a timeout at this slot."""
        whole_s = min(self._backoff_s * 2.0 ** min(self.failures, 30), self._longest_s)
        self.failures += 1
        pause_s = max(self._backoff_s, whole_s * (1 - share(f"{self._name} {self.failures}") / 2))
        self._until = slot_utc + timedelta(seconds=pause_s)

    def answered(self) -> None:
        """The unit answered, whatever it said."""
        self.failures, self._until = 0, None
