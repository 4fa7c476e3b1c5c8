"""What loggers did not send: a grid time that stays without a value is called missing, with the reason, once its time is over."""

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from city import quality as q
from city.clock import ceil, floor
from city.frames import TIME
from city.quality import Cause
from meters.maps.model import DeviceModel
from meters.roads.delivered import no_readings
from meters.roads.loggers import Logger

_MOST_JUDGED = 4 * 24 * 35  # grid times that are judged at once after a clock jump

Cell = tuple[str, datetime, str, float, int]  # point id, time, quantity, value [its unit], quality


@dataclass(frozen=True)
class Subscription:
    """A logger with its meter's model and step."""

    logger: Logger
    model: DeviceModel
    step_s: int

    @property
    def step(self) -> timedelta:
        return timedelta(seconds=self.step_s)

    @property
    def points(self) -> dict[str, str]:
        """Point id: quantity."""
        return {f"{self.logger.meter}.{v.name}": str(self.model.register(v.name).quantity) for v in self.logger.values}


class Silence:
    """Who was heard when. Safe to use from two threads."""

    def __init__(self, subscriptions: Iterable[Subscription]) -> None:
        self._subscriptions = tuple(subscriptions)
        self._lock = threading.Lock()
        self._heard: dict[str, set[datetime]] = {}  # point: grid times that have a value
        self._refused: dict[str, Cause] = {}  # point: why its last message gave no value
        self._gone: set[str] = set()  # meters whose last will stands
        self._judged: dict[str, datetime] = {}

    def begin(self, now_utc: datetime) -> None:
        """From the next grid time on; nothing is said about a time at which nobody listened."""
        with self._lock:
            self._judged = {one.logger.meter: ceil(now_utc, one.step) - one.step for one in self._subscriptions}

    def hear(self, point: str, one: Subscription, time_utc: datetime) -> None:
        """The point has a value at `time_utc`."""
        with self._lock:
            self._refused.pop(point, None)
            self._heard.setdefault(point, set()).add(floor(time_utc, one.step))

    def refuse(self, point: str, cause: Cause) -> None:
        """The point's message gave no value."""
        with self._lock:
            self._refused[point] = cause

    def will(self, meter: str, gone: bool) -> None:
        """The logger's last will stands, or does so no more."""
        with self._lock:
            (self._gone.add if gone else self._gone.discard)(meter)

    def judge(self, slot_utc: datetime, now_utc: datetime, connected: bool) -> pd.DataFrame:
        """Readings without a value for every grid time that has been silent for its logger's `max_age_s` before `slot_utc`.

        Cause: that of the point's last refused message, NO_CONNECTION while the broker cannot be reached or the last will stands,
        TIMEOUT otherwise.
        """
        cells: list[Cell] = []
        with self._lock:
            for one in self._subscriptions:
                meter = one.logger.meter
                last = floor(slot_utc - timedelta(seconds=one.logger.max_age_s), one.step)
                first = max(self._judged.get(meter, last) + one.step, last - _MOST_JUDGED * one.step)
                times = [first + i * one.step for i in range(int((last - first) / one.step) + 1)]
                for point, quantity in one.points.items():
                    lost = not connected or meter in self._gone
                    cause = Cause.NO_CONNECTION if lost else self._refused.get(point, Cause.TIMEOUT)
                    heard = self._heard.get(point, set())
                    cells += [(point, time, quantity, math.nan, q.missing(cause)) for time in times if time not in heard]
                    heard.difference_update([time for time in heard if time <= last])
                self._judged[meter] = max(last, self._judged.get(meter, last))
        return frame(cells, [now_utc] * len(cells))


def frame(cells: list[Cell], received_at_utc: list[datetime]) -> pd.DataFrame:
    """Cells as `city.frames.READINGS`."""
    if not cells:
        return no_readings()
    point, at, quantity, value, quality = zip(*cells, strict=True)
    return pd.DataFrame(
        {
            "point_id": pd.array(point, dtype="str"),
            "time_utc": pd.Series(at, dtype=TIME),
            "quantity": pd.array(quantity, dtype="str"),
            "value": np.array(value, dtype=float),
            "quality": np.array(quality, dtype=np.int64),
            "received_at_utc": pd.Series(received_at_utc, dtype=TIME),
        }
    )
