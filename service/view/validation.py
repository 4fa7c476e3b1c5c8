"""What validation asks a person: values it doubted or warned of, by point, day and cause, with what was made of them."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from city import quality as q
from city.clock import local_date
from city.quality import Cause, Flag
from service import schema as t
from service.store.vectors import unpack_quality

COLUMNS = ["point_id", "day_start_utc", "cause", "intervals", "questionable", "estimated", "edited", "version"]
_SETTLED = {Cause.NONE, Cause.ROLLOVER, Cause.EXCHANGE}  # nothing to ask: the register went on counting


def queue(engine: Engine, start_utc: datetime, end_utc: datetime) -> pd.DataFrame:
    """One row per point, civil day and cause of the newest versions in [start, end), most intervals first.

    `questionable`, `estimated` and `edited` say how many of the `intervals` are so by now; what a person accepted or wrote is not asked
    again: a row whose intervals are all edited is left out.
    """
    m = t.meter_day.c
    statement = (
        select(t.point.c.point_id, m.day_start_utc, m.version, m.quality)
        .join(t.point, t.point.c.point_key == m.point_key)
        .where(m.day_start_utc >= start_utc, m.day_start_utc < end_utc)
        .order_by(m.version)
    )
    with engine.connect() as connection:
        newest = {(row.point_id, row.day_start_utc): row for row in connection.execute(statement)}
    rows = [found for row in newest.values() for found in _asked(row.point_id, row.day_start_utc, row.version, unpack_quality(row.quality))]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.sort_values(["intervals", "point_id", "day_start_utc"], ascending=[False, True, True], ignore_index=True)


def told(asked: pd.DataFrame, zone: str) -> Iterator[str]:
    """A line per row of `queue`, with what may be done about it at the end."""
    for row in asked.itertuples():
        of = ", ".join(f"{number} {word}" for word in ("questionable", "estimated", "edited") if (number := getattr(row, word)))
        cause = row.cause.lower().replace("_", " ")
        much = f"{row.intervals} interval{'s' * (row.intervals > 1)}{of and f' ({of})'}"
        yield f"{row.point_id} {local_date(row.day_start_utc, zone)}: {cause} in {much}"
    yield "accept or correct them with `penstock meters edit`" if len(asked) else "nothing is asked of these days"


def _asked(point_id: str, day: datetime, version: int, quality: NDArray[np.uint16]) -> list[tuple[object, ...]]:
    edited = (quality & int(Flag.EDITED)) != 0
    found: list[tuple[object, ...]] = []
    for code, number in Counter((quality >> 8).tolist()).items():
        here = quality >> 8 == code
        if Cause(code) in _SETTLED or edited[here].all():
            continue
        questionable = int(((quality[here] & int(Flag.QUESTIONABLE)) != 0).sum())
        estimated = int((q.usable(quality[here]) & ~q.measured(quality[here])).sum())
        found.append((point_id, day, Cause(code).name, number, questionable, estimated, int(edited[here].sum()), version))
    return found
