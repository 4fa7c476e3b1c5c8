"""A town whose people are told: an empty store, a city file with channels, and nights and alarms put into its records."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, func, select

from service import schema as t
from service.environment import Environment
from service.settings import LoadedCity, load
from service.store import open_store, writing
from tests.town import Town

NOW = datetime(2022, 6, 15, 22, 40, tzinfo=UTC)
KEY = "a-key-of-at-least-24-bytes"
SECRETS = {"hook": KEY, "mail": "secret-of-the-account"}


@pytest.fixture
def engine(at_head: Path, tmp_path: Path) -> Engine:
    (tmp_path / "penstock.db").write_bytes(at_head.read_bytes())
    return open_store(f"sqlite:///{tmp_path / 'penstock.db'}")


@pytest.fixture
def city(tmp_path: Path) -> Callable[..., LoadedCity]:
    def made(*channels: str, secrets: dict[str, str] | None = None) -> LoadedCity:
        town = Town(tmp_path, days=0)
        town = replace(town, head=town.head.replace('name = "Town"', 'name = "Town\\r\\nBcc: all@evil.example"'))
        town = replace(town, parts={**town.without().parts, "notify": "\n".join(f"[[notify]]\n{one}" for one in channels)})
        town.write()
        told = SecretStr(json.dumps(SECRETS if secrets is None else secrets))
        return load(Environment(city=town.file, home=town.folder, notify_secrets=told))

    return made


def night(engine: Engine, status: str, when: datetime = NOW, day: date = date(2022, 6, 16)) -> int:
    """A night that ended so; returns its run."""
    row = {"city": "town", "night": day, "command": "night", "now_utc": when, "started_utc": when, "status": status, "pid": 1}
    with writing(engine) as connection:
        made = connection.execute(t.run.insert().values(**row, ended_utc=when + timedelta(minutes=4), config_hash="0" * 64, detail={}))
        return int(made.inserted_primary_key[0])


def alarm(engine: Engine, priority: int, subject: str, kind: str = "burst", when: datetime = NOW) -> None:
    """An alarm that is annunciated now."""
    with writing(engine) as connection:
        number = int(connection.execute(select(func.max(t.alarm.c.alarm_id))).scalar() or 0) + 1
        row = {"alarm_id": number, "kind": kind, "source": subject, "subject": subject, "priority": priority, "facts": {}}
        row |= {"state": "unacknowledged", "active": True, "since_utc": when, "reason": "", "follows": "", "district": ""}
        connection.execute(t.alarm.insert().values(**row, annunciated_utc=when))
        event = {"alarm_id": number, "at_utc": when, "event": "alarm", "state": "unacknowledged", "who": "", "reason": ""}
        connection.execute(t.alarm_event.insert().values(**event))
