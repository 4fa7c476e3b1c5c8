"""Small seeded cities whose right answers are known by construction."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from city.frames import Block
from city.quality import VALID
from city.quantities import Quantity
from forecasting.calendars import Calendar
from forecasting.models.task import ForecastSettings

START = datetime(2022, 2, 27, 23, 0, tzinfo=UTC)  # Monday 2022-02-28 00:00 in Rome


@pytest.fixture(scope="session")
def small() -> ForecastSettings:
    """Enough to learn the toys from, in a second."""
    return ForecastSettings(trees=60, leaves=15, learning_rate=0.1, train_rows=8_000, calibration_rows=6_000, calibration_days=14)


@pytest.fixture(scope="session")
def make_block() -> Callable[..., Block]:
    """Hourly loads: a local daily shape, lower at weekends and holidays, a level per series, seeded noise of `noise` times the level."""

    def build(days: int = 45, series: int = 4, noise: float = 0.03, start: datetime = START, seed: int = 7) -> Block:
        steps = days * 24
        grid = Calendar().grid(start, timedelta(hours=1), steps)
        shape = 1 + 0.5 * np.sin((grid.slot - 8) / 24 * 2 * np.pi)
        shape = shape * np.array([1.0, 0.8, 0.6])[grid.day_type[grid.day]]
        rng = np.random.default_rng(seed)
        levels = 10.0 * 3 ** np.arange(series)
        values = levels[:, None] * (shape + noise * rng.standard_normal((series, steps)))
        ids = tuple(f"feeder-{i:02d}" for i in range(series))
        quality = np.full(values.shape, VALID, np.uint16)
        return Block(ids, start, timedelta(hours=1), Quantity.ENERGY_KWH, values.astype(np.float32), quality)

    return build
