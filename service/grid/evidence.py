"""What a silence says: which meters are to be believed when they look as if they had no power."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from city.clock import civil_day, local_date
from networks.grid.outage import silent_rate
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


Spans = dict[str, list[tuple[datetime, datetime]]]


def says(side: GridSide, read: Measured, k: int, dead: Sequence[int], planned: Spans) -> NDArray[np.bool_]:
    """bool[names]: does the meter say anything of this moment? Not when it was not asked, had shown no power before, hangs where it is
    known to be dead or switched off as planned, or is silent with everything else of its link: then the link is down."""
    at_bus, slot = np.array([side.bus_of[name] for name in read.names]), read.times[k]
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
    expected = [any(start <= slot < end for start, end in planned.get(name, ())) for name in read.names]
    return says & ~np.array(expected)


def planned(engine: Engine, side: GridSide, read: Measured, known_utc: datetime) -> Spans:
    """{load or feeder: the times of its outages and shutdowns that people have entered as known events, as far as slots are of then}."""
    found: Spans = {}
    points = side.city.points
    for event in known_events.told(engine, side.city, known_utc, read.times[0].to_pydatetime()):
        meters = {points[series].meter for series in event.series} if event.kind in _PLANNED else set()
        for name in read.names:
            if side.power[name][0].meter in meters:
                found.setdefault(name, []).append((event.start_utc, event.end_utc))
    return found


def false_silent(
    engine: Engine,
    side: GridSide,
    read: Measured,
    k: int,
    fell: NDArray[np.bool_],
    dead_at: Callable[[datetime], Sequence[int]],
    planned: Spans,
) -> NDArray[np.float64]:
    """float64[names]: how likely a meter with power looks like one without. Of a silent one: how many were so in the slots before, known
    outages aside. Of one that reads zero: how often it used nothing in the last four weeks (Laplace's rule), so that street lights at
    dawn and the sun at dusk say little, and a feeder that never rests much."""
    slots = [time.to_pydatetime() for time in read.times[: k + 1]]
    before = [(j, says(side, read, j, dead_at(slots[j]), planned)) for j in range(max(1, k - _TRUSTED), k)]
    counts = [(int((asked & read.silent[:, j]).sum()), int(asked.sum())) for j, asked in before]
    rate = silent_rate(sum(silent for silent, _ in counts), sum(asked for _, asked in counts), side.settings.false_silent)
    wrong = np.full(len(read.names), rate)
    energy, zone = energy_points(side), side.city.settings.city.time_zone
    today = local_date(slots[k], zone)
    span = civil_day(today - timedelta(days=_DAYS), zone)[0], civil_day(today, zone)[0]
    for i in np.flatnonzero(fell & read.zero[:, k]).tolist():
        point = energy.get(read.names[i])
        used = meter_days.block(engine, [point], *span, estimates=False).unit_values()[0] if point is not None else read.kw[i, :k]
        known = used[np.isfinite(used)]
        wrong[i] = ((known == 0).sum() + 1) / (len(known) + 2)
    return wrong
