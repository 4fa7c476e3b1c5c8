"""`penstock poll`: on the wall clock until told to end, or a span of slots as fast as the field answers."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from rich.progress import track
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from city.clock import floor
from city.problems import fault
from meters.polling.field import Field
from meters.polling.schedule import slots
from meters.roads.sources import take_in
from meters.spool.spool import Spool
from service import schema as t
from service.acquisition import Outlet, StoreOutlet, devices
from service.edge import forwarding as edge
from service.environment import Environment
from service.kept import last_kept
from service.levels import uptime
from service.live import Live
from service.one_process import lock
from service.roads import sources
from service.settings import LoadedCity, load
from service.stopping import told_to_end
from service.store import open_store, operations
from service.waiting import capacity

log = structlog.get_logger()


def _open(env: Environment) -> tuple[LoadedCity, Engine, Field, Outlet]:
    city = load(env)
    station = edge.forwarder(env, city) if city.settings.edge else None
    city = station.city if station else city
    if not (city.settings.links or city.settings.drops or city.settings.brokers):
        raise fault(f"{env.city_file}: links", "none", "a [[links]], [[drops]] or [[brokers]] entry", "Describe how readings come.")
    # The field is read even while the database is away: readings wait in the spool, so its tables are not asked for here.
    engine = open_store(env.url, create=True)
    field = Field(city.settings.links, devices(city), city.folder / "refusals.json")
    with suppress(DBAPIError):  # so that the least time between two writes holds over a restart
        for point_id, at in operations.last_writes(engine).items():
            field.remember_write(point_id, at)
    return city, engine, field, station or StoreOutlet(city, engine)


def poll_forever(env: Environment) -> None:
    """Poll on the wall clock until stopped (Ctrl-C or SIGTERM)."""
    told = told_to_end()  # a flag, not an exception: no batch is cut off on its way to the disk
    with lock(env.folder, "poll"):  # two would write each command twice
        while not told.is_set():
            city, engine, field, way_out = _open(env)
            room = capacity(city)
            log.info(f"spool: {room}")
            if (problem := room.problem()) is not None:
                log.error(str(problem))
            with Live(city, field, way_out, sources(city, way_out.origin)) as live:
                with Spool(city.folder / "spool.db") as spool:
                    kept = last_kept(engine, spool, field.devices)
                live.run(told, kept)
            if told.is_set() and not way_out.origin:  # a station has no database
                uptime.stopped(engine, "poll")


def poll_span(env: Environment, start_utc: datetime, until_utc: datetime, *, replay: bool) -> str:
    """Poll every slot in [start, until] that is not kept yet. With `replay`, the simulator's clock is set first.

    Times between the slots of a meter count as the slot before them. The newest slot that is kept is not read again, but all that
    follows reading is done again: what was killed there may have left readings in the spool, and commands that were due unwritten.
    Returns 'problems' when readings wait in the spool, or when a link gave no value at all in the last slot.
    """
    if until_utc < start_utc:
        raise fault(
            f"--until {until_utc:%Y-%m-%dT%H:%MZ}", "before --now", f"{start_utc:%Y-%m-%dT%H:%MZ} or later", "Exchange the two times."
        )
    with lock(env.folder, "poll"):
        return _span(env, start_utc, until_utc, replay=replay)


def _span(env: Environment, start_utc: datetime, until_utc: datetime, *, replay: bool) -> str:
    city, engine, field, way_out = _open(env)
    if replay and not way_out.origin:
        way_out = StoreOutlet(city, engine, replayed=True)
    roads, read, slot = sources(city, way_out.origin), 0, None
    with field, Spool(city.folder / "spool.db", origin=way_out.origin) as spool:
        kept = max(last_kept(engine, spool, field.devices).values(), default=None)
        for slot in track(_slots_from(kept, field.steps_s or (900,), start_utc, until_utc), description="polling", transient=True):
            if kept is None or slot > kept:
                if replay:
                    field.set_clock(slot)
                spool.append(way_out.prepare(field.read_slot(slot, slot if replay else None)))
            take_in(roads, spool, slot)
            read += way_out.deliver(spool, slot)
            way_out.execute(field, slot)
        waiting = spool.depth()
    for road in roads:
        road.close()
    print(f"{read} readings stored, {waiting} batches waiting in the spool")
    # A station has no table of latest values; the central sees its silent links.
    silent = _silent_links(city, engine) if slot is not None and not waiting and not way_out.origin else []
    for link in silent:
        print(f"link {link}: no value from any of its meters; check its gateway with `penstock doctor`")
    return "done" if not waiting and not silent else "problems"


def _slots_from(kept: datetime | None, steps_s: Sequence[int], start_utc: datetime, until_utc: datetime) -> list[datetime]:
    """The slots of any of the steps [s], from the one at or before `start` to `until`, that do not lie before what is kept."""
    first = min((floor(start_utc, timedelta(seconds=step_s)) for step_s in steps_s), default=start_utc)
    return [slot for slot in slots(first, until_utc, steps_s) if kept is None or slot >= kept]


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
