"""Local hours to prices on the UTC grid, over clock changes too."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from city.clock import civil_day, grid
from service.tariff import Band, Tariff

TARIFF = Tariff(
    bands=(
        Band(name="weekend", price_per_kwh=0.5, hours=((0, 24),), weekend=True),
        Band(name="peak", price_per_kwh=1.0, hours=((8, 20),)),
        Band(name="valley", price_per_kwh=0.3, hours=((0, 8), (20, 24))),
    ),
)


def prices(day: datetime) -> np.ndarray:
    start, end = civil_day(day.date(), "Europe/Rome")
    return TARIFF.import_price(grid(start, int((end - start) / timedelta(minutes=15)), timedelta(minutes=15)), "Europe/Rome")


def test_a_working_day_has_48_peak_quarters() -> None:
    assert (prices(datetime(2022, 6, 15, tzinfo=UTC)) == 1.0).sum() == 48


def test_a_sunday_costs_the_same_all_day_and_the_autumn_change_has_100_quarters() -> None:
    made = prices(datetime(2022, 10, 30, tzinfo=UTC))
    assert (len(made), set(made)) == (100, {0.5})


def test_hours_no_band_covers_have_no_price() -> None:
    bare = Tariff(bands=(Band(name="peak", price_per_kwh=1.0, hours=((8, 20),)),))
    start = civil_day(datetime(2022, 6, 15, tzinfo=UTC).date(), "Europe/Rome")[0]
    assert np.isnan(bare.import_price(grid(start, 96, timedelta(minutes=15)), "Europe/Rome")).sum() == 48


def test_hours_over_midnight_are_refused_with_the_remedy() -> None:
    with pytest.raises(ValidationError, match="split a span over midnight"):
        Band(name="night", price_per_kwh=0.3, hours=((22, 6),))
