"""The two processes of `benchmarks.spool`: one reads and spools, one drains into the store. Either may be killed at any moment."""

import json
import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count as count_from
from pathlib import Path

import numpy as np
import pandas as pd

from city.places import Point
from city.quality import VALID
from city.quantities import Quantity
from meters.spool.spool import Spool, SpoolFull
from service.delivery import Away, StoreSink, drain
from service.store import open_store

START = datetime(2022, 6, 15, tzinfo=UTC)
RESERVE = 1 << 19  # kept back beside the spool [bytes]: little, because the disk that is made full is small
STEP = timedelta(seconds=1)  # between two batches: each has a time of its own, so that none can be taken for another


def points(count: int) -> list[Point]:
    return [Point(id=f"meter-{i:05d}.energy", meter=f"meter-{i:05d}", quantity=Quantity.ENERGY_REGISTER_KWH) for i in range(count)]


def value(number: int, count: int) -> np.ndarray:
    """The readings of batch `number`, as anyone can recompute them [kWh]: a counter per meter."""
    return np.arange(count) * 1000 + number * 0.25


def frame(number: int, count: int, received_utc: datetime) -> pd.DataFrame:
    """One slot: a reading of each of `count` meters."""
    time_utc = pd.Series([START + number * STEP] * count).astype("datetime64[us, UTC]")
    received = pd.Series([received_utc] * count).astype("datetime64[us, UTC]")
    names = [point.id for point in points(count)]
    made = {"point_id": names, "quantity": str(Quantity.ENERGY_REGISTER_KWH), "value": value(number, count), "quality": VALID}
    return pd.DataFrame(made).assign(time_utc=time_utc, received_at_utc=received)


def jumping(seed: int) -> Iterator[datetime]:
    """A clock that somebody sets again and again, by up to two days to either side."""
    rng = np.random.default_rng(seed)
    ahead_s = 0.0
    while True:
        if rng.random() < 0.1:
            ahead_s = float(rng.uniform(-172_800, 172_800))
        yield datetime.now(UTC) + timedelta(seconds=ahead_s)


def produce(folder: Path, first: int, count: int, file_limit: int) -> None:
    """Spool batches `first`, `first` + 1, ... for ever. Each number goes into a log before and after its transaction.

    On a full disk it says so there and waits for room. `file_limit`: the most bytes a file may have; 0 for no limit.
    """
    if file_limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
    clock = jumping(first)
    log = os.open(folder.parent / "produced.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with Spool(folder / "spool.db", RESERVE, now=lambda: next(clock)) as spool:
        for number in count_from(first):
            made = frame(number, count, next(clock))
            os.write(log, f"{json.dumps(['begun', number])}\n".encode())
            try:
                spool.append(made)
            except SpoolFull:
                os.write(log, f"{json.dumps(['full', number])}\n".encode())
                while not spool.has_room():
                    time.sleep(0.01)
                continue
            os.write(log, f"{json.dumps(['kept', number])}\n".encode())


def deliver(folder: Path, url: str, count: int) -> None:
    """Drain into the store for ever; while it is away, try again."""
    with Spool(folder / "spool.db", RESERVE) as spool:
        while True:
            with suppress(Away):
                drain(spool, StoreSink(open_store(url, create=True), points(count)))
            time.sleep(0.01)
