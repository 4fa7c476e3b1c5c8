"""What ran and what was decided: nights with their steps, the audit trail, requests, settings as they are."""

from datetime import date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Engine, select

from service import schema as t
from service.settings import LoadedCity
from service.store import operations, results, runs


def nights(engine: Engine, city: LoadedCity, newest: int = 60) -> list[date]:
    """Nights that have a finished step, newest first."""
    statement = (
        select(t.step.c.night).where(t.step.c.city == city.settings.city.id).distinct().order_by(t.step.c.night.desc()).limit(newest)
    )
    with engine.connect() as connection:
        return list(connection.execute(statement).scalars())


def steps(engine: Engine, city: LoadedCity, night: date) -> list[dict[str, Any]]:
    """The finished steps of a night in order: step, status, seconds, sentence, problems, ended_utc."""
    names = ("step", "status", "seconds", "sentence", "problems", "ended_utc")
    done = runs.steps_done(engine, city.settings.city.id, night)
    return [{name: getattr(row, name) for name in names} for row in done.values()]


def recent(engine: Engine, newest: int = 50) -> pd.DataFrame:
    """run_id, night, command, now_utc, seconds, status, config_hash: the newest runs, newest first."""
    rows = [
        (
            r.run_id,
            r.night,
            r.command,
            r.now_utc,
            (r.ended_utc - r.started_utc).total_seconds() if r.ended_utc else None,
            r.status,
            r.config_hash,
        )
        for r in runs.recent_runs(engine, newest)
    ]
    return pd.DataFrame(rows, columns=["run_id", "night", "command", "now_utc", "seconds", "status", "config_hash"])


def audit(engine: Engine, newest: int = 500) -> pd.DataFrame:
    """at_utc, who, action, subject, sentence, newest first."""
    rows = [(r.at_utc, r.who, r.action, r.subject, r.sentence) for r in operations.audit(engine, newest)]
    return pd.DataFrame(rows, columns=["at_utc", "who", "action", "subject", "sentence"])


def requests(engine: Engine, newest: int = 20) -> pd.DataFrame:
    """request_id, kind, who, at_utc, state, sentence, newest first."""
    rows = results.rows(engine, t.request, order=t.request.c.request_id.desc())[:newest]
    names = ["request_id", "kind", "who", "at_utc", "state", "sentence"]
    return pd.DataFrame([tuple(getattr(row, name) for name in names) for row in rows], columns=names)


def holds(engine: Engine, at_utc: datetime) -> pd.DataFrame:
    """subject, who, since_utc, reason: holds in force."""
    rows = [(r.subject, r.who, r.since_utc, r.reason) for r in operations.holds(engine, at_utc)]
    return pd.DataFrame(rows, columns=["subject", "who", "since_utc", "reason"])


def settings(city: LoadedCity) -> str:
    """The city file as it was read, without anything secret: it holds none."""
    return city.environment.city_file.read_text(encoding="utf-8")
