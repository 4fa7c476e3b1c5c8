"""What the codes of a head-end message mean: the 18 fields of a reading type, and the quality of a reading.

References: IEC 61968-9, annexes C (ReadingType) and D (quality codes `system.category.index`); IEEE 2030.5-2018 (QualityFlags).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Self

from city import quality as q
from city.problems import fault
from city.quality import Cause, Flag
from city.quantities import Quantity
from city.units import conversion

MINUTES = {1: 10, 2: 15, 3: 1, 4: 1440, 5: 30, 6: 5, 7: 60, 10: 2, 14: 3, 31: 20, 50: 60, 51: 30, 52: 20, 53: 15, 54: 10, 55: 5, 56: 1}
MINUTES |= {78: 12, 79: 120, 80: 240, 81: 360, 82: 720, 83: 180}
DIRECTION = {0: "", 1: "forward", 4: "net", 19: "reverse", 20: "total"}
_REGISTER, _DELTA, _INSTANT = (1, 2, 3, 9), (4,), (0, 6, 12)  # accumulation: the counter itself, its difference, a value at its time
_ELECTRICITY, _GAS, _WATER, _HEAT = (1, 2), (7, 8), (9, 11, 14), (10, 12, 13)
_UNIT = {5: "A", 23: "degC", 29: "V", 31: "J", 33: "Hz", 38: "W", 39: "Pa", 42: "m3", 45: "m3/s", 61: "VA", 63: "var", 72: "Wh", 73: "varh"}
_UNIT |= {82: "L/s", 119: "ft3", 125: "m3/h", 126: "m3/h", 127: "m3/h", 128: "gal", 134: "L", 137: "L/h", 138: "L/h", 139: "L/h"}
_UNIT |= {140: "Pa", 142: "psi", 156: "L", 157: "L", 166: "m3", 167: "m3", 214: "bar"}
_FLOW = ("L/s", "m3/h", "m3/s", "L/h")
_VOLUME = ("L", "m3", "ft3", "gal")
_INSTANTS = {"W": Quantity.POWER_KW, "degC": Quantity.TEMPERATURE_DEGC, "V": Quantity.VOLTAGE_V, "A": Quantity.CURRENT_A}
_INSTANTS |= {"Hz": Quantity.FREQUENCY_HZ, "VA": Quantity.APPARENT_POWER_KVA, "var": Quantity.REACTIVE_POWER_KVAR}
_INSTANTS |= {"Pa": Quantity.PRESSURE_M, "psi": Quantity.PRESSURE_M, "bar": Quantity.PRESSURE_M}
_INSTANTS |= dict.fromkeys(_FLOW, Quantity.FLOW_M3_PER_H)


@dataclass(frozen=True)
class ReadingType:
    """The 18 fields in their order; 0 means "does not apply"."""

    macro_period: int
    aggregate: int
    measuring_period: int
    accumulation: int
    flow_direction: int
    commodity: int
    measurement_kind: int
    interharmonic_numerator: int
    interharmonic_denominator: int
    argument_numerator: int
    argument_denominator: int
    tou: int
    cpp: int
    consumption_tier: int
    phases: int
    multiplier: int
    unit: int
    currency: int

    @classmethod
    def parse(cls, code: str) -> Self:
        """Read `0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0`. Raises `PenstockError` when these are not 18 numbers."""
        if not re.fullmatch(r"-?\d{1,9}(\.-?\d{1,9}){17}", code):
            raise fault(f"reading type '{code[:80]}'", "another form", "18 numbers with points between", "Ask the sender.")
        return cls(*map(int, code.split(".")))

    def matches(self, pattern: str) -> bool:
        """Does it fit a code in which a field may be `*`?"""
        wanted = pattern.split(".")
        own = (str(getattr(self, field.name)) for field in fields(self))
        return len(wanted) == 18 and all(w in ("*", o) for w, o in zip(wanted, own, strict=True))

    @property
    def step_s(self) -> int | None:
        """Length of its interval [s], None where it has none."""
        minutes = MINUTES.get(self.measuring_period)
        return None if minutes is None else 60 * minutes

    def measures(self) -> tuple[Quantity, float, float]:
        """The quantity, and factor and shift from a number of the message to its unit. Raises `PenstockError` where there is none.

        A pressure must be a gauge pressure: an absolute one (unit 155, 141) is refused, because the weather is in it.
        """
        unit = _UNIT.get(self.unit)
        quantity = None if unit is None else self._quantity(unit)
        if unit is None or quantity is None or not -12 <= self.multiplier <= 12:
            code = ".".join(str(getattr(self, field.name)) for field in fields(self))
            raise fault(
                f"reading type {code}", "not known here", "energy, volume, power, flow, pressure, ...", "Leave it out of the mapping."
            )
        factor, shift = conversion("kJ", quantity) if unit == "J" else conversion(unit, quantity)
        factor = factor / 1000 if unit == "J" else factor
        return quantity, float(factor * Fraction(10) ** self.multiplier), float(shift)

    def _quantity(self, unit: str) -> Quantity | None:
        if self.accumulation in _INSTANT:
            return _INSTANTS.get(unit)
        register: Quantity | None = None
        if unit in ("Wh", "J"):
            register = Quantity.HEAT_REGISTER_KWH if self.commodity in _HEAT else Quantity.ENERGY_REGISTER_KWH
            register = register if self.commodity in (*_ELECTRICITY, *_HEAT) else None
        elif unit == "varh":
            register = Quantity.REACTIVE_ENERGY_REGISTER_KVARH
        elif unit in _VOLUME:
            register = Quantity.GAS_REGISTER_M3 if self.commodity in _GAS else Quantity.VOLUME_REGISTER_M3
            register = register if self.commodity in (*_GAS, *_WATER) else None
        if register is None or self.accumulation in _REGISTER:
            return register
        return register.usage if self.accumulation in _DELTA else None


# Category and index of a quality code that make a value questionable, and the cause to give. `None`: any index.
_DOUBT: dict[tuple[int, int | None], Cause] = {
    (1, 3): Cause.DEVICE_FAILURE,
    (1, 5): Cause.WRONG_CHECKSUM,
    (1, 6): Cause.WRONG_CHECKSUM,
    (1, 7): Cause.DEVICE_FAILURE,
    (1, 8): Cause.DEVICE_FAILURE,
    (1, 9): Cause.CLOCK,
    (4, 1): Cause.OUT_OF_MAP,
    (4, 2): Cause.TIME_TOLERANCE,
    (4, 3): Cause.TIME_TOLERANCE,
    (4, 4): Cause.GAP,
    (4, 5): Cause.INVALID_REPLY,
    (4, 7): Cause.GAP,
    (4, 9): Cause.CLOCK,
    (4, 64): Cause.CLOCK,
    (4, 128): Cause.CLOCK,
    (5, 256): Cause.LIMIT,
    (5, None): Cause.INVALID_REPLY,
    (6, 1): Cause.FLAT,
    (6, 3): Cause.HIGH_USAGE,
    (6, 4): Cause.LOW_USAGE,
    (6, 5): Cause.HIGH_USAGE,
    (6, 6): Cause.LOW_USAGE,
    (6, 9): Cause.SUM_CHECK,
    (6, None): Cause.LIMIT,
    (7, 3): Cause.INVALID_REPLY,
    (10, 0): Cause.NONE,
}
_FLAG = {7: Flag.EDITED, 8: Flag.ESTIMATED_LIKE_DAY, 11: Flag.VALID | Flag.DERIVED, 12: Flag.PROJECTED}
_MISSING = (5, 259)  # the sender knows that it has no value; what stands there is a filler


def quality_of(codes: Iterable[str]) -> int:
    """The quality that `system.category.index` codes mean together; none, and those that only inform, leave a value valid.

    Raises `PenstockError` for a code of another form.
    """
    flags, doubt, missing = Flag(0), None, False
    for code in codes:
        if not re.fullmatch(r"\d{1,5}\.\d{1,5}\.\d{1,5}", code):
            raise fault(f"quality '{code[:80]}'", "another form", "three numbers such as 1.0.0", "Ask the sender.")
        _, category, index = map(int, code.split("."))
        missing |= (category, index) == _MISSING
        flags |= _FLAG.get(category, Flag(0))
        found = _DOUBT.get((category, index), _DOUBT.get((category, None)))
        doubt = found if found is not None and doubt is None else doubt
    if missing:
        return q.missing(Cause.GAP)
    if doubt is not None:
        return q.code(flags & ~Flag.VALID | Flag.QUESTIONABLE, doubt)
    return q.code(flags or Flag.VALID)
