"""Change points against brute force and statsmodels, and savings against buildings whose truth is known."""

import warnings
from datetime import date
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from carbon.why.changepoint import PARAMETERS, change_points, fit, fitted
from carbon.why.degree_days import cooling, daily_means, degree_days, heating
from carbon.why.measure import year_before
from carbon.why.savings import fractional_uncertainty, interval, savings
from city.problems import PenstockError
from tests.carbon import simulated_buildings as town

DAY = np.arange(365)


def baseline_of(kind: str, seed: int = 1, noise: float = 5.0, memory: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    degc = town.temperatures(rng, 365)
    return degc, town.use(kind, degc) + noise * town.remembering(rng, 365, memory)


@pytest.mark.parametrize("kind", list(PARAMETERS))
def test_the_building_is_found_again(kind):
    degc, used = baseline_of(kind)
    model = fit(DAY, degc, used)
    assert model.kind == kind
    assert model.rmse == pytest.approx(5.0, rel=0.1)
    if model.heating_degc is not None:
        assert model.heating_degc == pytest.approx(13.0, abs=1.0)
    if kind in ("3PC", "5P"):
        assert model.cooling_degc == pytest.approx(19.0, abs=1.0)
    assert model.bias == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("kind", ["3PH", "3PC", "4P", "5P"])
def test_change_points_are_those_of_brute_force_with_statsmodels(kind):
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(8)
    degc = town.temperatures(rng, 365)[::6]
    used = town.use(kind, degc) + 4 * rng.standard_normal(len(degc))
    points = change_points(degc)
    tried = {
        "3PH": [(c, None) for c in points],
        "3PC": [(None, c) for c in points],
        "4P": [(c, c) for c in points],
        "5P": list(combinations(points, 2)),
    }[kind]
    best = None
    for low, high in tried:
        columns = [np.ones(len(degc))]
        columns += [np.maximum(low - degc, 0)] if low is not None else []
        columns += [np.maximum(degc - high, 0)] if high is not None else []
        x = np.stack(columns, axis=1)
        beta, *_ = np.linalg.lstsq(x, used, rcond=None)
        if kind != "4P" and (beta[1:] <= 0).any():
            continue
        sse = float(((used - x @ beta) ** 2).sum())
        if best is None or sse < best[0] - 1e-9:
            best = (sse, low, high, x)
    mine = next(model for model in fitted(np.arange(len(degc)), degc, used) if model.kind == kind)
    assert mine.sse == pytest.approx(best[0], rel=1e-9)
    assert (mine.heating_degc, mine.cooling_degc) == pytest.approx((best[1], best[2]))
    oracle = sm.OLS(used, best[3]).fit()
    assert mine.coefficients == pytest.approx(oracle.params, rel=1e-8)
    assert mine.r2 == pytest.approx(oracle.rsquared, rel=1e-9)
    # statsmodels knows nothing of change points, so its degrees of freedom and BIC count fewer parameters.
    assert mine.rmse**2 * (mine.n - mine.parameters) == pytest.approx(oracle.mse_resid * oracle.df_resid)


def test_the_interval_of_a_straight_line_is_that_of_statsmodels():
    """2P without autocorrelation: the variance of a sum of predictions plus that of the days' scatter."""
    sm = pytest.importorskip("statsmodels.api")
    degc, used = baseline_of("2P", seed=4)
    model = next(one for one in fitted(DAY * 2, degc, used) if one.kind == "2P")  # no two days follow each other
    assert model.autocorrelation == 0
    weather = np.linspace(-5, 30, 90)
    oracle = sm.OLS(used, sm.add_constant(degc)).fit()
    summed = sm.add_constant(weather).sum(axis=0)
    variance = summed @ oracle.cov_params() @ summed + 90 * oracle.mse_resid
    from scipy.stats import t

    assert interval(model, degc, weather, 0.9) == pytest.approx(t.ppf(0.95, 363) * variance**0.5, rel=1e-9)


def test_fractional_uncertainty_by_hand():
    """3 months of days, CV 10 %, no autocorrelation, 8 % saved: t(0.68) x (a 9 + b 3 + c) x 0.1 x sqrt(1.0055 / 90) / 0.08."""
    degc, used = baseline_of("1P", seed=2, noise=10.0)
    model = next(iter(fitted(DAY * 2, degc, used)))
    from scipy.stats import t

    poly = -0.00024 * 9 + 0.03535 * 3 + 1.00286
    by_hand = t.ppf(0.84, 364) * poly * model.cv_rmse * ((1 + 2 / 365) / 90) ** 0.5 / 0.08
    assert fractional_uncertainty(model, 90, 0.08) == pytest.approx(by_hand, rel=1e-12)
    assert fractional_uncertainty(model, 90, -0.01) == np.inf


@pytest.mark.slow
def test_intervals_cover_the_truth_nine_times_in_ten():
    """720 buildings of six kinds, noise of 10 % that remembers the day before, three months and a year of reporting."""
    rng, told = np.random.default_rng(1), []
    for memory in (0.0, 0.4, 0.7):
        for length in (90, 365):
            hits = formula = 0
            for number in range(120):
                kind = list(PARAMETERS)[number % 6]
                degc = town.temperatures(rng, 730)
                heat = rng.uniform(11, 15)
                plain = town.use(kind, degc, heat, heat + rng.uniform(3, 8), tuple(rng.uniform(3, 8, 2)))
                used = plain + 0.1 * plain.mean() * town.remembering(rng, 730, memory)
                first = 365 + (0 if length == 365 else 91 * (number // 6 % 4))
                model, span = fit(DAY, degc[:365], used[:365]), slice(first, first + length)
                expected = model.predict(degc[span]).sum()
                missed = abs(expected - used[span].sum())
                hits += missed < interval(model, degc[:365], degc[span], 0.9)
                formula += missed < fractional_uncertainty(model, length, 1.0, 0.9) * expected
            told.append(hits / 120)
            print(f"memory {memory}, {length} days: {hits / 120:.1%} covered, {formula / 120:.1%} by the formula")  # noqa: T201 - docs/savings.md
    assert 0.87 < np.mean(told) < 0.93
    assert min(told) > 0.82


def whole(kind: str, saved: float, seed: int = 3, days: int = 730) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    degc = town.temperatures(rng, days)
    used = town.use(kind, degc) + 5 * town.remembering(rng, days, 0.3)
    used[365:] *= 1 - saved
    frame = town.days(degc, used)
    return frame[:365], frame[365:].reset_index(drop=True)


def test_a_tenth_saved_is_proved_and_its_interval_holds_it():
    before, after = whole("5P", 0.10)
    made = savings(before, after, "kWh")
    truth = after["use"].sum() / 0.9 * 0.1
    assert made.low < truth < made.high
    assert made.verdict == "proved"
    assert made.days["saved"].sum() == pytest.approx(made.saved)
    assert "proved" in made.sentence
    assert "5P model over 365 days" in made.sentence


def test_nothing_saved_is_not_proved_and_says_why():
    made = savings(*whole("3PH", 0.0), "kWh")
    assert made.verdict == "not proved"
    assert "the interval reaches zero" in made.sentence
    assert made.low < 0 < made.high


def test_missing_days_are_counted_and_not_filled():
    before, after = whole("3PH", 0.2)
    full = savings(before, after, "kWh")
    after.loc[10:59, "use"] = np.nan
    made = savings(before, after, "kWh")
    assert (made.missing_days, made.reporting_days) == (50, 315)
    assert made.baseline == pytest.approx(full.days["baseline"].drop(range(10, 60)).sum())
    assert made.verdict == "not proved"
    assert "covered share of the reporting period is 0.863, at least 0.9 asked" in made.sentence


def test_half_a_year_of_baseline_proves_nothing():
    before, after = whole("3PH", 0.2)
    made = savings(before[:180], after, "kWh")
    assert "baseline days is 180, at least 329 asked" in made.sentence
    assert made.beyond_days > 0


def test_a_week_proves_nothing_however_clear_it_looks():
    before, after = whole("3PH", 0.5)
    made = savings(before, after[:7], "kWh")
    assert made.low > 0
    assert "not proved (reporting days is 7, at least 28 asked" in made.sentence


def test_a_winter_that_the_baseline_never_saw_proves_nothing():
    before, after = whole("2P", 0.3)
    made = savings(before, after.assign(degc=after["degc"] - 40), "kWh")
    assert (made.low > 0, made.verdict) == (True, "not proved")
    assert "share of days at temperatures of the baseline" in made.sentence


def test_a_baseline_below_zero_has_no_percentage():
    before, after = whole("2P", 0.0)
    made = savings(before, after.assign(degc=after["degc"] + 100), "kWh")
    assert made.baseline < 0
    assert "%)" not in made.sentence.split("90%")[0]


def test_two_temperatures_alone_are_no_change_point():
    """A thermometer that knows 10 and 20 degC: both slopes tell the same, and nothing is divided by zero."""
    degc = np.where(DAY % 2, 10.0, 20.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(DAY, degc, 100 + 3.0 * degc)
    assert model.kind == "2P"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda b, a: (pd.concat([b, b[-1:]]), a), "baseline period: 2023-12-31 twice"),
        (lambda b, a: (a, b), "a reporting period after the baseline"),
        (lambda b, a: (b.assign(use=b["use"].where(b.index != 5, -1.0)), a), "a use of -1 on 2023-01-06; allowed: zero or more"),
        (lambda b, a: (b.assign(use=b["use"].where(b.index != 5, np.inf)), a), "a use of inf on 2023-01-06; allowed: zero or more"),
        (lambda b, a: (b[:20], a), "20 days with a mean of"),
        (lambda b, a: (b.assign(use=0.0), a), "365 days with a mean of 0"),
        (lambda b, a: (b, a.assign(degc=np.nan)), "no day with use and temperature"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_sentence(spoil, words):
    with pytest.raises(PenstockError, match=words):
        savings(*spoil(*whole("3PH", 0.1)), "kWh")


def test_use_that_never_moves_still_gives_a_model():
    frame = town.days(np.full(730, 12.0), np.full(730, 40.0))
    made = savings(frame[:365], frame[365:], "kWh")
    assert made.model.kind == "1P"
    assert made.saved == pytest.approx(0, abs=1e-6)
    assert made.verdict == "not proved"


def test_degree_days_by_hand():
    assert heating(np.array([10.0, 18.0, np.nan]), 15.0).tolist()[:2] == [5.0, 0.0]
    assert cooling(np.array([10.0, 28.0]), 24.0).tolist() == [0.0, 4.0]
    means = pd.Series([10.0, np.nan, 28.0, 5.0], index=[date(2024, 1, 30), date(2024, 1, 31), date(2024, 2, 1), date(2024, 2, 2)])
    made = degree_days(means, 15.0, 24.0)
    assert made.to_numpy().tolist() == [["2024-01", 5.0, 0.0, 1, 1], ["2024-02", 10.0, 4.0, 2, 0]]
    with pytest.raises(PenstockError, match="heating below cooling"):
        degree_days(means, 25.0, 24.0)


def test_a_day_of_23_hours_has_a_mean_and_half_a_day_has_none():
    times = pd.date_range("2024-03-30T23:00Z", periods=23, freq="h", unit="us")  # 31 March in Rome, spring change
    assert daily_means(times, np.full(23, 8.0), "Europe/Rome").to_dict() == {date(2024, 3, 31): 8.0}
    gap = np.r_[np.full(8, 8.0), np.full(15, np.nan)]
    assert np.isnan(daily_means(times, gap, "Europe/Rome").iloc[0])
    with pytest.raises(PenstockError, match="68 degC; allowed: -90 to 60"):
        daily_means(times, np.full(23, 68.0), "Europe/Rome")


def test_the_year_before_a_leap_day():
    assert year_before(date(2024, 2, 29)) == (date(2023, 3, 1), date(2024, 2, 28))
    assert year_before(date(2024, 7, 1)) == (date(2023, 7, 1), date(2024, 6, 30))
