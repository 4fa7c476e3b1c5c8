"""Weather-normalised savings of a measure: what was used against what the baseline's model says for the same weather.

References: EVO, IPMVP Core Concepts 2022, option C (avoided energy, whole facility); ASHRAE Guideline 14-2014, 4.3.2 (criteria) and annex B
(fractional savings uncertainty, autocorrelation); Y. Sun and J.-C. Baltazar, ASHRAE Trans. 119 (2013) (polynomial instead of 1.26).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carbon.why.changepoint import Model, fit
from city.problems import fault

Values = NDArray[np.float64]
LEVEL = 0.90
"""Confidence of the interval around the savings."""
LEAST_COVERED = 0.9
"""Share of a period's days with use and temperature below which nothing counts as proved [1]."""
LEAST_REPORTED = 28
"""Reporting days below which nothing counts as proved."""
_SUN_BALTAZAR = (-0.00024, 0.03535, 1.00286)  # daily data: a M^2 + b M + c of the reporting months M


class Criterion(NamedTuple):
    """One requirement: is `value` within `limit`, by which clause? `most` False: the limit is the least that is allowed."""

    name: str
    value: float
    limit: float
    most: bool
    clause: str

    @property
    def met(self) -> bool:
        return self.value <= self.limit if self.most else self.value >= self.limit


@dataclass(frozen=True)
class Savings:
    """Savings over a reporting period [unit]: `baseline` is what would have been used, adjusted to its weather.

    `low` and `high` are the ends of the 90 % interval; `missing_days` have no use or no temperature and count in neither sum.
    `fsu` is the half-width over the savings at 68 % by Sun and Baltazar, which Guideline 14 judges; `days` is the frame behind the sums.
    """

    unit: str
    model: Model
    reporting_days: int
    missing_days: int
    beyond_days: int
    baseline: float
    metered: float
    low: float
    high: float
    fsu: float
    criteria: tuple[Criterion, ...]
    days: pd.DataFrame

    @property
    def saved(self) -> float:
        return self.baseline - self.metered

    @property
    def verdict(self) -> Literal["proved", "not proved"]:
        """Proved: the whole 90 % interval lies above zero and every criterion is met."""
        return "proved" if self.low > 0 and all(criterion.met for criterion in self.criteria) else "not proved"

    @property
    def sentence(self) -> str:
        share = f" ({100 * self.saved / self.baseline:.1f} %)" if self.baseline > 0 else ""
        told = f"{self.saved:,.0f} {self.unit} saved of {self.baseline:,.0f}{share}, {LEVEL:.0%} between {self.low:,.0f} and"
        told += f" {self.high:,.0f}, by a {self.model.kind} model over {self.reporting_days} days: {self.verdict}"
        reasons = ["the interval reaches zero"] if self.low <= 0 else []
        reasons += [
            f"{c.name} is {c.value:.3g}, {'at most' if c.most else 'at least'} {c.limit:g} asked ({c.clause})"
            for c in self.criteria
            if not c.met
        ]
        told += f" ({'; '.join(reasons)})." if reasons else "."
        told += f" {self.missing_days} days are missing." if self.missing_days else ""
        return told + (f" {self.beyond_days} days lie beyond the temperatures of the baseline." if self.beyond_days else "")


def savings(baseline: pd.DataFrame, reporting: pd.DataFrame, unit: str) -> Savings:
    """Avoided use of a reporting period against the model of a baseline period.

    Both frames have `day` (date), `use` [unit/d] and `degc` (daily mean) with one row per civil day, NaN where missing. The interval is
    that of the sum of the model's predictions less what is metered: error of coefficients and change points, and the days' own scatter,
    both with n' = n (1 - r) / (1 + r) independent days. Raises `PenstockError` for days given twice, periods that overlap, negative use
    and too few days.
    """
    before, after = _checked(baseline, "baseline"), _checked(reporting, "reporting")
    if not before.empty and not after.empty and after["day"].iloc[0] <= before["day"].iloc[-1]:
        observed = f"baseline to {before['day'].iloc[-1]}, reporting from {after['day'].iloc[0]}"
        raise fault("periods", observed, "a reporting period after the baseline", "Move one of them.")
    known, told = (frame.dropna(subset=["use", "degc"]) for frame in (before, after))
    if told.empty:
        raise fault("reporting period", "no day with use and temperature", "at least one", "Wait for readings, or import the weather.")
    day, degc = _numbered(known["day"]), known["degc"].to_numpy(np.float64)
    model = fit(day, degc, known["use"].to_numpy(np.float64))
    weather = told["degc"].to_numpy(np.float64)
    expected = model.predict(weather)
    half = interval(model, degc, weather, LEVEL)
    saved = float(expected.sum() - told["use"].sum())
    fsu = fractional_uncertainty(model, len(told), saved / float(expected.sum())) if expected.sum() > 0 else np.inf
    beyond = int(((weather < degc.min()) | (weather > degc.max())).sum())
    return Savings(
        unit=unit,
        model=model,
        reporting_days=len(told),
        missing_days=len(after) - len(told),
        beyond_days=beyond,
        baseline=float(expected.sum()),
        metered=float(told["use"].sum()),
        low=saved - half,
        high=saved + half,
        fsu=fsu,
        criteria=_criteria(model, (len(known), len(before)), (len(told), len(after)), beyond, fsu),
        days=told.assign(baseline=expected, saved=expected - told["use"]).reset_index(drop=True),
    )


