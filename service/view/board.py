"""The board: every point's latest value with its age and quality, and the city's key figures with their last day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine

from city import quality as q
from city.clock import civil_day, grid, local_date
from city.problems import PenstockError
from city.quality import Cause
from city.quantities import Quantity
from optimisation.assets import Battery, Grid
from service.metering import primary, primary_readings
from service.plans.signals import intensity
from service.settings import LoadedCity
from service.store import readings, results, rollup
from service.sums import topmost
from service.view import water
from service.view.moment import Moment

LATE_STEPS = 3  # a value older than three of its steps is old
_FILE_LATE_MIN = 36 * 60  # and one that comes in files, mostly once a day, when a day's file is half a day overdue [min]
_DAY = timedelta(hours=24)


@dataclass(frozen=True)
class Tile:
    """One key figure. `key` names it, `parts` of `whole` meters answered, `low`/`high` are its limits, `expected` its forecast."""

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


def points(engine: Engine, city: LoadedCity, moment: Moment) -> pd.DataFrame:
    """One row per point of the city file: its meter, newest reading, newest value that can be used, age and cause.

    Columns: point_id, meter_id, site, zone, commodity, role, quantity, unit, value, time_utc (newest heard of), value_utc (of
    `value`), usable, cause, age_min [min], late, answers (read in time, whatever it said). A point never heard of has NaT and cause GAP.
    """
    rows = [
        (p.id, m.id, m.site, m.zone or "", m.commodity, m.role, str(p.quantity), p.quantity.unit, p.quantity.scale, p.step_s / 60)
        for p in city.points.values()
        for m in (city.meter[p.meter],)
    ]
    about = ["point_id", "meter_id", "site", "zone", "commodity", "role", "quantity", "unit", "scale", "step_min"]
    frame = pd.DataFrame(rows, columns=about)
    key_of = readings.keys(engine)
    heard = rollup.latest(engine).set_index("point_key").reindex([key_of.get(name, -1) for name in frame["point_id"]]).reset_index()
    newest, good = (
        _in_units(city, frame, heard[value], heard[time]) for value, time in (("value", "time_utc"), ("good_value", "good_time_utc"))
    )
    quality = heard["quality"].fillna(q.missing(Cause.GAP)).to_numpy(dtype=np.uint16)
    within = bounds(city)
    low, high = np.array([within.get(name, (-np.inf, np.inf)) for name in frame["point_id"]]).reshape(-1, 2).T
    outside = q.usable(quality) & ((newest < low) | (newest > high))
    quality[outside] = q.questionable(Cause.LIMIT)  # as the night's validation will say
    age = (pd.Timestamp(moment.now_utc) - heard["good_time_utc"]).dt.total_seconds() / 60
    frame = frame.drop(columns="scale").assign(
        value=good,
        time_utc=heard["time_utc"],
        value_utc=heard["good_time_utc"],
        usable=q.usable(quality),
        cause=[q.cause_of(int(one)).name for one in quality],
        age_min=age,
    )
    heard_live = {meter.id for meter in city.settings.meters if meter.link} | {logger.meter for logger in city.settings.loggers}
    patience = (LATE_STEPS * frame["step_min"]).where(frame["meter_id"].isin(heard_live), _FILE_LATE_MIN)
    asked = (pd.Timestamp(moment.now_utc) - heard["time_utc"]).dt.total_seconds() / 60
    answered = frame["cause"].isin([cause.name for cause in q.ANSWERED | {Cause.LIMIT}]) & (asked <= patience)
    return frame.assign(late=age.isna() | (age > patience), answers=answered)


def _in_units(city: LoadedCity, about: pd.DataFrame, stored: pd.Series, time_utc: pd.Series) -> NDArray[np.float64]:
    """Stored readings in the unit of their points, times what was in force at their time; not-a-number where there is none."""
    values = stored.to_numpy(dtype=float, na_value=np.nan) / about["scale"].to_numpy()
    if any(meter.history for meter in city.settings.meters):
        for i, name in enumerate(about["point_id"]):
            point = city.points[name]
            if city.meter[point.meter].history and not np.isnan(values[i]):
                values[i] = primary(city, point, int(stored[i]), time_utc[i].to_pydatetime())
    return values


def bounds(city: LoadedCity) -> dict[str, tuple[float, float]]:
    """Point -> least and most value [unit of the point] of its limits; registers have none, their limits are of the usage."""
    found = {}
    for limit in city.settings.limits:
        point = city.points.get(limit.point)
        if point is not None and not point.quantity.is_register:
            low = -np.inf if limit.minimum is None else float(limit.minimum)
            found[limit.point] = (low, np.inf if limit.maximum is None else float(limit.maximum))
    return found


def last_day(engine: Engine, city: LoadedCity, point_ids: Sequence[str], moment: Moment) -> pd.DataFrame:
    """Usable values of the last 24 h within limits, one column per point, by time_utc; a value holds until the next, 1 h at most."""
    frame = primary_readings(city, readings.hot(engine, list(point_ids), moment.now_utc - _DAY, moment.now_utc + timedelta(seconds=1)))
    frame = frame[q.usable(frame["quality"].to_numpy())] if len(frame) else frame
    within = bounds(city)
    low, high = (frame["point_id"].map({name: pair[i] for name, pair in within.items()}).astype(float) for i in (0, 1))
    frame = frame[frame["value"].between(low.fillna(-np.inf), high.fillna(np.inf))]
    return frame.set_index(["time_utc", "point_id"])["value"].unstack("point_id").sort_index().ffill(limit=3)  # noqa: PD010 - keys are unique


def tiles(engine: Engine, city: LoadedCity, moment: Moment) -> list[Tile]:
    """The key figures of the city that its meters can give, in the order they are shown."""
    board = points(engine, city, moment)
    meters = city.settings.meters
    kinds = {
        "load": [m.id for m in meters if m.commodity == "electricity" and m.role == "load"],
        "pv": [m.id for m in meters if m.role == "generation" and m.forecast == "pv"],
        "wind": [m.id for m in meters if m.role == "generation" and m.forecast == "wind"],
        "inflow": [m.id for m in meters if m.commodity == "water" and m.zone and m.role in ("load", "supply")],
        "charge": [m.id for m in meters if m.commodity == "electricity"],  # a heat store has a charge too
    }
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


def _of(board: pd.DataFrame, meters: list[str] | None, quantity: Quantity) -> pd.DataFrame:
    found = board[board["quantity"] == str(quantity)]
    return found if meters is None else found[found["meter_id"].isin(meters)]


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
        good["value_utc"].min().to_pydatetime() if len(good) else None,
        tuple(folded),
        len(good),
        len(found),
        low,
        high,
        expected,
        where,
    )


def _tanks(engine: Engine, city: LoadedCity, board: pd.DataFrame, moment: Moment) -> Tile | None:
    """Stored water: level times area of each tank, as the network file has it."""
    shapes = water.tanks(city)
    levels = _of(board, None, Quantity.LEVEL_M)
    node = {m.id: m.node for m in city.settings.meters}
    levels = levels[levels["meter_id"].map(node).isin(shapes.index)]
    if levels.empty:
        return None
    at = levels["meter_id"].map(node)
    area = dict(zip(levels["point_id"], shapes.loc[at, "area_m2"], strict=True))
    low, high = (float((shapes.loc[at, name] * shapes.loc[at, "area_m2"]).sum()) for name in ("min_level_m", "max_level_m"))
    return _summed("tanks", engine, city, levels.assign(unit="m3"), moment, low=low, high=high, scale=area)


def _expected(engine: Engine, city: LoadedCity, moment: Moment, meters: list[str], ending: str) -> float | None:
    """Sum of the medians that the night forecast for now, per hour [kW or m3/h]; the first step when the horizon begins later."""
    if moment.night is None:
        return None
    known = results.forecasts(engine, moment.night).items()
    said = [(city.points[name].meter, frame) for name, frame in known if name in city.points]
    said = [(meter, frame) for meter, frame in said if meter in meters and str(frame.attrs["quantity"]).endswith(ending)]
    counted = topmost(city, (meter for meter, _ in said))
    total = 0.0
    for frame in (frame for meter, frame in said if meter in counted):
        row = min(max(int(frame.index.searchsorted(moment.now_utc, side="right")) - 1, 0), len(frame) - 1)
        total += float(frame["p50"].iloc[row]) * 3600 / frame.attrs["step_s"]
    return total if said else None


def _intensity(city: LoadedCity, moment: Moment) -> Tile | None:
    """kg CO2 per kWh of the grid the city draws from, as the plan counts it; None where no factor is known for the day."""
    day = civil_day(local_date(moment.now_utc, moment.zone), moment.zone)[0]
    try:
        value = float(intensity(city, grid(day, 1, _DAY))[0][0])
    except PenstockError:
        return None
    return Tile("intensity", "kg CO2/kWh", value, day, parts=1, whole=1)
