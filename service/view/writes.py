"""How far a plan's commands have come: per point what was proposed, approved, written and read back, and what the device reads now."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from sqlalchemy import Engine, select

from service import schema as t
from service.settings import LoadedCity

STAGES = {
    "proposed": ("proposed",),
    "approved": ("approved", "held", "writing"),
    "written": ("written",),
    "wrong": ("mismatch", "refused", "unknown", "expired"),
    "superseded": ("superseded",),
}
STAGE_OF = {state: stage for stage, states in STAGES.items() for state in states}


@dataclass(frozen=True)
class Reads:
    """What a point was last heard to be [its unit], and when."""

    value: float
    time_utc: datetime


def writes(engine: Engine, city: LoadedCity, commands: pd.DataFrame) -> pd.DataFrame:
    """One row per point of a plan's commands, by asset: asset, point_id, unit, the count of each of `STAGES`, `asked`, `reads`, `read_utc`.

    `asked` is the setpoint written last, NaN before the first; `reads` the newest reading, NaN where nobody reads the point, or not
    since the last write.
    """
    asset_of = {control.point: control.asset for control in city.settings.controls}
    names = sorted(commands["point_id"].unique(), key=lambda point: (asset_of.get(point, point), point))
    heard = _latest(engine, city, names)
    rows = []
    for point in names:
        own = commands[commands["point_id"] == point]
        stages = own["state"].map(STAGE_OF).value_counts()
        done = own[own["state"] == "written"]
        reads = heard.get(point)
        if reads and len(done) and reads.time_utc <= done["not_before_utc"].iloc[-1]:
            reads = None  # read before it was written last
        unit = city.points[point].quantity.unit.removeprefix("1") if point in city.points else ""  # on and off has none
        rows.append(
            {"asset": asset_of.get(point, point), "point_id": point, "unit": unit}
            | {stage: int(stages.get(stage, 0)) for stage in STAGES}
            | {"asked": float(done["setpoint"].iloc[-1]) if len(done) else float("nan")}
            | {"reads": reads.value if reads else float("nan"), "read_utc": reads.time_utc if reads else pd.NaT}
        )
    return pd.DataFrame(rows)


def _latest(engine: Engine, city: LoadedCity, names: list[str]) -> dict[str, Reads]:
    latest = t.latest.c
    statement = (
        select(t.point.c.point_id, latest.good_value, latest.good_time_utc)
        .join(t.latest, latest.point_key == t.point.c.point_key)
        .where(t.point.c.point_id.in_(names), latest.good_value.is_not(None))
    )
    with engine.connect() as connection:
        found = connection.execute(statement).all()
    return {
        row.point_id: Reads(float(city.points[row.point_id].quantity.to_unit(row.good_value)), row.good_time_utc)
        for row in found
        if row.point_id in city.points
    }
