"""Which model a series gets, by how much usable history it has, and the sentence that says why."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from forecasting.models import LADDER

RUNGS = tuple(LADDER)
NOT_FORECAST = "none"


class Rule(BaseModel):
    """What a rung asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    usable_days: float = Field(ge=0, description="usable history, counted in whole days of values [d]")
    missing_share: float = Field(ge=0, le=1, description="largest share missing in the last 7 days [1]")


RULES: dict[str, Rule] = {
    "boosted": Rule(usable_days=21, missing_share=0.5),
    "holt-winters": Rule(usable_days=10, missing_share=0.2),
    "profile": Rule(usable_days=4, missing_share=0.9),
    "naive": Rule(usable_days=1, missing_share=1.0),
}
_FEW_DAYS = {name: RULES[name] for name in ("profile", "naive")}
RULES_OF: dict[str, dict[str, Rule]] = {
    "pv": {"solar": Rule(usable_days=1, missing_share=1.0)},
    "wind": {"wind": Rule(usable_days=7, missing_share=0.9), "naive": RULES["naive"]},
    **{group: {"usage": Rule(usable_days=14, missing_share=0.9), **_FEW_DAYS} for group in ("heat", "gas", "ev", "net")},
}
"""Groups that have a ladder of their own."""
STALE_DAYS = 28
"""A series whose last usable value is older than this is not forecast [d]."""


def climb(
    ids: tuple[str, ...], groups: Sequence[str], values: NDArray[np.float32], step: timedelta, has_peers: NDArray[np.bool_]
) -> pd.DataFrame:
    """The rung of each series: columns series_id, model, reason.

    `groups` name the group of each. `values` float32[n, t] ends at the origin (NaN where unusable); `has_peers` bool[n]: are there other
    series of its group with at least a week of values, whose shape a new meter may borrow? A series that cannot be forecast gets model
    'none' and its reason.
    """
    per_day = int(timedelta(days=1) / step)
    good = np.isfinite(values)
    usable = good.sum(axis=1) / per_day
    week = good[:, -7 * per_day :]
    missing = 1 - week.sum(axis=1) / (7 * per_day)
    last = np.where(good.any(axis=1), np.argmax(good[:, ::-1], axis=1), good.shape[1]) / per_day
    rows = [
        _rung(RULES_OF.get(g, RULES), float(u), float(m), float(d), bool(p))
        for g, u, m, d, p in zip(groups, usable, missing, last, has_peers, strict=True)
    ]
    return pd.DataFrame({"series_id": list(ids), "model": [r[0] for r in rows], "reason": [r[1] for r in rows]})


def _rung(rules: Mapping[str, Rule], usable_days: float, missing: float, age_days: float, has_peers: bool) -> tuple[str, str]:
    seen = f"{usable_days:.1f} days of usable history and {missing:.0%} of the last 7 days missing"
    if usable_days == 0:
        return NOT_FORECAST, "Not forecast: the series has no usable value at all."
    if age_days > STALE_DAYS:
        return NOT_FORECAST, f"Not forecast: its last usable value is {age_days:.0f} days old, more than {STALE_DAYS}."
    above: list[str] = []
    for name, rule in rules.items():
        short = []
        if usable_days < rule.usable_days:
            short.append(f"{rule.usable_days:g} days of history")
        if missing > rule.missing_share:
            short.append(f"at most {rule.missing_share:.0%} missing")
        if not short:
            return name, f"{name.capitalize()}: {seen}." + (f" Above it, {'; '.join(above)}." if above else "")
        above.append(f"{name} needs {' and '.join(short)}")
    if has_peers:
        return "group-shape", f"Group-shape: {usable_days * 24:.1f} hours of values so far, put on the shape of its group."
    return NOT_FORECAST, f"Not forecast: {usable_days * 24:.1f} hours of values, naive needs a day and no series of its group has a week."
