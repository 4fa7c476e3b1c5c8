"""Readings and how they come: the newest slot, links, spools, dead letters."""

from collections.abc import Iterator
from functools import lru_cache

from sqlalchemy import case, func, select

from city.causes import ANSWERED, Cause
from meters.spool import fill
from service import schema as t
from service.metrics.sample import Asked, Sample
from service.settings import LoadedCity

_ASKED_OF_A_LINK = 8  # meters; a link is down when none of them could be reached
_AT_ONCE = 500  # points that one statement names


def newest_slot(asked: Asked) -> Iterator[Sample]:
    """Counted by quality as they were stored, so that a slot of 100,000 readings is a few rows."""
    s = t.slot_quality.c
    newest = asked.connection.execute(select(func.max(s.time_utc))).scalar()
    if newest is None:
        return
    yield "readings_newest_age_seconds", (), asked.age_s(newest)
    answered = case(((s.quality // 256).in_([int(cause) for cause in ANSWERED]), s.readings), else_=0)
    statement = select(func.sum(answered), func.sum(s.readings)).where(s.time_utc == newest)
    good, every = asked.connection.execute(statement).one()
    yield "readings_newest_slot", ("true",), float(good)
    yield "readings_newest_slot", ("false",), float(every - good)


def links(asked: Asked) -> Iterator[Sample]:
    """By the newest readings of some meters of each link."""
    link_of = _watched(asked.city)
    p, newest = t.point.c, t.latest.c
    reached: dict[str, bool] = {}
    names = list(link_of)
    for at in range(0, len(names), _AT_ONCE):
        statement = select(p.point_id, newest.quality).join_from(t.point, t.latest, p.point_key == newest.point_key)
        for name, quality in asked.connection.execute(statement.where(p.point_id.in_(names[at : at + _AT_ONCE]))).tuples():
            reached[link_of[name]] = reached.get(link_of[name], False) or quality >> 8 != Cause.NO_CONNECTION
    for link, up in sorted(reached.items()):
        yield "link_up", (link,), float(up)


@lru_cache(maxsize=1)
def _watched(city: LoadedCity) -> dict[str, str]:
    """{a point of some meters of each link: link}."""
    first: dict[str, str] = {}
    for point in city.points.values():
        first.setdefault(point.meter, point.id)
    found: dict[str, list[str]] = {}
    for meter in city.settings.meters:
        if meter.link is not None and meter.id in first and len(found.setdefault(meter.link, [])) < _ASKED_OF_A_LINK:
            found[meter.link].append(first[meter.id])
    return {point: link for link, points in found.items() for point in points}


def spools(asked: Asked) -> Iterator[Sample]:
    """What waits on the disk; a spool that nobody made yet is not told."""
    for name in fill.NAMES:
        found = fill.look(asked.city.folder / name)
        if found is not None:
            of = (name.partition(".")[0],)
            yield "spool_batches", of, float(found.batches)
            yield "spool_readings", of, float(found.readings)
            yield "spool_age_seconds", of, asked.age_s(found.since_utc) if found.since_utc else 0.0
            yield "spool_reserve_held", of, float(found.reserve_held)


def dead_letters(asked: Asked) -> Iterator[Sample]:
    yield "dead_letters", (), float(asked.connection.execute(select(func.count()).select_from(t.dead_letter)).scalar_one())
