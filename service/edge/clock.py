"""Is this machine's clock to be trusted? Compared with the central's at each exchange, and with a steady clock in between.

References: RFC 5905, clause 8 (offset from the middle of the exchange; half the round trip bounds its error).
"""

import time
from collections.abc import Callable

import pandas as pd

from city.problems import Problem
from city.quality import Cause, questionable, usable


def _since_boot() -> float:
    """Seconds that no one can set; they also pass while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class ClockWatch:
    """Estimates how far the wall clock is behind the central's (negative: ahead) and marks readings taken while that is too far."""

    def __init__(self, tolerance_s: float, wall: Callable[[], float] = time.time, steady: Callable[[], float] = _since_boot) -> None:
        """`tolerance_s`: how far off the clock may be; `wall` and `steady` tell seconds since 1970 and since any fixed moment [s]."""
        self.tolerance_s, self._wall, self._steady = tolerance_s, wall, steady
        self._offset_s = self._error_s = 0.0
        self._then = (wall(), steady())
        self.compared = False

    def now(self) -> float:
        """The wall clock [s since 1970]."""
        return self._wall()

    def compare(self, sent: float, received: float, theirs: float) -> None:
        """Note an exchange: our clock when the question left and when the answer came, and the central's in between [s since 1970].

        One that was under way while our clock was set tells nothing and is left out.
        """
        self._offset_s, self._error_s = theirs - (sent + received) / 2, max(0.0, (received - sent) / 2)
        self._then = (self._wall(), self._steady())
        self.compared = True

    @property
    def offset_s(self) -> float:
        """How far the wall clock is behind now [s]: what was measured, less what it has been set forward since."""
        wall, steady = self._then
        return self._offset_s - ((self._wall() - wall) - (self._steady() - steady))

    def problem(self) -> Problem | None:
        """What to say of the clock; None while it is within its tolerance, the error of the measurement granted."""
        offset = self.offset_s
        if abs(offset) <= self.tolerance_s + self._error_s:
            return None
        way = "behind" if offset > 0 else "ahead of"
        against = "the central's" if self.compared else "where it was at the start"
        remedy = "Readings are kept as questionable (CLOCK). Check NTP on this machine."
        return Problem("clock", f"{abs(offset):,.1f} s {way} {against}", f"at most {self.tolerance_s:g} s", remedy)

    def mark(self, readings: pd.DataFrame) -> pd.DataFrame:
        """The readings; while the clock is not to be trusted, their values are kept as questionable. A cause that is there stays."""
        if self.problem() is None:
            return readings
        good = usable(readings["quality"].to_numpy())
        return readings.assign(quality=readings["quality"].mask(good, questionable(Cause.CLOCK)))
