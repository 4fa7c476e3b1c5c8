"""What a pump schedule must keep."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

from city.problems import fault


@dataclass(frozen=True)
class PumpLimits:
    """What a schedule must keep, at every moment EPANET solves; all of it is hard.

    `starts`: most starts, and most stops, of each pump over the horizon (the state of the first step is free) [1];
    `pressure_m`: junction -> least [m]; `level_m`: tank -> (least, most) [m], the tank's own limits otherwise;
    `end_level_m`: tank -> least at the end [m], its first level otherwise;
    `reserve_m3`: tank -> water always kept for fire, above the tank's lowest usable level [m3];
    `turnover`: tank -> least share of its mean volume that leaves it per day [1];
    `age_h`: node -> most water age once the day has repeated itself [h];
    `may_fill`: whether a full tank may shut itself off (it has an altitude valve); without one it would spill.
    """

    starts: int | None = None
    pressure_m: Mapping[str, float] = field(default_factory=dict)
    level_m: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    end_level_m: Mapping[str, float] = field(default_factory=dict)
    reserve_m3: Mapping[str, float] = field(default_factory=dict)
    turnover: Mapping[str, float] = field(default_factory=dict)
    age_h: Mapping[str, float] = field(default_factory=dict)
    may_fill: bool = False

    def __post_init__(self) -> None:
        for name, what in (("pressure_m", "pressure limit"), ("end_level_m", "end level")):
            _checked(getattr(self, name), what, below_zero=True)
        for name, what in (("reserve_m3", "fire reserve"), ("turnover", "turnover limit"), ("age_h", "water age limit")):
            _checked(getattr(self, name), what, below_zero=False)


def _checked(limits: Mapping[str, float], what: str, below_zero: bool) -> None:
    for place, value in limits.items():
        if not isfinite(value) or (value < 0 and not below_zero):
            raise fault(f"{what} of {place}", f"{value:g}", "a number" if below_zero else "a number of 0 or more", "Correct it.")
