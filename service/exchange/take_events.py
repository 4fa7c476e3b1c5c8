"""Known events from elsewhere: a calendar of shutdowns, festivals and works as a table, entered as a person would enter each."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine

from city.clock import as_utc, parse_utc
from city.problems import PenstockError, fault
from service import schema as t
from service.decisions import Person, enter_events
from service.exchange.files_in import Columns, batches, sha256
from service.exchange.parsing import Faults
from service.known_events import Entry, key, problems_of
from service.settings import LoadedCity

_NEEDED = ("kind", "subject", "start_utc", "end_utc", "reason")
_TOLD = (*_NEEDED, "effect", "amount", "like_day", "ended_utc")
_EXPORTED = Columns(_TOLD, tuple(column.name for column in t.known_event.columns if column.name not in _TOLD))
COLUMNS = Columns(_NEEDED, ("factor", "level", "like"), _EXPORTED)
MOST_ROWS = 10_000


def take(engine: Engine, city: LoadedCity, person: Person, path: Path, now_utc: datetime) -> Iterator[str]:
    """Enter every event of a file, or none. Raises `PenstockError` with up to 20 faults, and without the role or a district.

    Of exported events one that was cancelled comes in as far as it acted, and not at all where it never did.
    """
    faults, entries, first, digest = Faults(path.name), list[Entry](), 1, sha256(path)
    seen: dict[tuple[Any, Entry], int] = {}
    void = 0
    for table in batches(path, COLUMNS):
        for row in table.cast(pa.schema([(name, _plain(table.schema.field(name).type)) for name in table.column_names])).to_pylist():
            entry = _entry(_as_told(row) if "effect" in row else row, first, faults)
            if entry is not None and row.get("ended_utc") and entry.end <= entry.start:
                void += 1
            elif entry is not None:
                for problem in problems_of(city, entry):
                    faults.tell(first, problem.subject.removeprefix("event "), problem.observed, problem.allowed, problem.remedy)
                if as_utc(entry.start) and (twice := seen.setdefault((row.get("event_id"), key(entry)), first)) != first:
                    faults.tell(first, "subject", f"the same as row {twice}", "each event once")
                entries.append(entry)
            first += 1
            if first > MOST_ROWS + 1:
                raise fault(path.name, f"more than {MOST_ROWS:,} rows", f"{MOST_ROWS:,} events", "Split it.")
    faults.raise_any()
    if not entries and not void:
        raise fault(path.name, "no rows", "one event at least", "Check what wrote it.")
    new, before = enter_events(engine, city, person, entries, now_utc, (path.name, digest))
    cancelled = f"; {void} left out that were cancelled before they began" if void else ""
    yield f"{path.name}: {new} events are new, {before} were entered before{cancelled}"


def _plain(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_dictionary(kind) else kind


def _as_told(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the exported table in the words of a calendar; a cancelled event ends where it was ended."""
    effect = row["effect"]
    told = {name: row["amount"] if effect == name else None for name in ("factor", "level")}
    return {**row, **told, "like": row["like_day"] if effect == "like" else None, "end_utc": row["ended_utc"] or row["end_utc"]}


def _entry(row: dict[str, Any], number: int, faults: Faults) -> Entry | None:
    """The event of a row, or None where it cannot be read."""
    before = len(faults.found) + faults.more
    start, end = (_time(row[name], name, number, faults) for name in ("start_utc", "end_utc"))
    factor, level = (_number(row.get(name), name, number, faults) for name in ("factor", "level"))
    if len(faults.found) + faults.more > before or start is None or end is None:
        return None
    kind, subject, reason, like = (str(row.get(name) or "") for name in ("kind", "subject", "reason", "like"))
    return Entry(kind, subject, start, end, reason, factor, level, like or None)


def _time(value: Any, name: str, number: int, faults: Faults) -> datetime | None:
    try:
        return as_utc(value) if isinstance(value, datetime) else parse_utc(str(value or ""))
    except PenstockError as error:
        faults.tell(number, name, value, error.problems[0].allowed, error.problems[0].remedy)
        return None


def _number(value: Any, name: str, number: int, faults: Faults) -> float | None:
    if value is None or value == "":
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = float("nan")
    if not abs(found) < 1e12:
        faults.tell(number, name, value, "a finite number, or nothing")
        return None
    return found
