"""A town whose ledger is posted without the rest of its night: history from a file, one account of each kind that matters."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from carbon.ledger.ledger import Ledger
from city.clock import civil_day, local_date, parse_utc
from city.frames import Block
from service.environment import Environment
from service.night import Night, ledger, proof
from service.settings import LoadedCity, load
from service.store import ledger as stored
from service.store import meter_days, open_store, readings, writing
from service.store.runs import StepResult
from tests.town import PARTS, Town, prepared

ZONE = "Europe/Rome"
NIGHT = "2022-06-16T00:30+02:00"
NEXT = "2022-06-17T00:30+02:00"
ACCOUNTS = "".join(
    f'[[accounts]]\nid = "{name}"\nkind = "{kind}"\npoint = "{point}"\nsite = "here"\nsector = "services"\nregion = "CN-ZJ"\n{more}'
    for name, kind, point, more in (
        ("el-hall", "grid-electricity", "hall.energy", "adds = true\n"),
        ("sun", "own-renewable", "sun.energy", ""),
        ("supply", "water-supply", "inflow.volume", ""),
    )
)


def town(folder: Path, days: int = 5, carbon: str = "", accounts: str = ACCOUNTS) -> Town:
    parts = {"imports": PARTS["imports"], "accounts": accounts, "carbon": f"[carbon]\n{carbon}\n"}
    return prepared(Town(folder, parts=parts, days=days))


@contextmanager
def opened(made: Town, **environment: str) -> Iterator[tuple[LoadedCity, Engine]]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "LEDGER_KEY"):
            patch.delenv(f"PENSTOCK_{name}", raising=False)
        for name, value in ({"CITY": str(made.file), "HOME": str(made.folder)} | environment).items():
            patch.setenv(f"PENSTOCK_{name}", value)
        environment_of = Environment()
        yield load(environment_of), open_store(environment_of.url)


def night(made: Town, now: str = NIGHT, **environment: str) -> tuple[StepResult, StepResult | None]:
    """The ledger of a night and what follows its commit."""
    with opened(made, **environment) as (city, engine):
        at = parse_utc(now)
        asked = Night(city, engine, local_date(at, ZONE), at, {})
        output = ledger.compute(asked)
        with writing(engine) as connection:
            output.write(connection)
        return output.result, proof.compute(asked)


def book(made: Town, **environment: str) -> Ledger:
    with opened(made, **environment) as (city, engine):
        return stored.open_ledger(engine, city.folder)


def sums(found: Ledger) -> dict[tuple[str, str], tuple[int, int]]:
    """{account, basis: Wh or mL, mg}."""
    rows = found.book(by=("account_id",), zone=ZONE, period=None)
    return {(row.account_id, row.basis): (int(row.amount), int(row.mg)) for row in rows.itertuples() if row.amount or row.mg}


def revised(made: Town, point: str, day: str, change: int, reason: str = "late readings", now: str = NIGHT, **environment: str) -> None:
    """A further version of a day, in which its first interval counts `change` stored units more."""
    with opened(made, **environment) as (city, engine):
        span = civil_day(datetime.fromisoformat(day).date(), ZONE)
        before = meter_days.block(engine, [city.points[point]], *span)
        values = before.values.copy()
        values[0, 0] += change
        with writing(engine) as connection:
            keys = readings.keys_of(connection, [point])
            block: Block = replace(before, values=np.asarray(values))
            meter_days.revise(connection, block, [span], keys, "night", parse_utc(now), reason)
