"""What ran and what was decided: nights with their steps, the audit trail, requests, settings as they are."""

from datetime import date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Engine, select

from service import schema as t
from service.addresses import hosts_alone, of_city_file
from service.settings import LoadedCity
from service.store import forecasting, operations, results, runs


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
    """run_id, night, command, now_utc, seconds, status, config_hash, config_author, config_changed: the newest runs, newest first.

    Everybody sees them: of web addresses in what changed the host alone.
    """
    rows = [
        (
            r.run_id,
            r.night,
            r.command,
            r.now_utc,
            (r.ended_utc - r.started_utc).total_seconds() if r.ended_utc else None,
            r.status,
            r.config_hash,
            r.config_author or "",
            hosts_alone(r.config_changed or ""),
        )
        for r in runs.recent_runs(engine, newest)
    ]
    names = ["run_id", "night", "command", "now_utc", "seconds", "status", "config_hash", "config_author", "config_changed"]
    return pd.DataFrame(rows, columns=names)


def machines(engine: Engine) -> pd.DataFrame:
    """model_id, state, group_key, trained_at_utc, known_until_utc, sentence, versions: every forecasting machine, newest first."""
    names = ["model_id", "state", "group_key", "trained_at_utc", "known_until_utc", "sentence"]
    rows = [
        (*(getattr(row, name) for name in names), ", ".join(f"{name} {number}" for name, number in row.provenance["versions"].items()))
        for row in forecasting.models(engine)
    ]
    frame = pd.DataFrame(rows, columns=[*names, "versions"])
    return frame.sort_values("trained_at_utc", ascending=False, ignore_index=True)


def read_by(engine: Engine, city: LoadedCity) -> tuple[date, str] | None:
    """The last night that ran, and the version of the settings that it read; None before the first."""
    r = t.run.c
    statement = select(r.night, r.config_hash).where(r.city == city.settings.city.id, r.command == "night").order_by(r.run_id.desc())
    with engine.connect() as connection:
        row = connection.execute(statement.limit(1)).first()
    return (row.night, row.config_hash) if row else None


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
    """The city file as it was read, of web addresses the host alone."""
    return of_city_file(city.environment.content.decode("utf-8"))
