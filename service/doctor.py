"""`penstock doctor`: checks what a night depends on and says what to do about each fault."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from city.problems import PenstockError, Problem, fault
from meters.links.transports import reachable
from meters.spool import fill
from service.environment import Environment
from service.extras import lacking
from service.openadr.settings import Vtn
from service.roads import broker_state, folder_state
from service.settings import LoadedCity, load
from service.store import open_store, readings, runs

_FREE_BYTES = 2_000_000_000
_FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "C:/Windows/Fonts", "/Library/Fonts")


def examine(env: Environment, now_utc: datetime) -> str:
    """Run every check, print one line each. Returns 'done', or 'problems' when one failed."""
    city: LoadedCity | None = None
    found: list[Problem] = []

    def check(name: str, work: Callable[[], str]) -> None:
        try:
            print(f"ok    {name}: {work()}")
            return
        except PenstockError as error:
            problems = list(error.problems)
        except ModuleNotFoundError as error:
            told = lacking(error)
            if told is None:
                raise
            problems = [told]
        found.extend(problems)
        for problem in problems:
            print(f"FAULT {name}: {problem}")

    def city_file() -> str:
        nonlocal city
        city = load(env)
        return f"{env.city_file}, {len(city.settings.meters)} meters, {len(city.settings.assets)} assets"

    check("city file", city_file)
    if city is not None and city.settings.water is not None:
        loaded = city
        check("water", lambda: _water(loaded))
    check("factors", lambda: _factors(city, now_utc))
    if city is not None and city.settings.edge is None:
        planned = city
        check("plan", lambda: _plan(planned, now_utc))
    station = city is not None and city.settings.edge is not None  # it has no database of its own
    if not station:
        check("database", lambda: _database(env))
    if city is not None and not station:
        known = city
        check("meters over time", lambda: _meters_over_time(known, env))
        check("ledger", lambda: _ledger(known, env))
    check("disk", lambda: _disk(env.folder))
    if city is not None:
        read = city
        check("spool", lambda: _spool(read, now_utc))
        if station:
            check("central", lambda: _central(env, read))
    if not station:
        check("clock", lambda: _clock(env, now_utc))
    check("solver", _solver)
    check("fonts", _fonts)
    for link in city.settings.links if city else ():
        check(f"link {link.id}", lambda link=link: reachable(link))  # type: ignore[misc]
    if city is not None:
        roads = city
        for drop in city.settings.drops:
            check(f"drops {drop.folder}", lambda drop=drop: folder_state(roads, drop))  # type: ignore[misc]
        if city.settings.weather and not station:
            check("weather", lambda: _weather(roads, env, now_utc))
        for vtn in city.settings.vtns:
            check(f"vtn {vtn.id}", lambda vtn=vtn: _vtn(roads, env, vtn))  # type: ignore[misc]
        for broker in city.settings.brokers:
            check(f"broker {broker.id}", lambda broker=broker: broker_state(roads, broker))  # type: ignore[misc]
    return "problems" if found else "done"


def _vtn(city: LoadedCity, env: Environment, vtn: Vtn) -> str:
    from service.response.exchange import client

    return client(env, city, vtn).greet()


def _weather(city: LoadedCity, env: Environment, now_utc: datetime) -> str:
    from service.weather import state

    told, problems = state(open_store(env.url), city, now_utc)
    if problems:
        raise PenstockError(problems)
    return "; ".join(told)


def _plan(city: LoadedCity, now_utc: datetime) -> str:
    from service.plans.checking import plannable

    return plannable(city, now_utc)


def _water(city: LoadedCity) -> str:
    from service.water import water_city
    from service.water_names import check

    side = water_city(city)
    if side is None:
        return "no [water]"
    check(side)
    return f"network {side.network.name}, {len(side.valves)} valves"


def _factors(city: LoadedCity | None, now_utc: datetime) -> str:
    from carbon import factors
    from service.books.factor_listing import findings

    folders = city.factor_folders if city else ()
    found = findings(city, folders, now_utc.date())
    if refused := [one for one in found if one.severity == "refuse"]:
        raise PenstockError(refused)
    looked = f"{len(found)} to look at (penstock carbon lint)" if found else "nothing to complain of"
    return f"{len(factors.load(folders))} emission factors, {looked}"


def _database(env: Environment) -> str:
    size = readings.size(open_store(env.url))
    return ", ".join(f"{count:,} rows in {name}" for name, count in size.items())


def _meters_over_time(city: LoadedCity, env: Environment) -> str:
    from service.metering import unwritten_registers
    from service.store.renames import unsettled

    found = [*unwritten_registers(city), *unsettled(open_store(env.url), list(city.points.values()))]
    if found:
        raise PenstockError(found)
    entries = [entry for meter in city.settings.meters for entry in meter.history]
    return f"{len(entries)} entries of history, every exchange of a billed register with its registers"


def _ledger(city: LoadedCity, env: Environment) -> str:
    """Files, key and the roots outside; `penstock verify` looks into every entry."""
    from carbon.accounts import doubts
    from service.books import roots, signing
    from service.store import ledger

    rows = ledger.heads(open_store(env.url))
    problems = ledger.gone(rows, city.folder)
    _, found = signing.signer(env)
    kept, more = roots.state(rows, city)
    if problems := [*problems, *found, *more]:
        raise PenstockError(problems)
    signed = "signed" if env.ledger_key else f"unsigned: set {signing.VARIABLE} (`penstock carbon keygen`)"
    doubted = "".join(f"; in doubt: {doubt}" for doubt in doubts(city.settings.accounts))
    return f"{len(rows)} batches, every file there, {signed}; {kept}{doubted}"


def _disk(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < _FREE_BYTES:
        raise fault(f"disk of {folder}", f"{free / 1e9:.1f} GB free", "2 GB or more", "Free some space before the next night.")
    return f"{free / 1e9:.0f} GB free"


def _spool(city: LoadedCity, now_utc: datetime) -> str:
    """What waits, and how long it could."""
    from service.waiting import capacity

    spools = [found for name in fill.NAMES if (found := fill.look(city.folder / name)) is not None]
    room = capacity(city)
    problems = [problem for found in spools for problem in found.alarms(now_utc)]
    if (short := room.problem()) is not None:
        problems.append(short)
    if problems:
        raise PenstockError(problems)
    return f"{sum(found.readings for found in spools):,} readings wait; {room}"


def _central(env: Environment, city: LoadedCity) -> str:
    from service.edge.forwarding import Forwarder

    return Forwarder(env, city).greet()


def _clock(env: Environment, now_utc: datetime) -> str:
    beats = runs.heartbeats(open_store(env.url))
    ahead = [name for name, time in beats.items() if time > now_utc and time > datetime.now(UTC)]
    if ahead:
        raise fault("clock", f"{', '.join(ahead)} spoke in the future", "a clock that does not run back", "Check NTP on this machine.")
    return f"{now_utc:%Y-%m-%d %H:%M} UTC"


def _solver() -> str:
    from optimisation.solve import version

    return f"HiGHS {version()}"


def _fonts() -> str:
    for folder in map(Path, _FONTS):
        found = next(folder.rglob("*CJK*"), None) if folder.exists() else None
        if found:
            return found.name
    raise fault("fonts", "none with Chinese characters", "a CJK font for the Chinese console", "Install fonts-noto-cjk on the station.")
