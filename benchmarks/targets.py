"""Published energy per GDP reproduced, and the odds of promises judged over countries that taught nothing.

`owid_china_years` are the years whose published kWh per international dollar is reproduced to the last printed digit from energy and
GDP; `nbs_max_error_points` the largest miss of a published yearly change, from published growth of energy and GDP. Brier scores are means
over countries, origins and promises; the straight line is the best of nine: three spans, least squares as yes or no or with
its normal error, or the mean change from the last value on.
"""

import argparse
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import _promises, data_folder
from benchmarks._promises import ANCHORS, Series
from benchmarks._promises_judged import judge
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
from carbon.targets.nowcast import Known, nowcast
from carbon.targets.odds import CALIBRATION
from city.problems import PenstockError

SUMMARY = "China's published energy per GDP, the basis of 2025, and the odds of promises against the straight line"
NBS_YEARS = (2010, 2012, 2017, 2018, 2020)
MEASURES = ("energy_per_gdp", "carbon_intensity")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--learn", action="store_true", help="also learn the constants that ship, from outcomes up to 2022")
    parser.add_argument(
        "--teaching", action="store_true", help="also judge one half of the teaching half by the other: to choose a model by"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """The figures. Raises `PenstockError` when the measuring data are missing."""
    equal, years = china()
    table = pd.read_csv(data_folder("carbon") / "owid_energy_gdp_compact.csv")
    anchors, trials = (ANCHORS[1:2], 200) if args.quick else (ANCHORS, 500)
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
        "odds_as_stated": None if args.quick else all(as_stated(name, one) for name, one in judged.items()),
        **now_cast(),
        "judged": judged,
    }
    teaching = {name: _promises.halves(series_of(table, name))[0] for name in MEASURES}
    if args.learn:
        figures["learned"] = {name: str(_promises.learned(one, 2022)) for name, one in teaching.items()}
    if args.teaching:
        figures["teaching"] = {name: judge(one, anchors, trials) for name, one in teaching.items()}
    return figures


def as_stated(measure: str, judged: dict[str, dict[str, Any]]) -> bool:
    """Are these the figures that the product prints beside its odds?"""
    made, said = judged["all years known"], CALIBRATION[measure]  # type: ignore[index]
    figures = (made["countries"], made["brier"], made["brier_straight_line"], made["brier_base_rate"], made["cover90"])
    return all(
        round(a, 3) == round(b, 3)
        for a, b in zip(figures, (said.countries, said.brier, said.straight_line, said.base_rate, said.cover90), strict=True)
    )


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


def now_cast() -> dict[str, float]:
    """Electricity of five zones, told after 1 to 11 months of 2015 to 2017 with the year before known; five others set the spreads.

    `victoria`: the same for 2013 and 2014 of one state, with and without degree days (18 and 26 degC).
    """
    hours = pd.read_parquet(data_folder("load") / "pjm_zones_hourly_MW.parquet").set_index("ds")
    zones = pd.concat([told_by_month(_months(hours[zone], 24), (2015, 2016, 2017), 1) for zone in sorted(hours.columns)[1::2]])
    state = pd.read_parquet(data_folder("load") / "vic_elec_halfhourly.parquet").set_index("ds_utc_or_local")
    known, celsius = _months(state["Demand"], 48), state["Temperature"].resample("D").mean()
    degree_days = (
        pd.DataFrame({"h": (18 - celsius).clip(lower=0), "c": (celsius - 26).clip(lower=0)}).groupby(_year_and_month(celsius)).mean()
    )
    weather = {month: (float(h), float(c)) for month, h, c in degree_days.itertuples()}
    plain, aware = (told_by_month(known, (2013, 2014), 9, given)["error"].mean() for given in (None, weather))
    return {
        "nowcast_error_percent": round(100 * float(zones["error"].mean()), 2),
        "nowcast_even_days_error_percent": round(100 * float(zones["even"].mean()), 2),
        "nowcast_cover90": round(float(zones["held"].mean()), 3),
        "nowcast_victoria_error_percent": round(100 * float(plain), 2),
        "nowcast_victoria_degree_days_error_percent": round(100 * float(aware), 2),
    }


def _year_and_month(values: pd.Series) -> list[Any]:
    at = pd.DatetimeIndex(values.index)
    return [at.year, at.month]


def _months(values: pd.Series, a_day: int) -> dict[tuple[int, int], Known]:
    known = values.dropna()
    by_month = known.groupby(_year_and_month(known)).agg(["sum", "count"])
    return {month: Known(float(amount), round(count / a_day)) for month, amount, count in by_month.itertuples()}


def told_by_month(months: dict[tuple[int, int], Known], years: tuple[int, ...], back: int, degree_days: Any = None) -> pd.DataFrame:
    """Each year told after 1 to 11 of its months from at most `back` years before: relative errors, and whether the interval held."""
    rows = []
    for year in years:
        whole = sum(months[year, m].amount for m in range(1, 13))
        for upto in range(1, 12):
            told = nowcast({m: k for m, k in months.items() if (year - back, 1) <= m <= (year, upto)}, year, degree_days)
            even = sum(months[year, m].amount for m in range(1, upto + 1)) / told.days_known
            rows.append((abs(told.amount / whole - 1), abs(even / whole - 1), told.low <= whole <= told.high))
    return pd.DataFrame(rows, columns=["error", "even", "held"])
