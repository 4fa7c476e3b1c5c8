"""What docs/water_quality.md says of the demo's signals."""

import numpy as np
import pandas as pd

from city import quality as q
from city.frames import Block
from city.quantities import Quantity
from demo import quality
from demo.make import LIVE_DAY, SENSED_FROM
from networks.quality import events

QUANTITIES = {
    "chlorine": Quantity.CHLORINE_MG_PER_L,
    "turbidity": Quantity.TURBIDITY_NTU,
    "ph": Quantity.PH,
    "conductivity": Quantity.CONDUCTIVITY_US_PER_CM,
}


def test_the_eight_signals_over_76_days_give_the_muddy_evening_s_two_events_and_no_other() -> None:
    first, live = (pd.Timestamp(day, tz="Europe/Rome").tz_convert("UTC") for day in (SENSED_FROM, LIVE_DAY))
    times = pd.date_range(first, live + pd.Timedelta(hours=26), freq="15min", unit="us")
    signals = quality.signals(times, live, seed=1)
    assert signals.shape[1] == 8
    assert len(times) // 96 == 76
    found = []
    for name, values in signals.items():
        quantity = QUANTITIES[str(name).rpartition(".")[2]]
        flags = np.full((1, len(times)), q.VALID, dtype=np.uint16)
        step = (times[1] - times[0]).to_pytimedelta()
        found += events(Block((str(name),), times[0].to_pydatetime(), step, quantity, quantity.to_int(values.to_numpy()[None, :]), flags))
    assert {event.point_id for event in found} == {f"{quality.MUDDY}.chlorine", f"{quality.MUDDY}.turbidity"}
    assert len(found) == 2
    assert all(event.start_utc >= live + quality.MUDDY_AFTER for event in found)
