"""Health for whoever starts and balances processes: live says that this process answers, ready says that the service can do its work.

Reference: Kubernetes, "Liveness, readiness and startup probes"; the form of the answer follows draft-inadarei-api-health-check-06.
"""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from city.problems import PenstockError, fault
from meters.spool import fill
from service import releases
from service.settings import LoadedCity
from service.store import present_tables, revision
from service.view.moment import moment

LEAST_FREE_BYTES = 500_000_000
Check = dict[str, Any]


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
        return {"name": name, "needed": needed, "ok": False, "observed": str(error.problems[0])}
    except (DBAPIError, OSError) as error:
        cause = str(error.orig).strip() if isinstance(error, DBAPIError) else error.strerror or "cannot be read"
        return {"name": name, "needed": needed, "ok": False, "observed": cause}


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
        yield {"name": process, "needed": process == "poll" and reads, "ok": process not in late, "observed": observed}
