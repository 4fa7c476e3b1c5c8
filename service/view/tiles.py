"""The key figures of the city with their last day."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from city import quality as q
from city.clock import QUARTER, civil_day, floor, grid, local_date
from city.problems import PenstockError
from city.quantities import Quantity
from optimisation.assets import Battery, Grid
from service.metering import primary_readings
from service.plans.signals import intensity
from service.settings import LoadedCity
from service.store import courses, readings
from service.sums import topmost
from service.view import water
from service.view.board import bounds
from service.view.moment import Moment

_DAY = timedelta(hours=24)
_HOLDS = 3  # quarters that a value stands for after its own: those that are read by the hour


@dataclass(frozen=True)
class Tile:
    """One key figure.

    `key` names it, `trend` holds its last 24 h by quarters, `parts` of `whole` meters answered, `low`/`high` are its limits, `expected`
    is its forecast.
    """

    key: str
    unit: str
    value: float | None
    time_utc: datetime | None
    trend: tuple[float | None, ...] = ()
    parts: int = 0
    whole: int = 0
    low: float | None = None
    high: float | None = None
    expected: float | None = None
    where: str = ""


def last_day(engine: Engine, city: LoadedCity, point_ids: Sequence[str], moment: Moment) -> pd.DataFrame:
    """Usable values within limits at the 97 quarters of the last 24 h, one column per point; a value holds until the next, 1 h at most."""
    end = floor(moment.now_utc, QUARTER)
    start = end - _DAY - _HOLDS * QUARTER
    frame = primary_readings(city, readings.hot(engine, list(point_ids), start, moment.now_utc + timedelta(seconds=1)))
    frame = frame[q.usable(frame["quality"].to_numpy())] if len(frame) else frame
    within = bounds(city)
    low, high = (frame["point_id"].map({name: pair[i] for name, pair in within.items()}).astype(float) for i in (0, 1))
    frame = frame[frame["value"].between(low.fillna(-np.inf), high.fillna(np.inf))].assign(slot=lambda f: f["time_utc"].dt.ceil(QUARTER))
    wide = frame.groupby(["slot", "point_id"])["value"].last().unstack("point_id")  # noqa: PD010 - keys are unique
    return wide.reindex(grid(start, _DAY // QUARTER + 1 + _HOLDS, QUARTER)).ffill(limit=_HOLDS).iloc[_HOLDS:]


@lru_cache(maxsize=4)
def members(city: LoadedCity) -> Mapping[str, frozenset[str]]:
    """{key of a tile: the meters that it is made of}."""
    meters = city.settings.meters
    return {
        "load": frozenset(m.id for m in meters if m.commodity == "electricity" and m.role == "load"),
        "pv": frozenset(m.id for m in meters if m.role == "generation" and m.forecast == "pv"),
        "wind": frozenset(m.id for m in meters if m.role == "generation" and m.forecast == "wind"),
        "inflow": frozenset(m.id for m in meters if m.commodity == "water" and m.zone and m.role in ("load", "supply")),
        "charge": frozenset(m.id for m in meters if m.commodity == "electricity"),  # a heat store has a charge too
    }


def tiles(engine: Engine, city: LoadedCity, moment: Moment, board: pd.DataFrame) -> list[Tile]:
    """The key figures of the city that its meters can give, in the order they are shown; `board` is what `board.points` gives."""
    kinds = members(city)
    power = {key: _added(city, _of(board, kinds[key], Quantity.POWER_KW)) for key in ("load", "pv", "wind")}
    stores = sum(asset.energy_kwh for asset in city.settings.assets if isinstance(asset, Battery))
    contract = sum(asset.contract_kw or 0.0 for asset in city.settings.assets if isinstance(asset, Grid)) or None
    lowest = city.settings.water.service_pressure_m if city.settings.water else None
    made = [
        _summed(
            "load", engine, city, power["load"], moment, high=contract, expected=_expected(engine, city, moment, kinds["load"], "_kwh")
        ),
        _summed("pv", engine, city, power["pv"], moment, expected=_expected(engine, city, moment, kinds["pv"], "_kwh")),
        _summed("wind", engine, city, power["wind"], moment, expected=_expected(engine, city, moment, kinds["wind"], "_kwh")),
        _summed(
            "inflow",
            engine,
            city,
            _added(city, _of(board, kinds["inflow"], Quantity.FLOW_M3_PER_H)),
            moment,
            expected=_expected(engine, city, moment, kinds["inflow"], "_m3"),
        ),
        _summed("pressure", engine, city, _of(board, None, Quantity.PRESSURE_M), moment, fold=np.nanmin, low=lowest),
        _tanks(engine, city, board, moment),
        _summed(
            "charge",
            engine,
            city,
            _of(board, kinds["charge"], Quantity.CHARGE_KWH),
            moment,
            low=0.0,
            high=stores or None,
        ),
        _intensity(city, moment),
    ]
    return [tile for tile in made if tile is not None]


def _of(board: pd.DataFrame, meters: frozenset[str] | None, quantity: Quantity) -> pd.DataFrame:
    found = board[board["quantity"] == str(quantity)]
    return found if meters is None else found[[meter in meters for meter in found["meter_id"]]]


def _added(city: LoadedCity, found: pd.DataFrame) -> pd.DataFrame:
    """Points that may be added up: what hangs under another meter is in its value already."""
    return found[found["meter_id"].isin(topmost(city, found["meter_id"]))]


Fold = Callable[..., np.floating]


def _summed(
    key: str,
    engine: Engine,
    city: LoadedCity,
    found: pd.DataFrame,
    moment: Moment,
    *,
    fold: Fold = np.nansum,
    low: float | None = None,
    high: float | None = None,
    expected: float | None = None,
    scale: dict[str, float] | None = None,
) -> Tile | None:
    """A tile that folds the values of several points; None when the city has no such point."""
    if found.empty:
        return None
    unit = str(found["unit"].iloc[0])
    good = found[found["usable"] & ~found["late"]]
    trend = last_day(engine, city, list(found["point_id"]), moment)
    if scale:
        good, trend = (
            good.assign(value=good["value"] * good["point_id"].map(scale).astype(float)),
            trend.mul(pd.Series(scale)[trend.columns]),
        )
    folded = [float(fold(row)) if np.isfinite(row).any() else None for row in trend.to_numpy(dtype=float)]
    where = str(good.loc[good["value"].idxmin(), "meter_id"]) if fold is np.nanmin and len(good) else ""
    return Tile(
        key,
        unit,
        float(fold(good["value"].to_numpy())) if len(good) else None,
        _as_of(good["value_utc"].min() if len(good) else found["value_utc"].max()),
        tuple(folded),
        len(good),
        len(found),
        low,
        high,
        expected,
        where,
    )


def _as_of(time: pd.Timestamp) -> datetime | None:
    """The oldest value of those that count; where none does, the newest there was."""
    return None if pd.isna(time) else time.to_pydatetime()


def _tanks(engine: Engine, city: LoadedCity, board: pd.DataFrame, moment: Moment) -> Tile | None:
    """Stored water: level times area of each tank, as the network file has it."""
    shapes = water.tanks(city)
    levels = _of(board, None, Quantity.LEVEL_M)
    node = {meter: city.meter[meter].node for meter in levels["meter_id"]}
    levels = levels[levels["meter_id"].map(node).isin(shapes.index)]
    if levels.empty:
        return None
    at = levels["meter_id"].map(node)
    area = dict(zip(levels["point_id"], shapes.loc[at, "area_m2"], strict=True))
    low, high = (float((shapes.loc[at, name] * shapes.loc[at, "area_m2"]).sum()) for name in ("min_level_m", "max_level_m"))
    return _summed("tanks", engine, city, levels.assign(unit="m3"), moment, low=low, high=high, scale=area)


def _expected(engine: Engine, city: LoadedCity, moment: Moment, meters: frozenset[str], ending: str) -> float | None:
    """Sum of the medians that the night forecast for now, per hour [kW or m3/h]; the first step when the horizon begins later.

    None when it ended before: a forecast of another day is none of now.
    """
    if moment.night is None:
        return None
    said = []
    for one in courses.of_night(engine, moment.night):
        found = [
            (i, city.points[name].meter) for i, name in enumerate(one.ids) if name in city.points and one.quantities[i].endswith(ending)
        ]
        said.append((one, {i: meter for i, meter in found if meter in meters}))
    counted = set(topmost(city, (meter for _, rows in said for meter in rows.values())))
    total, any_ = 0.0, False
    for one, rows in said:
        asked = [i for i, meter in rows.items() if meter in counted]
        if not asked:
            continue
        if moment.now_utc >= one.end_utc:
            return None
        at = min(max(int(one.times.searchsorted(moment.now_utc, side="right")) - 1, 0), one.values.shape[2] - 1)
        total, any_ = total + float(one.values[asked, 1, at].astype(float).sum()) * 3600 / one.step_s, True
    return total if any_ else None


def _intensity(city: LoadedCity, moment: Moment) -> Tile | None:
    """kg CO2 per kWh of the grid the city draws from, as the plan counts it; None where no factor is known for the day."""
    day = civil_day(local_date(moment.now_utc, moment.zone), moment.zone)[0]
    value = _intensity_of(city, day)
    return None if value is None else Tile("intensity", "kg CO2/kWh", value, day, parts=1, whole=1)


@lru_cache(maxsize=8)
def _intensity_of(city: LoadedCity, day: datetime) -> float | None:
    """Of one day: the factors are files, and this is asked every few seconds."""
    try:
        return float(intensity(city, grid(day, 1, _DAY))[0][0])
    except PenstockError:
        return None
