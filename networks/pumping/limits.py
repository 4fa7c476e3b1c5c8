"""What a pump schedule must keep."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