def _checked(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    made = frame[["day", "use", "degc"]].sort_values("day", ignore_index=True)
    if (twice := made["day"].duplicated()).any():
        raise fault(f"{name} period", f"{made['day'][twice].iloc[0]} twice", "one row per day", "Remove one of them.")
    if (wrong := (made["use"] < 0) | np.isinf(made["use"])).any():
        observed = f"a use of {made['use'][wrong].iloc[0]:g} on {made['day'][wrong].iloc[0]}"
        raise fault(f"{name} period", observed, "zero or more", "Meter generation apart from use.")
    return made


def _numbered(days: pd.Series) -> NDArray[np.int64]:
    return np.array([day.toordinal() for day in days], np.int64)


def interval(model: Model, baseline_degc: Values, reporting_degc: Values, level: float) -> float:
    """Half-width [unit] of the interval around a sum of predicted less metered days.

    Var = s^2 n / n' (m + g' (G'G)^-1 g) with G the model's derivatives over the baseline and g their sum over the m reporting days (least
    squares with change points linearised), Student's t with n' - p degrees of freedom.
    """
    rows, summed = model.gradient(baseline_degc), model.gradient(reporting_degc).sum(axis=0)
    spread = len(reporting_degc) + summed @ np.linalg.pinv(rows.T @ rows) @ summed
    return _t(model, level) * model.rmse * float(np.sqrt(model.n / model.effective * spread))


def fractional_uncertainty(model: Model, days: int, fraction: float, level: float = 0.68) -> float:
    """Fractional savings uncertainty [1]: ASHRAE Guideline 14-2014, annex B, with the polynomial of Sun and Baltazar for days.

    t (a M^2 + b M + c) CV(RMSE) sqrt(n / n' (1 + 2 / n') / m) / F with m `days`, M = m / 30 and F the saved
    `fraction`; infinite where nothing was saved.
    """
    a, b, c = _SUN_BALTAZAR
    months, free = days / 30, model.effective
    spread = np.sqrt(model.n / free * (1 + 2 / free) / days)
    return float(_t(model, level) * (a * months**2 + b * months + c) * model.cv_rmse * spread / fraction) if fraction > 0 else np.inf


def _t(model: Model, level: float) -> float:
    """Student's t for a two-sided interval with n' - p degrees of freedom."""
    from scipy.special import stdtrit  # scipy is heavy, and reading a city file comes here too

    return float(stdtrit(max(model.effective - model.parameters, 1.0), 0.5 + level / 2))


def _criteria(model: Model, baseline: tuple[int, int], reporting: tuple[int, int], beyond: int, fsu: float) -> tuple[Criterion, ...]:
    """`baseline` and `reporting`: days with use and temperature, and all days."""
    (known, before), (told, after) = baseline, reporting
    months = told / 30.4
    scatter = 0.20 if months < 12 else 0.25 if months <= 60 else 0.30
    return (
        Criterion("CV(RMSE)", model.cv_rmse, scatter, True, "ASHRAE Guideline 14-2014, 4.3.2.1"),
        Criterion("|NMBE|", abs(model.nmbe), 0.00005, True, "ASHRAE Guideline 14-2014, 4.3.2.1"),
        Criterion("fractional uncertainty at 68 %", fsu, 0.5, True, "ASHRAE Guideline 14-2014, 4.3.2.2"),
        Criterion("baseline days", known, 329, False, "IPMVP option C: a full year, 90 % of its days"),
        Criterion("covered share of the baseline", known / before, LEAST_COVERED, False, "Penstock"),
        Criterion("covered share of the reporting period", told / after, LEAST_COVERED, False, "Penstock"),
        Criterion("share of days at temperatures of the baseline", 1 - beyond / told, LEAST_COVERED, False, "Penstock"),
        Criterion("reporting days", told, LEAST_REPORTED, False, "Penstock: whole weeks, so that no weekday weighs alone"),
    )
