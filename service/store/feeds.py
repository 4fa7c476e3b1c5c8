"""How old what each weather service told is, and how far it reaches: light enough for `penstock status`."""

from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Engine, func, select

from service import schema as t


def state(engine: Engine, known_at_utc: datetime) -> list[dict[str, Any]]:
    """Per source and place: issue and reach of its newest forecast, or measurement where it sends no forecasts, and what there is."""
    w = t.weather.c
    with engine.connect() as connection:
        rows = connection.execute(
            select(w.source, w.place, w.variable, w.issued_utc, w.start_utc, w.step_s, (func.length(w.amounts) / 4).label("n"))
            .where(w.available_at_utc <= known_at_utc)
            .order_by(w.source, w.place, w.issued_utc.desc())
        ).all()
    found: list[dict[str, Any]] = []
    for (source, place), some in groupby(rows, key=lambda row: (row.source, row.place)):
        ends = [(row, row.start_utc + timedelta(seconds=row.step_s) * int(row.n)) for row in some]
        ahead = [(row, end) for row, end in ends if end > row.issued_utc] or ends
        issued = ahead[0][0].issued_utc
        reaches = max(end for row, end in ahead if row.issued_utc == issued)
        names = sorted({row.variable for row, _ in ends})
        found.append({"source": source, "place": place, "vectors": len(ends), "issued": issued, "reaches": reaches, "variables": names})
    return found
