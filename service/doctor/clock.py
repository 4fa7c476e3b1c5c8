"""The clock, against what keeps it (NTP), the database's clock, the newest readings and the heartbeats."""

import ctypes
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, select, text

from city.problems import PenstockError, Problem, fault
from service import schema as t
from service.doctor.check import Patient
from service.settings import LoadedCity
from service.store import runs

APART = timedelta(seconds=5)  # from the database's clock: leases and times of two machines are compared
AHEAD = timedelta(minutes=2)  # of a reading before now
_UNSYNCHRONISED = 0x0040  # STA_UNSYNC, <sys/timex.h>
REMEDY = "Switch NTP on (chrony or systemd-timesyncd) and see that it reaches its server."


def examine(patient: Patient) -> str:
    """A replayed now is held against the heartbeats only: nothing else shares its time."""
    now, clock = patient.now_utc, datetime.now(UTC)
    beats = runs.heartbeats(patient.engine)
    ahead = [name for name, at in beats.items() if at > now and at > clock]
    if ahead:
        raise fault("clock", f"{', '.join(ahead)} spoke in the future", "a clock that does not run back", "Check NTP on this machine.")
    if patient.replayed:
        return f"{now:%Y-%m-%d %H:%M} UTC"
    synchronised = kernel()
    with patient.engine.connect() as connection:
        found = [*_database(connection), *_readings(connection)]
    if synchronised is False and patient.city is not None and (far := leads_away(patient.city)):
        observed = f"not synchronised by NTP; link {far} reads another device by it"
        found.append(Problem("clock", observed, "synchronised, where devices are read over a network", REMEDY))
    if found:
        raise PenstockError(found)
    told = {True: "synchronised by NTP", False: "not synchronised by NTP", None: "nothing says whether by NTP"}[synchronised]
    return f"{now:%Y-%m-%d %H:%M} UTC, {told}"


def kernel() -> bool | None:
    """Is the clock disciplined by NTP or PTP, as the kernel says it (adjtimex); None where it does not say."""
    if not sys.platform.startswith("linux"):
        return None

    class Timex(ctypes.Structure):
        _fields_ = (
            ("modes", ctypes.c_uint),
            ("offset", ctypes.c_long),
            ("freq", ctypes.c_long),
            ("maxerror", ctypes.c_long),
            ("esterror", ctypes.c_long),
            ("status", ctypes.c_int),
            ("rest", ctypes.c_byte * 256),
        )

    state = Timex()
    try:
        said = ctypes.CDLL(None).adjtimex(ctypes.byref(state))  # modes 0: nothing is set
    except (OSError, AttributeError):
        return None
    return None if said < 0 else not state.status & _UNSYNCHRONISED


def leads_away(city: LoadedCity) -> str | None:
    """A link to a device that is not on this machine; None when there is none."""
    for link in city.settings.links:
        host = urlsplit(getattr(link, "url", "")).hostname
        if host not in (None, "127.0.0.1", "::1", "localhost") and not getattr(link, "simulated", False):
            return str(link.id)
    return None


def _database(connection: Connection) -> list[Problem]:
    """A server has a clock of its own."""
    if connection.dialect.name != "postgresql":
        return []
    theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    apart = abs(datetime.now(UTC) - theirs)
    if apart <= APART:
        return []
    return [Problem("clock", f"{apart.total_seconds():.0f} s from the database's", f"at most {APART.total_seconds():.0f} s", REMEDY)]


def _readings(connection: Connection) -> list[Problem]:
    newest = connection.execute(select(func.max(t.slot_quality.c.time_utc))).scalar()
    if newest is None or newest <= datetime.now(UTC) + AHEAD:
        return []
    return [
        Problem("clock", f"the newest reading is of {newest:%Y-%m-%d %H:%M} UTC, which is still to come", "readings of the past", REMEDY)
    ]
