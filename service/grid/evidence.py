"""What a silence says: which meters are to be believed when they look as if they had no power."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from city.clock import civil_day, local_date
from service import known_events
from service.grid.days import energy_points
from service.grid.measured import Measured
from service.grid.side import GridSide
from service.store import meter_days

_TOGETHER = 2  # slots within which meters must have gone dark to be told together
_TRUSTED, _TRUSTED_LEAST = 8, 6  # slots before, and how many of them must have shown power
_LEAST_OF_LINK = 3  # meters of a link that are all silent: it is the link
_DAYS = 28  # of use that tell how often a meter reads nothing
_PLANNED = ("outage", "shutdown")  # kinds of known events that explain a meter without power


def believed(read: Measured) -> NDArray[np.bool_]:
    """bool[names, t]: is no power at all to be believed? Only of a meter that had plausible power in most of the slots before: one
    that sends nonsense reads zero now and then."""
    power = (np.isfinite(read.kw) & (read.kw != 0)).astype(float)
    sums = np.cumsum(np.pad(power, ((0, 0), (1, 0))), axis=1)
    first = np.maximum(np.arange(power.shape[1]) - _TRUSTED, 0)
    return np.asarray(sums[:, :-1] - sums[:, first] >= _TRUSTED_LEAST)


def says(side: GridSide, read: Measured, k: int, dead: Sequence[int], at_bus: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool[names]: does the meter say anything of this moment? Not when it was not asked, had shown no power before, hangs where it is
    known to be dead, or is silent with everything else of its link: then the link is down."""
    fresh = read.live[:, max(0, k - _TOGETHER) : k].any(axis=1)
    says: NDArray[np.bool_] = (read.live[:, k] | (read.dark[:, k] & fresh)) & ~np.isin(at_bus, list(dead))
    links: dict[str, list[int]] = {}
    for i, name in enumerate(read.names):
        link = side.city.meter[side.power[name][0].meter].link
        if link is not None:
            links.setdefault(link, []).append(i)
    for members in links.values():
        nobody = not (read.live | read.zero)[members, k].any()
        if nobody and (len(members) >= _LEAST_OF_LINK or (len(members) > 1 and read.unreached[members, k].all())):
            says[members] = False
    return says


def planned(engine: Engine, side: GridSide, names: Sequence[str], known_utc: datetime) -> dict[str, list[tuple[datetime, datetime]]]:
    """{load or feeder: the times of its outages and shutdowns that people have entered as known events}."""
    found: dict[str, list[tuple[datetime, datetime]]] = {}
    points = side.city.points
    for event in known_events.told(engine, side.city, known_utc):
        meters = {points[series].meter for series in event.series} if event.kind in _PLANNED else set()
        for name in names:
            if side.power[name][0].meter in meters:
                found.setdefault(name, []).append((event.start_utc, event.end_utc))
    return found


def false_silent(engine: Engine, side: GridSide, read: Measured, k: int, fell: NDArray[np.bool_], slot: datetime) -> NDArray[np.float64]:
    """float64[names]: how likely a meter with power looks like one without. Of one that reads zero: how often it used nothing in the
    last four weeks (Laplace's rule), so that street lights at dawn and the sun at dusk say little, and a feeder that never rests much."""
    wrong = np.full(len(read.names), side.settings.false_silent)
    energy, zone = energy_points(side), side.city.settings.city.time_zone
    today = local_date(slot, zone)
    span = civil_day(today - timedelta(days=_DAYS), zone)[0], civil_day(today, zone)[0]
    for i in np.flatnonzero(fell & read.zero[:, k]).tolist():
        point = energy.get(read.names[i])
        used = meter_days.block(engine, [point], *span, estimates=False).unit_values()[0] if point is not None else read.kw[i, :k]
        known = used[np.isfinite(used)]
        wrong[i] = ((known == 0).sum() + 1) / (len(known) + 2)
    return wrong
