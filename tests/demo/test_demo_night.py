"""What the demo's night makes of the meter that comes in a file."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from city.quality import Flag
from service.environment import Environment
from service.settings import load
from service.store import meter_days, open_store
from service.view import board
from tests.commands import Penstock

DAY = datetime(2022, 6, 14, 22, 0, tzinfo=UTC)


@pytest.mark.slow
def test_the_head_ends_estimate_stays_an_estimate_and_its_meter_is_late_after_a_day_and_a_half(night: Penstock) -> None:
    """The newest value is of 21:45 UTC: 36 h later it still counts, a quarter-hour more and the next file is overdue."""
    env = Environment(city=night.city, home=night.home)
    city, engine = load(env), open_store(env.url)
    validated = meter_days.block(engine, [city.points["heat-boiler.heat"]], DAY, DAY + timedelta(days=1))
    assert validated.usable().all()
    assert np.flatnonzero(validated.quality[0] & Flag.ESTIMATED_LIKE_DAY).tolist() == [54]
    for late, hours in ((False, 36), (True, 36.25)):
        at: Any = SimpleNamespace(now_utc=DAY + timedelta(hours=23.75 + hours))
        assert board.points(engine, city, at).set_index("point_id")["late"]["heat-boiler.heat"] == late
