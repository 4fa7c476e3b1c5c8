"""What the city's files say: water network, factors, plan, packages, time zones."""

from collections.abc import Iterator
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, ZoneInfoNotFoundError

from city.problems import PenstockError, Problem, fault
from service.doctor.check import Check, Patient
from service.extras import EXTRA
from service.settings import LoadedCity

TZ_YEARS = 3  # governments change their clocks at short notice: rules older than this are likely to be wrong somewhere


def checks(patient: Patient) -> Iterator[Check]:
    city = patient.city
    if city is not None and city.settings.water is not None:
        yield Check("water", lambda: _water(city), slow=True)
    yield Check("factors", lambda: _factors(patient))
    if city is not None and not patient.station:
        yield Check("plan", lambda: _plan(city, patient), slow=True)
    yield Check("packages", lambda: packages(patient))
    if city is not None:
        yield Check("time zones", lambda: time_zones(city.settings.city.time_zone, patient.now_utc.date()))


def _plan(city: LoadedCity, patient: Patient) -> str:
    from service.plans.checking import plannable

    return plannable(city, patient.now_utc)


def _water(city: LoadedCity) -> str:
    from service.water import water_city
    from service.water_names import check

    side = water_city(city)
    if side is None:
        return "no [water]"
    check(side)
    return f"network {side.network.name}, {len(side.valves)} valves"


def _factors(patient: Patient) -> str:
    from carbon import factors
    from service.books.factor_listing import findings

    folders = patient.city.factor_folders if patient.city else ()
    found = findings(patient.city, folders, patient.now_utc.date())
    if refused := [one for one in found if one.severity == "refuse"]:
        raise PenstockError(refused)
    looked = f"{len(found)} to look at (penstock carbon lint)" if found else "nothing to complain of"
    return f"{len(factors.load(folders))} emission factors, {looked}"


def packages(patient: Patient) -> str:
    """Those that this city asks for are there; which extras are not installed is only told."""
    needed = {"psycopg"} if patient.env.url.startswith("postgresql") else set[str]()
    if patient.city is not None:
        settings = patient.city.settings
        needed |= {"wntr"} if settings.water is not None else set()
        needed |= {"power_grid_model"} if settings.grid is not None else set()
        needed |= {"paho"} if settings.brokers else set()
        needed |= {"starlette", "uvicorn"} if settings.stations else set()
        needed |= {"argon2"} if settings.accounts_file else set()
    away = [name for name in EXTRA if find_spec(name) is None]
    problems = [
        Problem(f"package {name}", "not installed", f"the extra '{EXTRA[name]}'", f'Install it: pip install "penstock[{EXTRA[name]}]".')
        for name in away
        if name in needed
    ]
    if problems:
        raise PenstockError(problems)
    extras = sorted({EXTRA[name] for name in away})
    return f"those that this city needs are installed{'; without the extras ' + ', '.join(extras) if extras else ''}"


def time_zones(zone: str, today: date) -> str:
    """The zone of the city is known here, and its rules are not those of years ago."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise fault(f"time zone {zone}", "not in this machine's time zone database", "known", "Install the package tzdata.") from None
    version = _version()
    if version and version[:4].isdigit() and today.year - int(version[:4]) > TZ_YEARS:
        allowed = f"of the last {TZ_YEARS} years"
        raise fault("time zone database", f"of {version}", allowed, "Update the package tzdata: clocks change by decree.")
    return f"{zone}, database {version or 'of unknown release'}"


def _version() -> str:
    """The release of the rules that are used, e.g. 2025a; '' when nothing says it."""
    for folder in map(Path, TZPATH):
        try:
            with (folder / "tzdata.zi").open(encoding="ascii", errors="replace") as file:
                first = file.readline()
            return first.removeprefix("# version ").strip()
        except OSError:
            continue
    try:
        import tzdata  # type: ignore[import-not-found, unused-ignore]

        return str(tzdata.IANA_VERSION)
    except ModuleNotFoundError:
        return ""
