"""What of a loss can be had back: unavoidable losses, the infrastructure leakage index, and areas in order of what they would give.

References
----------
Lambert, A., Brown, T.G., Takizawa, M., Weimer, D. (1999). A review of performance indicators for real losses from water supply
systems. J. Water SRT - Aqua 48(6): UARL [L/day] = (18 Lm + 0.8 Nc + 25 Lp) P with mains Lm [km], service connections Nc [1], private
pipe from the street to the meters Lp [km] and average pressure P [m]; ILI = CARL / UARL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot

import numpy as np
import pandas as pd

from city.problems import fault

DRAWS = 4000
Z90, Z95 = 1.6449, 1.96


@dataclass(frozen=True, slots=True)
class Infrastructure:
    """What leaks even when it is well kept; `limit` is the 95 % limit of UARL as a share [1] (lengths, counts and pressure together)."""

    mains_km: float
    connections: float
    pressure_m: float
    service_pipe_km: float = 0.0
    limit: float = 0.1

    def uarl_m3_per_day(self) -> float:
        """Unavoidable annual real losses, per day [m3]. Raises `PenstockError` for a negative length, count or pressure."""
        parts = (self.mains_km, self.connections, self.service_pipe_km, self.pressure_m)
        if not all(part >= 0 for part in parts):
            raise fault("infrastructure", f"{parts}", "lengths, connections and pressure of zero or more", "Correct them.")
        return (18 * self.mains_km + 0.8 * self.connections + 25 * self.service_pipe_km) * self.pressure_m / 1000

    def doubt(self) -> str:
        """Why the formula may not hold here, or nothing: it rests on systems above 25 m and 20 connections per km."""
        density = self.connections / self.mains_km if self.mains_km else float("inf")
        said = [f"{self.pressure_m:.0f} m of pressure is below 25 m"] if self.pressure_m < 25 else []
        said += [f"{density:.0f} connections per km are below 20"] if density < 20 else []
        said += [] if self.mains_km else ["no length of mains is told"]
        return "UARL is outside its range: " + "; ".join(said) if said else ""


def leakage_index(loss_m3_per_day: float, loss_sd: float, what: Infrastructure) -> tuple[float, float]:
    """ILI = CARL / UARL and its standard deviation [1]; NaN where nothing is unavoidable."""
    uarl = what.uarl_m3_per_day()
    if uarl <= 0:
        return float("nan"), float("nan")
    return loss_m3_per_day / uarl, hypot(loss_sd / uarl, loss_m3_per_day / uarl * what.limit / Z95)


def ranking(losses: pd.DataFrame, what: Mapping[str, Infrastructure], price_per_m3: float, seed: int = 1) -> pd.DataFrame:
    """Areas by recoverable loss, the largest first.

    `losses` has area, days, loss_m3, loss_sd_m3. An area whose infrastructure is not told has no unavoidable part, so all its loss counts
    as recoverable and `uarl_m3` is NaN. Returns area, loss_m3, uarl_m3, ili, ili_sd, recoverable_m3 with its 90 % interval low_m3 and
    high_m3, money (at `price_per_m3`), rank, rank_low and rank_high (90 % of seeded normal draws) and first, the probability to be first.
    """
    rows = []
    for area in losses.itertuples():
        own = what.get(str(area.area))
        uarl = own.uarl_m3_per_day() * area.days if own else np.nan
        index = leakage_index(area.loss_m3 / area.days, area.loss_sd_m3 / area.days, own) if own else (np.nan, np.nan)
        sd = hypot(area.loss_sd_m3, uarl * own.limit / Z95) if own else area.loss_sd_m3
        rows.append((area.area, area.loss_m3, uarl, *index, area.loss_m3 - np.nan_to_num(uarl), sd))
    made = pd.DataFrame(rows, columns=["area", "loss_m3", "uarl_m3", "ili", "ili_sd", "recoverable_m3", "sd"])
    made = made.dropna(subset=["recoverable_m3"]).sort_values("recoverable_m3", ascending=False, ignore_index=True)
    mean, sd = made["recoverable_m3"].to_numpy(float), made.pop("sd").to_numpy(float)
    drawn = np.random.default_rng(seed).normal(mean, sd, (DRAWS, len(made)))
    place = (-drawn).argsort(axis=1).argsort(axis=1) + 1
    low, high = np.quantile(place, (0.05, 0.95), axis=0, method="nearest") if len(made) else (np.empty(0), np.empty(0))
    made["recoverable_m3"] = mean.clip(0)
    return made.assign(
        low_m3=(mean - Z90 * sd).clip(0),
        high_m3=(mean + Z90 * sd).clip(0),
        money=mean.clip(0) * price_per_m3,
        rank=range(1, len(made) + 1),
        rank_low=low.astype(int),
        rank_high=high.astype(int),
        first=(place == 1).mean(axis=0) if len(made) else [],
    )
