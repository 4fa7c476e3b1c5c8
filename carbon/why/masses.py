"""Two kinds of mass that never enter one sum: what an inventory counts, and what a measure avoided."""

from dataclasses import dataclass
from typing import Self

from city.problems import fault


class _Mass:
    """A mass that adds to its own kind only."""

    __slots__ = ()

    def _same(self, other: object) -> Self:
        if isinstance(other, type(self)):
            return other
        raise fault(
            f"a sum of {_named(self)} and {_named(other)}",
            "two kinds of quantity",
            "masses of one kind",
            "Show them beside each other: an inventory counts with average factors, what is avoided with marginal ones.",
        )


def _named(one: object) -> str:
    return type(one).__name__.lower() if isinstance(one, _Mass) else f"'{one}'"


@dataclass(frozen=True, slots=True)
class Inventory(_Mass):
    """What an inventory counts: activity times average factors, exact `mg` [mg]."""

    mg: int

    def __add__(self, other: object) -> "Inventory":
        return Inventory(self.mg + self._same(other).mg)

    def __sub__(self, other: object) -> "Inventory":
        return Inventory(self.mg - self._same(other).mg)

    def __radd__(self, other: object) -> "Inventory":
        return self if other == 0 else self + other  # `sum` begins with 0


@dataclass(frozen=True, slots=True)
class Avoided(_Mass):
    """What a measure avoided: its change of use times the marginal `signal`, [kg] with the ends of its range.

    Negative when the measure emitted more. Sums add the ends as well: they assume that all ranges err together.
    """

    kg: float
    low_kg: float
    high_kg: float
    signal: str

    def __add__(self, other: object) -> "Avoided":
        same = self._same(other)
        signal = self.signal if self.signal == same.signal else f"{self.signal}; {same.signal}"
        return Avoided(self.kg + same.kg, self.low_kg + same.low_kg, self.high_kg + same.high_kg, signal)

    def __radd__(self, other: object) -> "Avoided":
        return self if other == 0 else self + other

    def __sub__(self, other: object) -> "Avoided":
        same = self._same(other)
        return Avoided(self.kg - same.kg, self.low_kg - same.high_kg, self.high_kg - same.low_kg, self.signal)
