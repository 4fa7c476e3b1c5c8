"""Stored machines and what they said: a machine is never changed, only its state; the newest live one of a group answers."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, select

from service import schema as t
from service.store.results import replace_rows

LIVE, REFUSED, RETIRED = "live", "refused", "retired"
_WITHOUT_ARTIFACT = [column for column in t.forecast_model.c if column.name != "artifact"]
_FEW = 500  # ids that fit into a statement


def models(engine: Engine, state: str | None = None) -> Sequence[Any]:
    """Rows of the stored machines without their artifact, by group and newest first."""
    m = t.forecast_model.c
    statement = select(*_WITHOUT_ARTIFACT).order_by(m.group_key, m.trained_at_utc.desc(), m.model_id)
    if state is not None:
        statement = statement.where(m.state == state)
    with engine.connect() as connection:
        return connection.execute(statement).all()


def artifact(engine: Engine, model_id: str) -> bytes | None:
    """The machine as JSON, None where it is not stored."""
    with engine.connect() as connection:
        packed = connection.execute(select(t.forecast_model.c.artifact).where(t.forecast_model.c.model_id == model_id)).scalar()
    return None if packed is None else zlib.decompress(packed)


def store_model(connection: Connection, row: Mapping[str, Any], machine: bytes) -> None:
    """Store a machine; one that goes live retires the one before it. The same machine stored again changes nothing."""
    m = t.forecast_model
    if connection.execute(select(m.c.model_id).where(m.c.model_id == row["model_id"])).first() is not None:
        return
    if row["state"] == LIVE:
        former = (m.c.group_key == row["group_key"], m.c.state == LIVE)
        told = f"retired: {row['model_id'][:8]} answers since {row['trained_at_utc']:%Y-%m-%d %H:%M} UTC"
        connection.execute(m.update().where(*former).values(state=RETIRED, sentence=told))
    connection.execute(m.insert().values(**row, artifact=zlib.compress(machine, 6)))


def retire(connection: Connection, prefix: str, kept: Sequence[str]) -> None:
    """Retire the live machines whose key begins with `prefix`, but for the `kept` keys."""
    m = t.forecast_model
    told = "retired: no series of its group's sample stood on its rung, or it was made by other code"
    own = m.c.group_key.startswith(prefix, autoescape=True)
    connection.execute(m.update().where(own, m.c.state == LIVE, m.c.group_key.not_in(kept)).values(state=RETIRED, sentence=told))


def store_forecasts(connection: Connection, night: date, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store the rows of a night in place of those of a former attempt."""
    replace_rows(connection, t.forecast, t.forecast.c.night == night, [{"night": night, **row} for row in rows])


def store_now(connection: Connection, made_at_utc: datetime, rows: Sequence[Mapping[str, Any]], oldest_utc: datetime) -> None:
    """Store an answer between two nights; the same time asked again replaces it, and those before `oldest_utc` go."""
    n = t.forecast_now
    connection.execute(delete(n).where(n.c.made_at_utc < oldest_utc))
    ids = [row["series_id"] for row in rows]
    for at in range(0, len(ids), _FEW):
        connection.execute(delete(n).where(n.c.made_at_utc == made_at_utc, n.c.series_id.in_(ids[at : at + _FEW])))
    if rows:
        connection.execute(n.insert(), [{"made_at_utc": made_at_utc, **row} for row in rows])


def issued(engine: Engine, ids: Sequence[str], first: date, last: date) -> list[Any]:
    """Forecast rows of some series of the nights from `first` to `last`, both included, by night."""
    f = t.forecast
    found: list[Any] = []
    with engine.connect() as connection:
        for at in range(0, len(ids), _FEW):
            some = f.c.series_id.in_(list(ids[at : at + _FEW]))
            found += connection.execute(select(f).where(f.c.night >= first, f.c.night <= last, some).order_by(f.c.night)).all()
    return found
