"""Health for whoever starts and balances processes: live says that this process answers, ready says that the service can do its work.

Reference: Kubernetes, "Liveness, readiness and startup probes"; the form of the answer follows draft-inadarei-api-health-check-06.
"""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLong
from datetime import datetime
from threading import Lock
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from city.clock import local_date
from city.problems import PenstockError, fault
from meters.spool import fill
from service import releases
from service.levels.counted import Asked, nights
from service.redaction import redacted
from service.settings import LoadedCity
from service.store import present_tables, revision
from service.view.moment import moment

LEAST_FREE_BYTES = 500_000_000
PATIENCE_S = 5.0  # that a probe waits for the store
Check = dict[str, Any]


class Readiness:
    """`ready` for many probes: asked by one thread, so that a database that hangs holds that thread and no more."""

    def __init__(self, engine: Engine, city: LoadedCity, now: Callable[[], datetime]) -> None:
        self._ask: Callable[[], tuple[bool, list[Check]]] = lambda: ready(engine, city, now())
        self._pool, self._lock = ThreadPoolExecutor(1, thread_name_prefix="ready"), Lock()
        self._asked: Future[tuple[bool, list[Check]]] | None = None

    def __call__(self) -> tuple[bool, list[Check]]:
        """As `ready`; not ready when there is no answer within `PATIENCE_S`."""
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = self._pool.submit(self._ask)
            asked = self._asked
        try:
            return asked.result(PATIENCE_S)
        except TooLong:
            return False, [{"name": "database", "needed": True, "ok": False, "observed": f"no answer within {PATIENCE_S:g} s"}]


def ready(engine: Engine, city: LoadedCity, now_utc: datetime) -> tuple[bool, list[Check]]:
    """Is the service ready, and each check: name, needed, ok, observed. One that is not needed may fail: people are told elsewhere."""
    checks = [_checked("database", True, lambda: _database(engine)), _checked("disk", True, lambda: _disk(city))]
    checks += [_checked(name, True, lambda name=name: _spool(city, name, now_utc)) for name in fill.NAMES]  # type: ignore[misc]
    if checks[0]["ok"]:
        checks += _processes(engine, city, now_utc)
    return all(check["ok"] for check in checks if check["needed"]), checks


def _checked(name: str, needed: bool, work: Callable[[], str]) -> Check:
    try:
        return {"name": name, "needed": needed, "ok": True, "observed": work()}
    except PenstockError as error:
        return {"name": name, "needed": needed, "ok": False, "observed": redacted(str(error.problems[0]))}
    except (DBAPIError, OSError) as error:
        cause = str(error.orig).strip() if isinstance(error, DBAPIError) else error.strerror or "cannot be read"
        return {"name": name, "needed": needed, "ok": False, "observed": redacted(cause)}


def _database(engine: Engine) -> str:
    found = revision(engine) if "alembic_version" in present_tables(engine) else ""
    if found != (own := releases.REVISIONS[releases.RELEASE]):
        raise fault("database", f"tables of revision {found or 'none'}", f"{own}, of this release", "Run `penstock upgrade`.")
    return "answers, with the tables of this release"


def _disk(city: LoadedCity) -> str:
    free = shutil.disk_usage(city.folder).free
    if free < LEAST_FREE_BYTES:
        raise fault("disk", f"{free / 1e6:.0f} MB free", f"{LEAST_FREE_BYTES / 1e6:.0f} MB or more", "Free some space.")
    return f"{free / 1e9:.1f} GB free"


def _spool(city: LoadedCity, name: str, now_utc: datetime) -> str:
    found = fill.look(city.folder / name)
    if found is None:
        return "none"
    if problems := found.alarms(now_utc):
        raise PenstockError(problems)
    return f"{found.readings:,} readings wait"


def _processes(engine: Engine, city: LoadedCity, now_utc: datetime) -> Iterator[Check]:
    """Of a city that reads the field itself, `poll` is needed; a late night or `work` leaves the service able to answer."""
    settings = city.settings
    reads = bool(settings.links or settings.drops or settings.brokers)
    late = {one.process: one.last_utc for one in moment(engine, city, now_utc).late}
    for process in ("poll", "night", "work"):
        last = late.get(process)
        observed = "heard of in time" if process not in late else f"last heard of {last:%Y-%m-%d %H:%M} UTC" if last else "never heard of"
        if process == "night" and process not in late and _overdue(engine, city, now_utc):
            late[process], observed = None, f"started, but that of this civil day has not ended by {settings.levels.night_by:%H:%M}"
        yield {"name": process, "needed": process == "poll" and reads, "ok": process not in late, "observed": observed}


def _overdue(engine: Engine, city: LoadedCity, now_utc: datetime) -> bool:
    """Should the night of this civil day have ended by now, and did not? One that hangs was heard of, all the same."""
    own, levels = city.settings.city, city.settings.levels
    with engine.connect() as connection:
        return nights(connection, Asked(own.id, own.time_zone, levels, local_date(now_utc, own.time_zone), now_utc)).value == 0.0
