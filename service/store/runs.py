"""What ran when: one record per command, one per (city, night, step), and the heartbeats of the long-running processes."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, delete, select

from city.problems import Problem
from service import logs
from service import schema as t
from service.levels import uptime
from service.store import writing

if TYPE_CHECKING:
    from service.night.configured import Configured


@dataclass
class StepResult:
    """What a step of the night has to say: one sentence, figures for the summary, and problems it went on despite.

    `status` is done, problems, failed, or waiting: there was nothing to work on yet, so the next run of the night tries again.
    """

    sentence: str
    detail: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    status: str = ""

    def __post_init__(self) -> None:
        self.status = self.status or ("problems" if self.problems else "done")


def start_run(
    engine: Engine, city: str, night: date, command: str, now_utc: datetime, config_hash: str, configured: "Configured | None" = None
) -> int:
    """Open a run record and return its id; `configured` says who made its city file, and what is different in it."""
    with writing(engine) as connection:
        if configured is not None:
            configured.keep(connection)
        made = connection.execute(
            t.run.insert().values(
                city=city,
                night=night,
                command=command,
                now_utc=now_utc,
                started_utc=datetime.now(UTC),
                status="running",
                config_hash=config_hash,
                config_author=configured.author if configured is not None else None,
                config_changed=configured.changed if configured is not None else None,
                pid=os.getpid(),
            )
        )
        run_id = int((made.inserted_primary_key or (0,))[0])
    logs.about(run_id=run_id)
    return run_id


def end_run(engine: Engine, run_id: int, status: str, detail: dict[str, Any]) -> None:
    with writing(engine) as connection:
        connection.execute(t.run.update().where(t.run.c.run_id == run_id).values(ended_utc=datetime.now(UTC), status=status, detail=detail))


def close_killed(engine: Engine, city: str, command: str) -> None:
    """Call the runs failed that began and never ended: whoever may run it alone asks. When they ended nobody knows."""
    r = t.run.c
    with writing(engine) as connection:
        connection.execute(t.run.update().where(r.city == city, r.command == command, r.status == "running").values(status="failed"))


def steps_done(engine: Engine, city: str, night: date) -> dict[str, Any]:
    """{step: row} of the steps of a night that are finished."""
    with engine.connect() as connection:
        rows = connection.execute(select(t.step).where(t.step.c.city == city, t.step.c.night == night).order_by(t.step.c.ended_utc)).all()
    return {row.step: row for row in rows}


def last_step(engine: Engine, city: str, step: str, before: date) -> Any | None:
    """The row of a step in the newest night before a date, or None."""
    s = t.step.c
    statement = select(t.step).where(s.city == city, s.step == step, s.night < before).order_by(s.night.desc()).limit(1)
    with engine.connect() as connection:
        return connection.execute(statement).first()


def finish_step(connection: Connection, city: str, night: date, step: str, seconds: float, result: StepResult) -> None:
    """Record a step as done, in the transaction that stores its output: either both are there after a crash, or neither."""
    connection.execute(delete(t.step).where(t.step.c.city == city, t.step.c.night == night, t.step.c.step == step))
    connection.execute(
        t.step.insert().values(
            city=city,
            night=night,
            step=step,
            status=result.status,
            ended_utc=datetime.now(UTC),
            seconds=round(seconds, 3),
            sentence=result.sentence,
            problems=[str(problem) for problem in result.problems],
            detail=result.detail,
        )
    )


def beat(engine: Engine, process: str, time_utc: datetime, detail: dict[str, Any] | None = None) -> None:
    """Say that a long-running process is alive."""
    with writing(engine) as connection:
        beat_in(connection, process, time_utc, detail)


def beat_in(connection: Connection, process: str, time_utc: datetime, detail: dict[str, Any] | None = None) -> None:
    """The same in a transaction that writes more."""
    connection.execute(delete(t.heartbeat).where(t.heartbeat.c.process == process))
    connection.execute(t.heartbeat.insert().values(process=process, time_utc=time_utc, detail=detail or {}))
    uptime.beat(connection, process, time_utc)


def heartbeats(engine: Engine) -> dict[str, datetime]:
    with engine.connect() as connection:
        return {row.process: row.time_utc for row in connection.execute(select(t.heartbeat))}


def night_time(engine: Engine, city: str, night: date) -> datetime:
    """The time that counted as now for a night: that of its first run."""
    with engine.connect() as connection:
        return connection.execute(
            select(t.run.c.now_utc).where(t.run.c.city == city, t.run.c.night == night).order_by(t.run.c.run_id).limit(1)
        ).scalar_one()


def recent_runs(engine: Engine, limit: int = 50) -> Sequence[Any]:
    """The newest run records, newest first."""
    with engine.connect() as connection:
        return connection.execute(select(t.run).order_by(t.run.c.run_id.desc()).limit(limit)).all()


def last_night(engine: Engine, city: str, step: str | None = None) -> date | None:
    """The newest night that has a finished step, or that did this one and did not fail in it."""
    nights = select(t.step.c.night).where(t.step.c.city == city).order_by(t.step.c.night.desc()).limit(1)
    if step is not None:
        nights = nights.where(t.step.c.step == step, t.step.c.status.not_in(("failed", "waiting")))
    with engine.connect() as connection:
        return connection.execute(nights).scalar()
