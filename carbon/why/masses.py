"""What a measure avoided: a mass that never enters the sum of an inventory."""

from dataclasses import dataclass

from city.problems import fault


@dataclass(frozen=True, slots=True)
class Avoided:
    """What a measure avoided: its change of use times the marginal `signal`, [kg] with the ends of its range.

    Negative when the measure emitted more. It adds to its own kind only: anything else, such as the plain numbers of an inventory, raises
    `PenstockError`. Sums add the ends as well: they assume that all ranges err together.
    """

    kg: float
    low_kg: float
    high_kg: float
    signal: str

    def __add__(self, other: object) -> "Avoided":
        if not isinstance(other, Avoided):
            remedy = "Show them beside each other: an inventory counts with average factors, what is avoided with marginal ones."
            raise fault("a sum with avoided emissions", f"'{other}'", "avoided emissions", remedy)
        signal = self.signal if self.signal == other.signal else f"{self.signal}; {other.signal}"
        return Avoided(self.kg + other.kg, self.low_kg + other.low_kg, self.high_kg + other.high_kg, signal)

    def __neg__(self) -> "Avoided":
        return Avoided(-self.kg, -self.high_kg, -self.low_kg, self.signal)

    def __sub__(self, other: object) -> "Avoided":
        return self + (-other if isinstance(other, Avoided) else other)

    def __radd__(self, other: object) -> "Avoided":
        return self if isinstance(other, int) and other == 0 else self + other  # `sum` begins with 0

    def __rsub__(self, other: object) -> "Avoided":
        return -self + other
