"""`penstock poll`: slots as the clock brings them, or a span of slots as fast as the field answers."""

import signal
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

from rich.progress import track
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from city.clock import QUARTER, floor
from city.problems import fault
from meters.field import Field
from meters.spool import Spool
from service import schema as t
from service.acquisition import devices, poll_slot, replay_slots, wall_clock_slots
from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import open_store, operations


def _open(env: Environment) -> tuple[LoadedCity, Engine, Field, Spool]:
    city = load(env)
    if not city.settings.links:
        raise fault(f"{env.city_file}: links", "none", "at least one [[links]] entry", "Describe the field link that the meters hang on.")
    # The field is read even while the database is away: readings wait in the spool, so its tables are not asked for here.
    engine = open_store(env.url, create=True)
    field = Field(city.settings.links, devices(city))
    with suppress(DBAPIError):  # so that the least time between two writes holds over a restart
        for point_id, at in operations.last_writes(engine).items():
            field.remember_write(point_id, at)
    return city, engine, field, Spool(city.folder / "spool.db")


def poll_forever(env: Environment) -> None:
    """Poll on the wall clock until stopped (Ctrl-C or SIGTERM)."""
    city, engine, field, spool = _open(env)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what systemd sends ends the loop as Ctrl-C does
    with field:
        try:
            for slot in wall_clock_slots():
                poll_slot(engine, field, spool, city, slot, datetime.now(UTC))
        except KeyboardInterrupt:
            return


def poll_span(env: Environment, start_utc: datetime, until_utc: datetime, *, replay: bool) -> str:
    """Poll every slot in [start, until] that the store does not have yet. With `replay`, the simulator's clock is set first.

    Times between the slots count as the slot before them. Returns 'problems' when readings wait in the spool, or when a link
    gave no value at all in the last slot.
    """
    if until_utc < start_utc:
        raise fault(
            f"--until {until_utc:%Y-%m-%dT%H:%MZ}", "before --now", f"{start_utc:%Y-%m-%dT%H:%MZ} or later", "Exchange the two times."
        )
    city, engine, field, spool = _open(env)
    slots: Iterable[datetime] = replay_slots(engine, floor(start_utc, QUARTER), until_utc)
    read, slot = 0, None
    with field:
        for slot in track(slots, description="polling", transient=True):
            if replay:
                field.set_clock(slot)
            read += poll_slot(engine, field, spool, city, slot, slot if replay else datetime.now(UTC))
    print(f"{read} readings stored, {spool.depth()} batches waiting in the spool")
    silent = _silent_links(city, engine) if slot is not None and spool.depth() == 0 else []
    for link in silent:
        print(f"link {link}: no value from any of its meters; check its gateway with `penstock doctor`")
    return "done" if spool.depth() == 0 and not silent else "problems"


def _silent_links(city: LoadedCity, engine: Engine) -> list[str]:
    """Links none of whose points had a value in their latest reading."""
    with engine.connect() as connection:
        found = connection.execute(
            select(t.point.c.meter_id, t.latest.c.value).join(t.latest, t.latest.c.point_key == t.point.c.point_key)
        ).all()
    heard = {meter_id for meter_id, value in found if value is not None}
    alive = {meter.link for meter in city.settings.meters if meter.id in heard}
    used = {meter.link for meter in city.settings.meters if meter.link is not None}
    return sorted(used - alive)
