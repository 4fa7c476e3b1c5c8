"""Whatever a history looks like: a sentence or a step of the ladder, never a missing number in a forecast."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city.frames import Block
from city.quality import VALID, Cause, missing
from city.quantities import Quantity
from forecasting.calendars import Calendar
from forecasting.forecast import forecast
from forecasting.models.task import ForecastSettings

CALENDAR = Calendar()
START = datetime(2022, 2, 27, 23, tzinfo=UTC)
FAST = ForecastSettings(trees=10, leaves=7, train_rows=2_000, calibration_rows=2_000, calibration_days=7)

ODD = {
    "all missing": lambda v, rng: v * np.nan,
    "constant": lambda v, rng: v * 0 + 4.0,
    "zero": lambda v, rng: v * 0,
    "negative": lambda v, rng: -v,
    "tiny": lambda v, rng: v * 1e-30,
    "huge": lambda v, rng: v * 1e30,
    "infinite now and then": lambda v, rng: np.where(rng.random(v.shape) < 0.05, np.inf, v),
    "mostly missing": lambda v, rng: np.where(rng.random(v.shape) < 0.9, np.nan, v),
    "silent since three days": lambda v, rng: np.where(np.arange(v.size) >= v.size - 72, np.nan, v),
    "one value": lambda v, rng: np.where(np.arange(v.size) == v.size - 1, v, np.nan),
    "one spike": lambda v, rng: np.where(np.arange(v.size) == v.size // 2, 1e9, v),
    "white noise": lambda v, rng: rng.standard_normal(v.shape) * 1e3,
}


def block_of(rows: list[np.ndarray], step: timedelta = timedelta(hours=1)) -> Block:
    values = np.stack(rows).astype(np.float32)
    quality = np.where(np.isnan(values), missing(Cause.GAP), VALID).astype(np.uint16)
    ids = tuple(f"m{i}" for i in range(len(rows)))
    return Block(ids, START, step, Quantity.ENERGY_KWH, np.nan_to_num(values, nan=0, posinf=np.inf), quality)


def usual(steps: int, per_day: int = 24) -> np.ndarray:
    return 10 + 4 * np.sin(np.arange(steps) / per_day * 2 * np.pi) + np.cos(np.arange(steps) / 7)


@pytest.mark.slow
@given(
    odd=st.lists(st.sampled_from(sorted(ODD)), min_size=1, max_size=4),
    kind=st.sampled_from(["load", "water", "gas", "pv", "wind", "ev"]),
    days=st.integers(0, 40),
    hours=st.integers(1, 23),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_history_gives_a_missing_number_or_crossing_quantiles(odd, kind, days, hours, seed):
    rng = np.random.default_rng(seed)
    steps = days * 24 + hours
    rows = [usual(steps), *(ODD[name](usual(steps), rng) for name in odd)]
    block = block_of(rows)
    made = forecast(block, dict.fromkeys(block.ids, kind), block.end_utc, 24, CALENDAR, FAST)
    q = made.frame[["p10", "p50", "p90"]].to_numpy()
    assert np.isfinite(q).all()
    assert (np.diff(q, axis=1) >= 0).all()
    assert (q >= 0).all()
    told = made.ladder.set_index("series_id")
    assert list(told.index) == list(block.ids)
    assert set(told.index[told["model"] != "none"]) == set(made.frame["series_id"])
    assert told["reason"].str.len().gt(20).all()


@pytest.mark.parametrize(
    ("minutes", "horizon"),
    [(5, timedelta(days=2)), (15, timedelta(days=7)), (30, timedelta(days=1)), (60, timedelta(days=7))],
)
def test_every_interval_and_horizon_is_answered_by_one_machine(minutes, horizon):
    step = timedelta(minutes=minutes)
    per_day = 24 * 60 // minutes
    rng = np.random.default_rng(1)
    base = usual(30 * per_day, per_day)
    block = block_of([base * (1 + i) + rng.normal(0, 0.1, base.size) for i in range(2)], step)
    steps = int(horizon / step)
    made = forecast(block, dict.fromkeys(block.ids, "load"), block.end_utc, steps, CALENDAR, FAST)
    assert made.frame.groupby("series_id").size().tolist() == [steps] * 2
    first = made.frame[made.frame["series_id"] == "m0"]
    assert first["time_utc"].iloc[-1] == block.end_utc + (steps - 1) * step
    truth = usual(30 * per_day + steps, per_day)[-steps:]
    assert np.abs(first["p50"].to_numpy() - truth).mean() < 1.2  # of a daily swing of 8


def test_the_band_widens_with_the_lead_time():
    """A random walk on a daily shape: what lies seven days ahead is known less well than tomorrow, and the band says so."""
    rng = np.random.default_rng(3)
    rows = [50 + np.cumsum(rng.normal(0, 0.3, 70 * 24)) + usual(70 * 24) for _ in range(6)]
    block = block_of(rows)
    made = forecast(block, dict.fromkeys(block.ids, "load"), block.end_utc, 168, CALENDAR, replace_days(FAST, 28))
    width = (made.frame["p90"] - made.frame["p10"]).to_numpy().reshape(6, 7, 24).mean(axis=(0, 2))
    assert width[0] < width[1] < width[6]


def replace_days(made: ForecastSettings, days: int) -> ForecastSettings:
    return made.model_copy(update={"calibration_days": days})


def test_a_grid_that_is_none_of_ours_is_a_sentence():
    block = block_of([usual(300)], timedelta(minutes=7))
    with pytest.raises(Exception, match="5 to 60 minutes"):
        forecast(block, {"m0": "load"}, block.end_utc, 4, CALENDAR, FAST)
    with pytest.raises(Exception, match="history"):
        forecast(replace(block_of([usual(48)]), ids=("m0",)), {"m1": "load"}, block.end_utc, 4, CALENDAR, FAST)
