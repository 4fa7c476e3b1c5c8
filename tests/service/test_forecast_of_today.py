"""Within the day: what was measured while a known event acts says nothing about an ordinary day."""

from datetime import UTC, datetime, timedelta

import numpy as np

from city.frames import Block
from city.quality import VALID
from city.quantities import Quantity
from forecasting import events
from forecasting.calendars import Calendar
from forecasting.events import Event
from forecasting.forecast import forecast
from forecasting.models.task import ForecastSettings
from service.forecasts.predicting import _corrected

HOUR = timedelta(hours=1)
START = datetime(2022, 2, 27, 23, tzinfo=UTC)
FAST = ForecastSettings(trees=10, leaves=7, train_rows=2_000, calibration_rows=2_000, calibration_days=14)


def test_an_event_that_acts_since_midnight_is_not_counted_twice():
    """A works at half its load from midnight to noon, and seen at half until six: seven o'clock is half of the usual, not a quarter."""
    hours = np.arange(45 * 24)
    rng = np.random.default_rng(1)
    values = (100 + 20 * np.sin(hours / 24 * 2 * np.pi) + rng.normal(0, 1, hours.size))[None].astype(np.float32)
    block = Block(("works",), START, HOUR, Quantity.ENERGY_KWH, values, np.full(values.shape, VALID, np.uint16))
    made = forecast(block, {"works": "load"}, block.end_utc, 24, Calendar(), FAST)
    event = Event(1, "works", ("works",), block.end_utc, block.end_utc + 12 * HOUR, "factor", 0.5, None, "half a shift")
    (midnight,) = made.parts
    acted, _ = events.applied(made.history, [midnight], [event], "kWh")
    usual = midnight.answer.quantiles[0, 0, :, 1]
    since = (usual[None, :6] * 0.5).astype(np.float32)
    corrected = _corrected(midnight, acted[0], since)
    again, _ = events.applied(made.history, [corrected], [event], "kWh")
    np.testing.assert_allclose(again[0].answer.quantiles[0, 0, 6:12, 1], 0.5 * usual[6:12], rtol=0.02)
    np.testing.assert_allclose(again[0].answer.quantiles[0, 0, 12:, 1], usual[12:], rtol=0.02)
