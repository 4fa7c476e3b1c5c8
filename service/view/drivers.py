"""Why tonight's peaks are as high as they are: the sums first, then the largest series of each kind."""

from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import Engine, select

from service import schema as t
from service.settings import LoadedCity

COLUMNS = ("name", "en", "zh")


def drivers(engine: Engine, city: LoadedCity, night: date) -> pd.DataFrame:
    """name and the sentence in English and Chinese: of every total, and of the series with the highest peak of each kind of forecast."""
    f = t.forecast.c
    with engine.connect() as connection:
        rows = connection.execute(select(f.series_id, f.quantity, f.why).where(f.night == night).order_by(f.series_id)).all()
    kind = {meter.id: meter.forecast for meter in city.settings.meters}
    found: list[tuple[str, str, str]] = []
    highest: dict[tuple[str | None, str], tuple[str, dict[str, Any]]] = {}
    for row in rows:
        if not row.why:
            continue
        if row.series_id not in city.points:
            found.append((city.sums.names.get(row.series_id, row.series_id), row.why["en"], row.why["zh"]))
            continue
        meter = row.series_id.rsplit(".", 1)[0]
        of_kind = (kind.get(meter), row.quantity)
        if of_kind not in highest or row.why["value"] > highest[of_kind][1]["value"]:
            highest[of_kind] = (meter, row.why)
    found += [(name, why["en"], why["zh"]) for name, why in highest.values()]
    return pd.DataFrame(found, columns=list(COLUMNS))
