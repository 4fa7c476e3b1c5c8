"""How long the readings of a city can wait on this machine's disk."""

import shutil
from collections import Counter

import numpy as np
import pandas as pd

from city.quality import VALID
from meters.spool import fill
from meters.spool.packing import Batch
from service.settings import LoadedCity


def capacity(city: LoadedCity) -> fill.Capacity:
    """Measured on one batch per step of the city's own points, with random values: real ones take less."""
    city.folder.mkdir(parents=True, exist_ok=True)
    by_step = Counter(city.meter[point.meter].step_s for point in city.points.values())
    kinds = [(count, 86_400 / step_s, len(_batch(city, step_s).kept)) for step_s, count in by_step.items()]
    return fill.capacity(kinds, shutil.disk_usage(city.folder).free)


def _batch(city: LoadedCity, step_s: int) -> Batch:
    points = [point for point in city.points.values() if city.meter[point.meter].step_s == step_s]
    time = pd.Series([pd.Timestamp.now("UTC").floor("s")] * len(points)).astype("datetime64[us, UTC]")
    names = {"point_id": [point.id for point in points], "quantity": [str(point.quantity) for point in points]}
    values = np.random.default_rng(1).random(len(points))
    return Batch.of(pd.DataFrame({**names, "value": values, "quality": VALID}).assign(time_utc=time, received_at_utc=time))
