"""How often a token, or an address without a good one, may ask: a bucket each, in memory."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from city.problems import Problem
from service.api.problem import Denied

_MOST_KEPT = 10_000
STRANGERS_PER_MINUTE = 30  # refused tokens of one address


class Rates:
    """Token buckets: `per_minute` calls at once, refilled evenly. What nobody asked of for longest is forgotten first: it is full again."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._per_s, self._clock = float(per_minute), per_minute / 60, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, who: str) -> None:
        """Count a call. Raises `Denied` (429) with the seconds to wait when there are none left."""
        with self._lock:
            left = self._now(who)
            if left >= 1:
                self._keep(who, left - 1)
                return
            self._keep(who, left)
        self._refuse(left)

    def _now(self, who: str) -> float:
        left, then = self._left.get(who, (self._most, self._clock()))
        return min(self._most, left + (self._clock() - then) * self._per_s)

    def _keep(self, who: str, left: float) -> None:
        self._left[who] = left, self._clock()
        self._left.move_to_end(who)
        while len(self._left) > _MOST_KEPT:
            self._left.popitem(last=False)

    def _refuse(self, left: float) -> None:
        wait_s = max(1, -int(-(1 - left) // self._per_s))
        problem = Problem("calls", f"more than {self._most:g} a minute", f"{self._most:g} a minute", f"Ask again in {wait_s} s.")
        raise Denied(429, problem, headers={"Retry-After": str(wait_s)})
