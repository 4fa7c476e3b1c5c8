"""Published energy per GDP reproduced, and the odds of promises judged over countries that taught nothing.

`owid_china_years` are the years whose published kWh per international dollar is reproduced to the last printed digit from energy and
GDP; `nbs_max_error_points` the largest miss of a published yearly change, from published growth of energy and GDP. Brier scores are means
over countries, origins and promises; the straight line is the best of six (three spans, with its normal error or as yes or no).
"""

import argparse
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import _promises, data_folder
from benchmarks._promises import ANCHORS, HORIZONS, Cases, FloatArray, Series
from carbon.targets.metric import (
    Basis,
    Metric,
    Value,
    chained,
    change_from_growth,
    change_percent,
    differences,
    metric_of,
    printed,
    ratio,
    warning,
)
from city.problems import PenstockError

SUMMARY = "China's published energy per GDP, the basis of 2025, and the odds of promises against the straight line"
PROMISES = {5: (-0.05, -0.10, -0.15, -0.20), 10: (-0.10, -0.20, -0.30, -0.40)}
NBS_YEARS = (2010, 2012, 2017, 2018, 2020)
MEASURES = ("energy_per_gdp", "carbon_intensity")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--learn", action="store_true", help="also learn the constants that ship, from outcomes up to 2022")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """The figures. Raises `PenstockError` when the measuring data are missing."""
    equal, years = china()
    table = pd.read_csv(data_folder("carbon") / "owid_energy_gdp_compact.csv")
    anchors, trials = (ANCHORS[1:2], 60) if args.quick else (ANCHORS, 500)
    judged = {name: judge(series_of(table, name), anchors, trials) for name in MEASURES[: 1 if args.quick else None]}
    energy = judged["energy_per_gdp"]["all years known"]
    figures = {
        "owid_china_years": years,
        "owid_china_years_equal": equal,
        "nbs_max_error_points": float(max(abs(miss) for miss in nbs_misses().values())),
        "basis_warning_2025": basis_warning_2025(),
        "odds_brier": energy["brier"],
        "odds_brier_straight_line": energy["brier_straight_line"],
        "odds_cover90": energy["cover90"],
        "judged": judged,
    }
    if args.learn:
        figures["learned"] = {name: str(_promises.learned(_promises.halves(series_of(table, name))[0], 2022)) for name in MEASURES}
    return figures


def china() -> tuple[int, int]:
    """Years whose printed kWh per international dollar is reproduced, and years printed."""
    table = pd.read_csv(data_folder("carbon") / "owid_china_energy_per_gdp_2026vintage.csv", dtype=str).dropna(
        subset=["energy_per_gdp_kwh_published", "gdp_intl_usd"]
    )
    metric = metric_of("energy_per_gdp", Basis(electricity="substitution", price_year=2011), unit="kWh/international $")
    made = [
        printed(ratio(metric, int(row.year), Decimal(row.primary_energy_twh) * 10**9, Decimal(row.gdp_intl_usd)).value, 3)
        == row.energy_per_gdp_kwh_published
        for row in table.itertuples()
    ]
    return sum(made), len(made)


def _nbs() -> pd.DataFrame:
    return pd.read_csv(data_folder("carbon") / "nbs_china_intensity_tests.csv", dtype=str).set_index("year")


def nbs_misses() -> dict[int, Decimal]:
    """Per year: change of energy per GDP from published growth, minus the published change [points]."""
    table = _nbs()
    made = {}
    for year in NBS_YEARS:
        row = table.loc[str(year)]
        change = change_from_growth(Decimal(row["energy_growth_pct"]), Decimal(row["gdp_real_growth_pct_memory_UNVERIFIED"]))
        made[year] = change - Decimal(row["published_energy_per_gdp_change_pct"])
    return made


def basis_warning_2025() -> bool:
    """2025: total energy gives -1.43 %, the published -5.1 % is of another basis, chains there alone, and both together draw a warning."""
    row = _nbs().loc["2025"]
    published = Decimal(row["published_energy_per_gdp_change_pct"])
    total = metric_of("energy_per_gdp", Basis(electricity="equal", price_year=2020))
    deducted = metric_of("energy_per_gdp", Basis(electricity="equal", price_year=2020, feedstock="deducted", non_fossil="deducted"))
    of_total = change_from_growth(Decimal(row["energy_growth_pct"]), Decimal(row["gdp_real_growth_pct_memory_UNVERIFIED"]))
    hundred = Value(deducted, 2024, Decimal(100))
    own = chained(hundred, {2025: (deducted, published)})
    reproduced = printed(change_percent(*own), 1) == printed(published, 1) and printed(of_total, 1) != printed(published, 1)
    return reproduced and refused(hundred, total, of_total) and warning(total, deducted) is not None and not differences(deducted, deducted)


def refused(start: Value, other: Metric, percent: Decimal) -> bool:
    """Is a change on another basis kept out of the chain?"""
    try:
        chained(start, {start.year + 1: (other, percent)})
    except PenstockError:
        return True
    return False


def series_of(table: pd.DataFrame, measure: str) -> Series:
    """Per country the log of each year, unbroken years only; countries with more than twenty of them."""
    above = table["primary_energy_twh" if measure == "energy_per_gdp" else "co2_mt"]
    value = above / table["gdp_intl2011usd"]
    known = table.assign(log=np.log(value.where(value > 0))).dropna(subset=["log", "iso_code"])
    made = {str(name): group.set_index("year")["log"] for name, group in known.groupby("country")}
    return {name: one for name, one in made.items() if len(one) > _promises.LEAST_YEARS - 1 and (np.diff(one.index) == 1).all()}


def judge(series: Series, anchors: tuple[int, ...], trials: int) -> dict[str, dict[str, Any]]:
    """Scores on the judging half with all years known and with one and three changes known, as a young ledger has them."""
    teaching, judging = _promises.halves(series)
    learned = {anchor: _promises.learned(teaching, anchor, trials) for anchor in anchors}
    made = {}
    for name, changes in (("all years known", None), ("3 changes known", 3), ("1 change known", 1)):
        promised, told = [], []
        for anchor, pooled in learned.items():
            for h in HORIZONS:
                for c in _promises.cases(judging, range(anchor, anchor + ANCHORS[1] - ANCHORS[0]), h, changes):
                    outlook = c.told(pooled)
                    inside = (outlook.quantile(0.05) <= c.came) & (c.came <= outlook.quantile(0.95))
                    told.append(pd.DataFrame({"horizon": h, "inside": inside}))
                    promised += list(_scored(c, outlook.below))
        made[name] = _summary(pd.concat(promised), pd.concat(told)) | {"countries": len(judging)}
    return made


def _scored(c: Cases, below: Callable[[float], FloatArray]) -> Iterator[pd.DataFrame]:
    """Squared errors of every promise: of the odds and of each straight line."""
    lines = {"odds": below, **_promises.straight_lines(c)}
    for promise in PROMISES[c.horizon]:
        change = math.log1p(promise)
        met = c.came <= change
        errors = {name: (told(change) - met) ** 2 for name, told in lines.items()}
        yield pd.DataFrame({"horizon": c.horizon, "promise": promise, "met": met, **errors})


def _summary(promised: pd.DataFrame, told: pd.DataFrame) -> dict[str, Any]:
    """Brier scores as the mean over promises of the mean over cases, coverage over all cases."""
    table = promised.groupby(["horizon", "promise"]).mean()
    means = table.drop(columns="met").mean()
    lines = means.drop("odds").dropna().sort_values()
    return {
        "brier": round(float(means["odds"]), 4),
        "brier_straight_line": round(float(lines.iloc[0]), 4) if len(lines) else None,
        "straight_lines": {name: round(float(value), 4) for name, value in lines.items()},
        "cover90": round(float(told["inside"].mean()), 4),
        "cover90_by_horizon": {int(h): round(float(v), 4) for h, v in told.groupby("horizon")["inside"].mean().items()},
        "cases": len(told),
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
