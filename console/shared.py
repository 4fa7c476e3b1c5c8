"""What sessions share: one value per question, made once by whoever asks first.

Streamlit's own cache makes a value in every session that misses at the same moment, hashes the arguments and the signature at every
call, and unpickles a copy for each caller. Here a key is a tuple that hashes itself, values are handed out as they are, and a value
is made by one session while the others wait for it, or go on with the last one when that is not much older than it may be.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import pandas as pd

_PATIENCE = 3  # while one session makes a value anew, the others may see one up to so many times as old as it may be


@dataclass
class _Entry:
    ttl_s: float
    lock: Lock = field(default_factory=Lock)
    made_s: float = float("-inf")
    value: Any = None


class Shared:
    """Values by key for the whole process. Nobody may change one in place, but a frame is safe: everyone gets a copy on write."""

    def __init__(self, room: int = 500, clock: Callable[[], float] = time.monotonic) -> None:
        self._room, self._clock = room, clock
        self._entries: dict[Hashable, _Entry] = {}
        self._lock = Lock()

    def get(self, key: Hashable, ttl_s: float, make: Callable[[], Any]) -> Any:
        """The value of `key`, at most `ttl_s` old [s], or up to three times as old while another session makes it anew.

        What `make` raises is raised here and not kept.
        """
        entry = self._entry(key, ttl_s)
        if self._age(entry) >= ttl_s and entry.lock.acquire(blocking=self._age(entry) >= _PATIENCE * ttl_s):
            try:
                if self._age(entry) >= ttl_s:  # not made while this session waited
                    entry.value = make()
                    entry.made_s = self._clock()
            finally:
                entry.lock.release()
        return entry.value.copy(deep=False) if isinstance(entry.value, pd.DataFrame) else entry.value

    def forget(self) -> None:
        """Drop everything; what is being made now goes to those who wait for it already, and to nobody else."""
        with self._lock:
            self._entries = {}

    def _age(self, entry: _Entry) -> float:
        return self._clock() - entry.made_s

    def _entry(self, key: Hashable, ttl_s: float) -> _Entry:
        found = self._entries.get(key)
        if found is not None:
            return found
        with self._lock:
            self._clear()
            return self._entries.setdefault(key, _Entry(ttl_s))

    def _clear(self) -> None:
        """Let go what is too old to be shown again, and the oldest where there is still no room; what is being made stays."""
        at_rest = {key: entry for key, entry in self._entries.items() if not entry.lock.locked()}
        gone = [key for key, entry in at_rest.items() if self._age(entry) >= _PATIENCE * entry.ttl_s]
        if len(self._entries) - len(gone) >= self._room:
            gone += sorted(at_rest.keys() - gone, key=lambda key: at_rest[key].made_s)[: self._room // 4]
        for key in gone:
            del self._entries[key]
