"""A meter that was given another id keeps its past: its points keep their keys, so nothing that was stored has to move."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, select

from city.places import Point
from city.problems import Problem
from service import schema as t
from service.store.operations import record

_OPEN = ("proposed", "approved", "held", "writing", "unknown")  # states of commands that somebody or something still acts on


def keep_past(connection: Connection, points: Sequence[Point], known: dict[str, int]) -> dict[str, int]:
    """`known` {point_id: key} after every new point took over the key of a former id of its own; holds and open commands follow.

    Each rename is audited. A former id that has a key beside the new one's is left alone; `unsettled` tells of it.
    """
    known = dict(known)
    for point in points:
        former = next((name for name in point.formerly if name in known), None)
        if former is None or point.id in known:
            continue
        known[point.id] = known.pop(former)
        rename = t.point.update().where(t.point.c.point_id == former)
        connection.execute(rename.values(point_id=point.id, meter_id=point.meter))
        still = (t.hold.c.subject == former) & t.hold.c.released_utc.is_(None)
        connection.execute(t.hold.update().where(still).values(subject=point.id))
        undecided = (t.command.c.point_id == former) & t.command.c.state.in_(_OPEN)
        connection.execute(t.command.update().where(undecided).values(point_id=point.id))
        record(connection, datetime.now(UTC), "city.toml", "rename", point.id, f"{former} is called {point.id} from now on")
    return known


def former_names(points: Sequence[Point], known: dict[str, int]) -> dict[str, int]:
    """{former id: key} as further names of points: readings that wait in a spool may still carry them."""
    return {former: known[p.id] for p in points for former in p.formerly if p.id in known and former not in known}


def unsettled(engine: Engine, points: Sequence[Point]) -> Iterator[Problem]:
    """Former ids that could not be taken over: the new id has readings of its own, or nobody ever heard of the old one."""
    renamed = select(t.audit.c.sentence).where(t.audit.c.action == "rename")
    with engine.connect() as connection:
        known = set(connection.execute(select(t.point.c.point_id)).scalars())
        done = " ".join(connection.execute(renamed).scalars())
    for point in points:
        for former in point.formerly:
            if former in known and point.id in known:
                observed = f"both '{former}' and '{point.id}' have readings"
                yield Problem(f"formerly of {point.meter}", observed, "a new id that was not read before", "Give the meter a third id.")
            elif former not in known and f"{former} is called" not in done:
                observed = f"nothing of '{former}' is in the store"
                yield Problem(f"formerly of {point.meter}", observed, "an id that was read once", "Correct or remove it.")
