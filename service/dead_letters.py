"""`penstock meters dead-letters`: what the store refused, listed, tried again, or written to a file. Nothing is ever thrown away."""

import base64
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, select

from city.problems import PenstockError, fault
from meters.spool.packing import Batch
from service import schema as t
from service.delivery import Away, Refused, StoreSink
from service.settings import LoadedCity
from service.store import operations, writing


def letters(engine: Engine) -> Sequence[Any]:
    """All dead letters, oldest first."""
    with engine.connect() as connection:
        return connection.execute(select(t.dead_letter).order_by(t.dead_letter.c.at_utc, t.dead_letter.c.letter_id)).all()


def told(engine: Engine) -> Iterator[str]:
    """One sentence per dead letter, and how many there are."""
    found = letters(engine)
    for row in found:
        whence = f" from {row.origin.partition('/')[0]}" if row.origin else ""
        yield f"{row.letter_id[:12]}  {row.at_utc:%Y-%m-%d %H:%M} UTC  {row.readings} readings{whence}: {row.reason}"
    yield f"{len(found)} dead letters"


def retry(engine: Engine, city: LoadedCity, who: str, at_utc: datetime) -> str:
    """Offer every dead letter to the store again; those it takes now are no longer dead, with an audit line by `who` for each.

    Raises `PenstockError` when it is away.
    """
    found = letters(engine)
    taken = 0
    try:
        sink = StoreSink(engine, list(city.points.values()))
        for row in found:
            try:
                sink.take([Batch(row.letter_id, row.content, row.origin)])
            except Refused:
                continue
            with writing(engine) as connection:
                gone = connection.execute(delete(t.dead_letter).where(t.dead_letter.c.letter_id == row.letter_id)).rowcount
                if gone:
                    told = f"{who} had {row.readings} readings stored that were refused: {row.reason}"
                    operations.record(connection, at_utc, who, "retry dead letter", row.letter_id[:12], told)
            taken += 1
    except Away as error:
        raise fault("database", str(error), "one that takes readings", "Try again when it answers.") from None
    return f"{taken} of {len(found)} dead letters stored, {len(found) - taken} are refused still"


def export(engine: Engine, path: Path) -> str:
    """Write every dead letter as a line of JSON: why, when, where from, and its readings, or its bytes where they cannot be read."""
    found = letters(engine)
    with path.open("w", encoding="utf-8") as file:
        for row in found:
            line = {"letter": row.letter_id, "at_utc": row.at_utc.isoformat(), "origin": row.origin, "reason": row.reason}
            try:
                readings = Batch(row.letter_id, row.content).readings()
                line["readings"] = json.loads(readings.to_json(orient="records", date_format="iso", date_unit="us"))
            except PenstockError:
                line["content_base64"] = base64.b64encode(row.content).decode()
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return f"{len(found)} dead letters written to {path}"
