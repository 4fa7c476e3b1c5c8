"""The judging half: what the odds, the usual share of kept promises and straight lines said of each promise, scored against what came."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import _promises
from benchmarks._promises import ANCHORS, HORIZONS, Cases, FloatArray, Series

PROMISES = {5: (-0.05, -0.10, -0.15, -0.20), 10: (-0.10, -0.20, -0.30, -0.40)}  # years: changes of the intensity


def judge(series: Series, anchors: tuple[int, ...], trials: int) -> dict[str, dict[str, Any]]:
    """Scores on the judging half with all years known and with one and three changes known, as a young ledger has them."""
    teaching, judging = _promises.halves(series)
    learned = {anchor: _promises.learned(teaching, anchor, trials) for anchor in anchors}
    made = {}
    base_rate = {(anchor, h): _kept(teaching, anchor, h) for anchor in anchors for h in HORIZONS}
    for name, changes in (("all years known", None), ("3 changes known", 3), ("1 change known", 1)):
        promised, told = [], []
        for anchor, pooled in learned.items():
            for h in HORIZONS:
                for c in _promises.cases(judging, range(anchor, anchor + ANCHORS[1] - ANCHORS[0]), h, changes):
                    outlook = c.told(pooled)
                    inside = (outlook.quantile(0.05) <= c.came) & (c.came <= outlook.quantile(0.95))
                    told.append(pd.DataFrame({"horizon": h, "inside": inside}))
                    promised += list(_scored(c, outlook.below, base_rate[anchor, h]))
        made[name] = _summary(pd.concat(promised), pd.concat(told)) | {"countries": len(judging)}
    return made


def _kept(teaching: Series, anchor: int, horizon: int) -> dict[float, float]:
    """The share of teaching cases known in the anchor year that met each promise: odds without a look at the country."""
    reach = range(anchor - _promises.MEMORY - horizon, anchor - horizon + 1)
    came = np.concatenate([c.came for c in _promises.cases(teaching, reach, horizon, 1)])
    return {promise: float((came <= math.log1p(promise)).mean()) for promise in PROMISES[horizon]}


def _scored(c: Cases, below: Callable[[float], FloatArray], kept: dict[float, float]) -> Iterator[pd.DataFrame]:
    """Squared errors of every promise: of the odds, of the usual share of kept promises, and of each straight line."""
    lines = {"odds": below, "base rate": None, **_promises.straight_lines(c)}
    for promise in PROMISES[c.horizon]:
        change = math.log1p(promise)
        met = c.came <= change
        says = {name: told(change) if told else kept[promise] for name, told in lines.items()}
        errors = {name: (said - met) ** 2 for name, said in says.items()}
        yield pd.DataFrame({"horizon": c.horizon, "promise": promise, "met": met, "said": says["odds"], **errors})


def _summary(promised: pd.DataFrame, told: pd.DataFrame) -> dict[str, Any]:
    """Brier scores as the mean over promises of the mean over cases, coverage over all cases."""
    table = promised.groupby(["horizon", "promise"]).mean()
    means = table.drop(columns=["met", "said"]).mean()
    fifths = promised.groupby(pd.cut(promised["said"], np.linspace(0, 1, 6)), observed=True)[["said", "met"]].agg(["mean", "size"])
    lines = means.drop(["odds", "base rate"]).dropna().sort_values()
    return {
        "brier": round(float(means["odds"]), 4),
        "brier_straight_line": round(float(lines.iloc[0]), 4) if len(lines) else None,
        "brier_base_rate": round(float(means["base rate"]), 4),
        "straight_lines": {name: round(float(value), 4) for name, value in lines.items()},
        "cover90": round(float(told["inside"].mean()), 4),
        "cover90_by_horizon": {int(h): round(float(v), 4) for h, v in told.groupby("horizon")["inside"].mean().items()},
        "cases": len(told),
        "reliability": [
            {"said": round(float(row["said", "mean"]), 3), "kept": round(float(row["met", "mean"]), 3), "n": int(row["met", "size"])}
            for _, row in fifths.iterrows()
        ],
        "promises": [
            {
                "years": int(h),
                "promise": float(p),
                "met": round(float(row["met"]), 3),
                "brier": round(float(row["odds"]), 4),
                "brier_straight_line": round(float(row[lines.index[0]]), 4) if len(lines) else None,
            }
            for (h, p), row in table.iterrows()
        ],
    }
