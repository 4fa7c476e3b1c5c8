"""What is declared once for every kind of alarm: its words, and the rationalisation from which its priority follows.

References: ANSI/ISA-18.2-2016 clauses 9 (rationalisation) and 10 (delays, deadband, latching); EEMUA 191 for priority by consequence
and time to respond.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Pair = tuple[str, str]  # English, Chinese
Severity = Literal["minor", "major", "severe"]
NONE = timedelta(0)
AT_ONCE_MIN, SOON_MIN = 15, 60  # bounds of the time to respond [min]
_PRIORITY: dict[Severity, tuple[int, int, int]] = {"severe": (1, 1, 2), "major": (1, 2, 3), "minor": (2, 3, 3)}


@dataclass(frozen=True)
class Kind:
    """A kind of alarm. `text` and `action` may name the facts of its conditions in braces, and `{subject}`.

    `consequence` is what follows when nobody acts within `respond_min` [min]; together with `severity` it makes the priority.
    """

    name: str
    text: Pair
    action: Pair
    consequence: Pair
    severity: Severity
    respond_min: int
    page: str  # of the console, where it is worked on
    on_delay: timedelta = NONE  # the condition must last so long before it is annunciated
    off_delay: timedelta = NONE  # and must be gone for so long before it counts as gone
    deadband: float = 0.0  # and its value so far back within the limit [unit of the value]
    latched: bool = False  # stays on the list until it is reset
    suppressed_by: tuple[str, ...] = ()  # kinds of which it is a mere consequence, city-wide

    @property
    def priority(self) -> int:
        """1 act now, 2 this hour, 3 this shift."""
        column = 0 if self.respond_min <= AT_ONCE_MIN else 1 if self.respond_min <= SOON_MIN else 2
        return _PRIORITY[self.severity][column]

    @property
    def delays(self) -> str:
        """On-delay / off-delay [min], deadband, latching, as the philosophy page lists them."""
        minutes = " / ".join(f"{delay / timedelta(minutes=1):g}" for delay in (self.on_delay, self.off_delay))
        return minutes + (f", deadband {self.deadband:g}" if self.deadband else "") + (", latched" if self.latched else "")
