"""From empty to head and back, on both databases; what alembic makes is what the schema says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, TableClause, column, inspect, select, table

from city.problems import PenstockError
from city.quality import VALID, Cause, missing
from service import migrations
from service import schema as t
from service.schema import metadata
from service.store import open_store, writing
from service.store.vectors import pack_int, pack_quality
from service.utctime import UtcTime


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    days = ("remove_table", "remove_index")  # PostgreSQL's partitions by day, and their parts of an index
    return [one for one in found if not (one[0] in days and one[1].name.startswith("reading_2"))]


def test_sqlite_goes_from_empty_to_head_and_back(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'p.db'}", create=True)
    migrations.upgrade(engine)
    assert differences(engine) == []
    migrations.downgrade(engine, "base")
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}


@pytest.mark.postgres
@pytest.mark.slow
def test_postgresql_goes_from_empty_to_head_and_back(postgres_database: str) -> None:
    engine = open_store(postgres_database, create=True)
    migrations.upgrade(engine)
    assert differences(engine) == []
    migrations.downgrade(engine, "base")
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}


AT = datetime(2022, 6, 14, 22, tzinfo=UTC)
OLD = {
    "batch": [("a" * 64, 2), ("b" * 64, 1)],
    "reading": [  # time, point, value, quality, received
        (AT, 1, 1500, 1, AT + timedelta(seconds=2.5)),
        (AT, 2, None, 256, AT + timedelta(seconds=2.5)),
        (AT + timedelta(hours=3), 1, 1600, 1, AT + timedelta(hours=4)),
        (AT + timedelta(hours=4), 1, 1650, 1, AT + timedelta(hours=4) - timedelta(seconds=2.5)),  # the station's clock was ahead
    ],
    "conflict": [(AT, 1, 1700, "b" * 64)],
}
NAMES = {
    "batch": ("batch_id", "readings"),
    "reading": ("time_utc", "point_key", "value", "quality", "received_at_utc"),
    "conflict": ("time_utc", "point_key", "value", "batch_id"),
    "meter_day": ("point_key", "day_start_utc", "step_s", "amounts", "quality", "total", "source"),
}


def old(name: str) -> TableClause:
    """A table as the first release had it."""
    return table(name, *(column(one, UtcTime() if one.endswith("_utc") else None) for one in NAMES[name]))


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])])
def test_readings_of_the_first_release_come_along_and_back(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'p.db'}" if database == "sqlite" else request.getfixturevalue("postgres_database")
    engine = open_store(url, create=True)
    migrations.upgrade(engine, "0001")
    quality = np.array([VALID, missing(Cause.TIMEOUT), VALID], dtype=np.uint16)
    vector = (1, AT, 900, pack_int(np.array([100, 999, 300])), pack_quality(quality), None, "night")
    with writing(engine) as connection:
        for name, rows in {**OLD, "meter_day": [vector]}.items():
            connection.execute(old(name).insert(), [dict(zip(NAMES[name], row, strict=True)) for row in rows])
    migrations.upgrade(engine)
    assert differences(engine) == []
    with engine.connect() as connection:
        assert connection.execute(
            select(t.reading.c.value, t.reading.c.late_s).order_by(t.reading.c.time_utc, t.reading.c.point_key)
        ).all() == [
            (1500, 3),
            (None, 3),
            (1600, 3600),
            (1650, -2),
        ]
        assert connection.execute(
            select(t.conflict.c.value, t.batch.c.batch_id).join(t.batch, t.batch.c.batch_no == t.conflict.c.batch_no)
        ).all() == [(1700, "b" * 64)]
        assert connection.execute(select(t.meter_day.c.amount_sum)).scalars().all() == [400]
    migrations.downgrade(engine, "0001")
    with engine.connect() as connection:
        back = connection.execute(select(old("reading")).order_by(column("time_utc"), column("point_key"))).all()
        assert [row[:4] for row in back] == [row[:4] for row in OLD["reading"]]
        assert [row[4] - row[0] for row in back] == [timedelta(seconds=3), timedelta(seconds=3), timedelta(hours=1), timedelta(seconds=-2)]
        assert connection.execute(select(old("conflict"))).all() == OLD["conflict"]
        assert connection.execute(select(old("batch")).order_by(column("batch_id"))).all() == OLD["batch"]


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])])
def test_an_open_leak_of_the_release_before_comes_along_and_back(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """It stays open, as reported when it was seen; findings and the state of the watch do not outlive the way back, the case does."""
    url = f"sqlite:///{tmp_path / 'p.db'}" if database == "sqlite" else request.getfixturevalue("postgres_database")
    engine = open_store(url, create=True)
    migrations.upgrade(engine, "0008")
    old = {"case_id": "leak-1", "night": AT.date(), "start_utc": AT, "seen_utc": AT + timedelta(hours=1), "zone_id": "a", "pipe": "7",
           "flow_m3_per_h": 9.0, "state": "open", "sentence": "A leak.", "candidates": [{"pipe": "7", "posterior": 1.0}]}  # fmt: skip
    before = table("leak_case", *(column(name, t.leak_case.c[name].type) for name in old))
    with writing(engine) as connection:
        connection.execute(before.insert(), [old])
    migrations.upgrade(engine)
    with writing(engine) as connection:
        (case,) = connection.execute(select(t.leak_case))
        assert (case.state, case.reported_utc, case.kind, case.leak_id, case.worth) == ("open", old["seen_utc"], "burst", None, "")
        finding = {"case_id": "leak-1", "pipe": "7", "at_utc": AT, "found": True, "who": "ada", "note": ""}
        connection.execute(t.leak_finding.insert(), [finding, finding])  # numbers are given by the database
        watch = {"city": "a", "inputs": "", "calibrated_utc": AT, "until_utc": AT, "state": b"\0\xff"}
        connection.execute(t.leak_watch.insert(), [watch])
    migrations.downgrade(engine, "0008")
    with engine.connect() as connection:
        assert [row._mapping for row in connection.execute(select(before))] == [old]
    migrations.upgrade(engine)
    assert differences(engine) == []


def test_a_database_without_tables_names_the_command_that_makes_them(tmp_path: Path) -> None:
    with pytest.raises(PenstockError, match="penstock init"):
        open_store(f"sqlite:///{tmp_path / 'empty.db'}")


def test_an_unknown_database_url_is_a_sentence() -> None:
    with pytest.raises(PenstockError, match="PENSTOCK_DATABASE_URL"):
        open_store("nonsense://x", create=True)
