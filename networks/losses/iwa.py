"""The IWA water balance: every cubic metre that came in is somewhere, in whole millilitres, with its 95 % limits.

References
----------
Lambert, A., Hirner, W. (2000). Losses from water supply systems: standard terminology and recommended performance measures. IWA.
Alegre, H. et al. (2006). Performance Indicators for Water Supply Services, 2nd ed., IWA: 95 % limits of components; variances add.
AWWA (2016). M36, Water Audits and Loss Control Programs, 4th ed.: default 0.25 % for unauthorised use and for data handling.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import hypot
from typing import NamedTuple

from city.problems import fault

Z95 = 1.96
_ML = 1_000_000  # per m3


@dataclass(frozen=True, slots=True)
class Volume:
    """Whole millilitres and their standard deviation; sums and differences take the errors as independent."""

    ml: int
    sd_ml: float = 0.0

    @classmethod
    def of(cls, m3: Decimal | float, limit: float = 0.0) -> "Volume":
        """A volume [m3] with its 95 % limits as a share of it [1]. Raises `PenstockError` for a negative volume or limit."""
        if not m3 >= 0 or not limit >= 0:
            raise fault("volume", f"{m3} m3, limits {limit}", "zero or more", "Correct the volume or its limits.")
        ml = int((Decimal(str(m3)) * _ML).to_integral_value())
        return cls(ml, ml * limit / Z95)

    def __add__(self, other: "Volume") -> "Volume":
        return Volume(self.ml + other.ml, hypot(self.sd_ml, other.sd_ml))

    def __sub__(self, other: "Volume") -> "Volume":
        return Volume(self.ml - other.ml, hypot(self.sd_ml, other.sd_ml))

    @property
    def m3(self) -> Decimal:
        return Decimal(self.ml) / _ML

    @property
    def limit_m3(self) -> float:
        """Half width of the 95 % interval [m3]."""
        return Z95 * self.sd_ml / _ML


class Line(NamedTuple):
    """One box of the standard table; `level` is its column from the left."""

    level: int
    component: str
    volume: Volume


@dataclass(frozen=True)
class Consumption:
    """Authorised consumption."""

    billed_metered: Volume
    billed_unmetered: Volume = Volume(0)
    unbilled_metered: Volume = Volume(0)
    unbilled_unmetered: Volume = Volume(0)

    @property
    def billed(self) -> Volume:
        return self.billed_metered + self.billed_unmetered

    @property
    def unbilled(self) -> Volume:
        return self.unbilled_metered + self.unbilled_unmetered

    @property
    def authorised(self) -> Volume:
        return self.billed + self.unbilled


@dataclass(frozen=True)
class ApparentShares:
    """What is drawn and not seen: theft as a share of system input, the rest of billed metered volume; one 95 % limit for all [1]."""

    unauthorised: float = 0.0025
    under_registration: float = 0.02
    data_handling: float = 0.0025
    limit: float = 0.5


@dataclass(frozen=True)
class WaterBalance:
    """The closed balance: `system_input` = authorised + apparent + real, to the millilitre."""

    system_input: Volume
    consumption: Consumption
    unauthorised: Volume
    meter_inaccuracy: Volume
    data_handling: Volume
    real: Volume

    @property
    def apparent(self) -> Volume:
        return self.unauthorised + self.meter_inaccuracy + self.data_handling

    @property
    def losses(self) -> Volume:
        """Water losses = apparent + real; its error is that of system input less authorised consumption, where that is smaller."""
        parts, rest = self.apparent + self.real, self.system_input - self.consumption.authorised
        return Volume(parts.ml, min(parts.sd_ml, rest.sd_ml))

    @property
    def non_revenue(self) -> Volume:
        parts, rest = self.losses + self.consumption.unbilled, self.system_input - self.consumption.billed
        return Volume(parts.ml, min(parts.sd_ml, rest.sd_ml))

    def lines(self) -> Iterator[Line]:
        """The standard table from left to right, top to bottom."""
        drawn = self.consumption
        yield Line(0, "system_input", self.system_input)
        yield Line(1, "authorised", drawn.authorised)
        yield Line(2, "billed", drawn.billed)
        yield Line(3, "billed_metered", drawn.billed_metered)
        yield Line(3, "billed_unmetered", drawn.billed_unmetered)
        yield Line(2, "unbilled", drawn.unbilled)
        yield Line(3, "unbilled_metered", drawn.unbilled_metered)
        yield Line(3, "unbilled_unmetered", drawn.unbilled_unmetered)
        yield Line(1, "water_losses", self.losses)
        yield Line(2, "apparent", self.apparent)
        yield Line(3, "unauthorised", self.unauthorised)
        yield Line(3, "meter_inaccuracy", self.meter_inaccuracy)
        yield Line(3, "data_handling", self.data_handling)
        yield Line(2, "real", self.real)
        yield Line(0, "non_revenue", self.non_revenue)


def _share(of: Volume, share: float, limit: float) -> Volume:
    ml = round(of.ml * share)
    return Volume(ml, ml * limit / Z95)


def top_down(system_input: Volume, drawn: Consumption, shares: ApparentShares | None = None) -> WaterBalance:
    """Real losses by difference, where billed volumes are known; they may come out negative, which says that an input is wrong.

    Meters that register too little by a share u of what passes have billed (1 - u) of it, so u / (1 - u) of the billed volume is missing.
    """
    shares = shares or ApparentShares()
    slow = shares.under_registration / (1 - shares.under_registration)
    unauthorised = _share(system_input, shares.unauthorised, shares.limit)
    inaccurate = _share(drawn.billed_metered, slow, shares.limit)
    handling = _share(drawn.billed_metered, shares.data_handling, shares.limit)
    real = system_input - drawn.authorised - unauthorised - inaccurate - handling
    return WaterBalance(system_input, drawn, unauthorised, inaccurate, handling, real)


def bottom_up(system_input: Volume, real: Volume, drawn: Consumption | None = None, shares: ApparentShares | None = None) -> WaterBalance:
    """Billed metered consumption by difference, where real losses are estimated and no bills are known.

    `drawn` gives the other kinds of consumption; what it says of billed metered is not used. `real` is cut to what is left for it.
    """
    shares, drawn = shares or ApparentShares(), drawn or Consumption(Volume(0))
    slow = shares.under_registration / (1 - shares.under_registration)
    unauthorised = _share(system_input, shares.unauthorised, shares.limit)
    rest = system_input - unauthorised - drawn.billed_unmetered - drawn.unbilled
    real = Volume(max(0, min(real.ml, rest.ml)), real.sd_ml)
    left = rest - real
    billed = Volume(round(left.ml / (1 + slow + shares.data_handling)), left.sd_ml)
    inaccurate = _share(billed, slow, shares.limit)
    handling = Volume(left.ml - billed.ml - inaccurate.ml, billed.ml * shares.data_handling * shares.limit / Z95)
    all_drawn = Consumption(billed, drawn.billed_unmetered, drawn.unbilled_metered, drawn.unbilled_unmetered)
    return WaterBalance(system_input, all_drawn, unauthorised, inaccurate, handling, real)
