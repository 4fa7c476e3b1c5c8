"""A town with one writable point and a device that stands for the field, for the tests of the outbox."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from meters.control import Outcome
from meters.vee.quality import Limits
from service import schema as t
from service.plans.commands import command
from service.store import operations, results, writing

NOW = datetime(2022, 6, 15, 22, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
POINT = "sun.setpoint"


@dataclass
class Device:
    """Stands for the field: a device that holds what is written, or answers with the word it was given. Keeps what was asked."""

    held: float = 0.0
    word: str = "written"
    asked: list[float] = field(default_factory=list)

    def write(self, point_id: str, setpoint: float, limits: Limits, now_utc: datetime) -> Outcome:
        self.asked.append(setpoint)
        step = limits.write_step or abs(setpoint - self.held)
        self.held += min(max(setpoint - self.held, -step), step)
        return Outcome(point_id, self.word, self.held, self.held, "as told", now_utc, sent=self.word != "refused")  # type: ignore[arg-type]


def propose(engine: Engine, *wanted: tuple[float, datetime, datetime], plan: str = "plan-1", needed: int = 1) -> None:
    rows = [{**command(plan, POINT, "command_kw", kw, start, end), "approvals_needed": needed} for kw, start, end in wanted]
    with writing(engine) as connection:
        connection.execute(t.command.insert(), rows)


def approved(engine: Engine, *wanted: tuple[float, datetime, datetime], plan: str = "plan-1") -> None:
    propose(engine, *wanted, plan=plan)
    operations.approve(engine, plan, "ada", NOW, "")


def limits(point_id: str) -> Limits:
    return Limits(point=point_id)


def rows(engine: Engine) -> list[Any]:
    return list(results.rows(engine, t.command, order=t.command.c.not_before_utc))


def actions(engine: Engine) -> list[str]:
    return [row.action for row in reversed(operations.audit(engine))]
