"""`penstock export`: kinds of one snapshot of the store into a folder, with a manifest that names every file's hash."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from city.problems import fault
from service.environment import Environment
from service.exchange.kind import Span
from service.exchange.kinds import KINDS, WITHHELD, chosen
from service.exchange.lines import iso
from service.exchange.writing import FORMATS, write
from service.settings import load
from service.store.reading_only import open_reading
from service.utctime import micros

MANIFEST = "manifest.json"


def export(
    env: Environment, names: Sequence[str], form: str, into: Path, since: datetime | None = None, until: datetime | None = None
) -> Iterator[str]:
    """Export kinds (none named: all), those that have a time within [since, until). Yields a sentence per file.

    The manifest is written last: a folder without one is not whole. Raises `PenstockError` for a kind or format that is unknown, a folder
    that is not empty, a span that ends before it starts, and a cold file that is lost.
    """
    kinds = chosen(list(names))
    if form not in FORMATS:
        raise fault("--format", form, ", ".join(FORMATS), "Choose among these.")
    if since is not None and until is not None and until <= since:
        raise fault("--until", iso(micros(until)), f"after --since, {iso(micros(since))}", "Correct the times.")
    city = load(env)
    _make_folder(into)
    made = {}
    with snapshot(open_reading(env.url)) as connection:
        for kind in kinds:
            made[kind.name] = write(kind, kind.stream(Span(connection, city.folder, since, until)), into, form)
            yield f"{into / str(made[kind.name]['file'])}: {made[kind.name]['rows']:,} rows"
    told = {
        "city": city.settings.city.id,
        "format": form,
        "since": iso(micros(since)) if since else None,
        "until": iso(micros(until)) if until else None,
        "kinds": made,
        "withheld": WITHHELD,
    }
    half = into / f"{MANIFEST}.part"
    half.write_text(json.dumps(told, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    half.rename(into / MANIFEST)
    yield f"{into / MANIFEST}: SHA-256 and columns of {len(made)} files"


def listed() -> Iterator[str]:
    """What can be exported, and what is withheld for which reason."""
    yield from (f"{kind.name:<22} {kind.about}" for kind in KINDS.values())
    yield from (f"{name:<22} withheld: {reason}" for name, reason in WITHHELD.items())


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """One connection that sees the store as it stood when it was opened, however much is written beside it."""
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":  # a page of the API has its seconds, the sorting of a whole table has not
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            yield connection
    finally:
        engine.dispose()


def _make_folder(into: Path) -> None:
    try:
        into.mkdir(parents=True, exist_ok=True, mode=0o750)
        filled = next(into.iterdir(), None)
    except OSError as error:
        raise fault(f"--into {into}", error.strerror or str(error), "a folder that can be written", "Name another.") from None
    if filled is not None:
        raise fault(f"--into {into}", f"holds {filled.name}", "an empty folder: an export is one snapshot", "Name a new one.")
