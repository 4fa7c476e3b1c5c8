"""`penstock exchange take`: which kinds may come in, and who takes them."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from carbon.instruments.certificates import Lot
from city.problems import fault
from service.books.instruments import take_in as take_certificates
from service.decisions import Person, require
from service.environment import Environment
from service.exchange import take_events, take_history, take_readings
from service.exchange.exporting import MANIFEST
from service.exchange.files_in import SUFFIXES, Columns, sha256
from service.exchange.foreign import as_csv
from service.settings import LoadedCity, load
from service.store import open_store, operations
from service.weather import imported

Take = Callable[[Engine, LoadedCity, Person, Path, datetime], Iterator[str]]
_MOST_MANIFEST = 1 << 20


_WEATHER = Columns(("time", "variable", "value"), ("issued_at", "unit"))
_LOTS = Columns((), tuple(Lot.model_fields))


def _weather(engine: Engine, city: LoadedCity, person: Person, path: Path, now_utc: datetime) -> Iterator[str]:
    """A weather service's file, as the folders of [[weather]] take it."""
    require(engine, person, "readings", path.name, now_utc)
    with as_csv(path, _WEATHER, (".txt", ".json")) as plain:
        digest = sha256(path, (*SUFFIXES, ".txt", ".json"))

        def audited(connection: Connection, made: int) -> None:
            sentence = f"{path.name}: {made} vectors are new; SHA-256 {digest}"
            operations.record(connection, now_utc, person.name, "take weather", path.name[:80], sentence)

        yield from imported(engine, city, plain, None, now_utc, False, audited)


def _certificates(engine: Engine, city: LoadedCity, person: Person, path: Path, now_utc: datetime) -> Iterator[str]:
    """A registry's list of certificates, as `penstock carbon certificates import` takes it."""
    with as_csv(path, _LOTS) as plain:
        yield from take_certificates(engine, city, person, plain, now_utc, f"{path.name} {sha256(path)}")


KINDS: dict[str, Take] = {
    "readings": take_readings.take,
    "history": take_history.take,
    "events": take_events.take,
    "weather": _weather,
    "certificates": _certificates,
}


def take(env: Environment, person: Person, kind: str, path: Path, now_utc: datetime) -> Iterator[str]:
    """Take a file in: all of it in one transaction, or nothing. Yields what came of it.

    A manifest beside the file that names it must name its hash. Raises `PenstockError` for an unknown kind and for every fault of the file.
    """
    if kind not in KINDS:
        raise fault(f"kind '{kind[:60]}'", "cannot be taken in", ", ".join(KINDS), "Choose among these.")
    city = load(env)
    _as_exported(path)
    yield from KINDS[kind](open_store(env.url), city, person, path, now_utc)


def _as_exported(path: Path) -> None:
    """Raises `PenstockError` when a manifest beside the file names another hash: it was changed, or cut short on its way."""
    beside = path.parent / MANIFEST
    try:
        if not beside.is_file() or beside.stat().st_size > _MOST_MANIFEST:
            return
        kinds = json.loads(beside.read_text(encoding="utf-8"))["kinds"]
        named = {str(one["file"]): str(one["sha256"]) for one in kinds.values()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return  # a manifest of somebody else
    if path.name in named and sha256(path) != named[path.name]:
        raise fault(path.name, "is not as it was exported", f"SHA-256 {named[path.name]}, as {MANIFEST} says", "Copy it again.")
