"""What the store refuses: the good readings go in, the bad ones become dead letters, and nothing else waits for them."""

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, select

from city.places import Point
from city.quality import VALID
from city.quantities import Quantity
from meters.spool.packing import Batch
from meters.spool.spool import Spool
from service import dead_letters, migrations
from service import schema as t
from service.delivery import Away, Refused, deliver, drain, halved
from service.store import open_store, readings, results, writing

SLOT = datetime(2022, 6, 15, tzinfo=UTC)


@pytest.fixture
def store(at_head: Path, tmp_path: Path) -> Engine:
    shutil.copy(at_head, tmp_path / "penstock.db")
    return open_store(f"sqlite:///{tmp_path / 'penstock.db'}")


def points(n: int) -> list[Point]:
    return [Point(id=f"m-{i:02d}.power", meter=f"m-{i:02d}", quantity=Quantity.POWER_KW) for i in range(n)]


def slot(n: int = 10, hour: int = 0) -> pd.DataFrame:
    times = pd.Series([SLOT.replace(hour=hour)] * n, dtype="datetime64[us, UTC]")
    frame = pd.DataFrame({"point_id": [p.id for p in points(n)], "quantity": "power_kw", "value": range(n), "quality": VALID})
    return frame.assign(value=frame["value"].astype(float), time_utc=times, received_at_utc=times)


def letters(engine: Engine) -> list[tuple[int, str, str]]:
    with engine.connect() as connection:
        found = connection.execute(select(t.dead_letter).order_by(t.dead_letter.c.reason)).all()
    return [(row.readings, row.reason, row.origin) for row in found]


def test_of_a_poison_batch_the_good_readings_go_in_and_the_bad_ones_are_kept_apart(store: Engine, tmp_path: Path) -> None:
    bad = slot()
    bad.loc[3, "quantity"] = "warmth"  # what no release knows
    bad.loc[7, "quality"] = 2**63 - 1
    bad["quality"] = bad["quality"].astype("int64")
    with Spool(tmp_path / "spool.db", origin="north/abc") as spool:
        for frame in (slot(hour=1), bad, slot(hour=2)):
            spool.append(frame)
        assert deliver(store, spool, points(10)) == 28
        assert spool.depth() == 0
    too_long = "OverflowError: quality 9223372036854775807 to 9223372036854775807: 16 bits are allowed"
    assert letters(store) == [(1, too_long, "north/abc"), (1, "unknown quantity warmth", "north/abc")]
    assert readings.size(store)["reading"] == 28


@pytest.mark.postgres
@pytest.mark.slow
def test_postgresql_refuses_a_reading_too_and_takes_its_neighbours(postgres_database: str, tmp_path: Path) -> None:
    engine = open_store(postgres_database, create=True)
    migrations.upgrade(engine)
    bad = slot()
    bad.loc[7, "quality"] = 2**40
    bad.loc[3, "point_id"] = "x" * 200 + ".power"  # longer than any point id may be
    with Spool(tmp_path / "spool.db") as spool:
        spool.append(bad)
        spool.append(slot(hour=1))
        assert deliver(engine, spool, points(10)) == 18
        assert spool.depth() == 0
    assert [count for count, _, _ in letters(engine)] == [1, 1]
    assert readings.size(engine)["reading"] == 18


def test_a_torn_batch_becomes_a_dead_letter_as_it_is_and_blocks_no_other(store: Engine, tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.db") as spool:
        torn = spool.append(slot())
        spool.append(slot(hour=1))
        with sqlite3.connect(tmp_path / "spool.db") as base:
            base.execute("UPDATE batch SET content = substr(content, 1, 60) WHERE batch_id = ?", (torn,))
        assert deliver(store, spool, points(10)) == 10
        assert spool.depth() == 0
    with store.connect() as connection:
        row = connection.execute(select(t.dead_letter)).one()
    assert (row.letter_id, row.readings, len(row.content)) == (torn, 0, 60)


def test_a_store_that_goes_away_while_a_batch_is_halved_gets_each_reading_once(store: Engine, tmp_path: Path) -> None:
    class Flaky:
        """Refuses reading 5, keeps what it takes by batch id, and goes away on its seventh call."""

        at_once = 100

        def __init__(self) -> None:
            self.kept: dict[str, list[float]] = {}
            self.buried: dict[str, list[float]] = {}
            self.calls = 0

        def take(self, batches: list[Batch]) -> int:
            self.calls += 1
            if self.calls == 7:
                raise Away("gone")
            made = {batch.batch_id: batch.readings()["value"].tolist() for batch in batches}
            if any(5.0 in values for values in made.values()):
                raise Refused("five")
            self.kept |= made
            return sum(map(len, made.values()))

        def bury(self, batch: Batch, reason: str) -> None:
            self.buried[batch.batch_id] = batch.readings()["value"].tolist()

    sink = Flaky()
    with Spool(tmp_path / "spool.db") as spool:
        spool.append(slot())
        assert drain(spool, sink)[1] == "gone"
        assert spool.depth() == 1
        assert drain(spool, sink)[1] == ""
        assert spool.depth() == 0
    assert sorted(value for values in sink.kept.values() for value in values) == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert list(sink.buried.values()) == [[5]]
    assert store is not None


def test_a_batch_keeps_the_name_of_the_configuration_it_was_read_under(store: Engine, tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.db", origin="north/abc") as spool:
        batch_id = spool.append(slot())
        deliver(store, spool, points(10))
    with store.connect() as connection:
        assert connection.execute(select(t.batch_origin)).all() == [(batch_id, "north/abc")]


def test_a_batch_of_one_bad_reading_is_buried_without_being_halved() -> None:
    class Refusing:
        at_once = 1
        buried = 0

        def take(self, batches: list[Batch]) -> int:
            raise Refused("no")

        def bury(self, batch: Batch, reason: str) -> None:
            self.buried += 1

    sink = Refusing()
    assert halved(sink, Batch.of(slot(1))) == 0
    assert sink.buried == 1
    assert halved(sink, Batch.of(slot(8))) == 0
    assert sink.buried == 9


def test_a_dead_letter_that_is_stored_after_all_leaves_a_line_in_the_audit(store: Engine, tmp_path: Path) -> None:
    """A batch that could not be read is refused again, until it can."""
    city: Any = SimpleNamespace(points={p.id: p for p in points(10)})
    with Spool(tmp_path / "spool.db") as spool:
        torn = spool.append(slot())
        with sqlite3.connect(tmp_path / "spool.db") as base:
            (whole,) = base.execute("SELECT content FROM batch").fetchone()
            base.execute("UPDATE batch SET content = substr(content, 1, 60)")
        deliver(store, spool, points(10))
    at = SLOT.replace(hour=6)
    assert dead_letters.retry(store, city, "ada", at).startswith("0 of 1")
    assert results.rows(store, t.audit) == []
    with writing(store) as connection:
        connection.execute(t.dead_letter.update().values(content=whole))
    assert dead_letters.retry(store, city, "ada", at).startswith("1 of 1")
    (line,) = results.rows(store, t.audit)
    assert (line.who, line.action, line.subject, line.at_utc) == ("ada", "retry dead letter", torn[:12], at)
    assert (letters(store), readings.size(store)["reading"]) == ([], 10)
