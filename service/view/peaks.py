"""Tonight's peaks as operators look at them: what may pass its rating first, then how high sums will rise."""

from datetime import date

import pandas as pd
from sqlalchemy import Engine

from service.settings import LoadedCity
from service.store import paths

UNIT = {"power_kw": "kW", "flow_m3_per_h": "m3/h"}


def peaks(engine: Engine, city: LoadedCity, night: date) -> pd.DataFrame:
    """One row per series, of its worst day: name, unit and the columns of `paths.peaks`, those with a rating first and by probability."""
    found = paths.peaks(engine, night)
    if found.empty:
        return found
    worst = found.assign(chance=found["probability"].astype(float).fillna(-1.0)).sort_values(["chance", "p50"], ascending=False)
    rows = worst.drop_duplicates("series_id").drop(columns="chance")
    names = city.sums.names
    named = [names.get(name, name.rsplit(".", 1)[0]) for name in rows["series_id"]]
    return rows.assign(name=named, unit=rows["quantity"].map(UNIT)).reset_index(drop=True)
