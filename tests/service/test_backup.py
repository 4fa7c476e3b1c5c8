"""A backup gives back every row and file; what is damaged is found before anything is touched; a kill leaves the old data whole."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, select

from city.frames import Block
from city.problems import PenstockError
from city.quality import VALID
from city.quantities import Quantity
from meters.spool.spool import Spool
from service import migrations
from service import schema as t
from service.acquisition import StoreOutlet
from service.auditing.verifying import faults
from service.environment import Environment
from service.keeping import upgrading
from service.keeping.backup import back_up, verified
from service.keeping.restoring import restore
from service.lease import TakenOver, fenced, leased
from service.one_process import lock
from service.releases import RELEASE, REVISIONS
from service.store import cold, meter_days, open_store, operations, readings, revision, runs, writing
from tests.service.test_cold_storage import DAY, IDS, LATER, POINTS, everything, fill, slot
from tests.town import Town

NOW = datetime(2022, 7, 25, tzinfo=UTC)
Tables = dict[str, list[str]]


def environment(engine: Engine, folder: Path) -> Environment:
    """A city file and a home folder of their own on `engine`."""
    town = Town(folder, days=0).write()
    return Environment(city=town.file, home=folder, database_url=SecretStr(engine.url.render_as_string(hide_password=False)))


def lived(engine: Engine, folder: Path) -> Environment:
    """A city that has hot and cold readings, vectors, a run, a line of the audit table, and a batch in the spool."""
    made = environment(engine, folder)
    key_of = fill(engine, days=3)
    cold.archive(engine, folder, DAY + timedelta(days=1))
    day = (DAY, DAY + timedelta(days=1))
    values = np.arange(3 * 96, dtype=np.int64).reshape(3, 96)
    block = Block(tuple(IDS), DAY, timedelta(minutes=15), Quantity.ENERGY_KWH, values, np.full((3, 96), VALID, np.uint16))
    with writing(engine) as connection:
        meter_days.store(connection, block, [day], key_of, "night")
        operations.record(connection, DAY, "ada", "approve", "plan-1", "Ада approved 3 commands: agreed")
    runs.start_run(engine, "town", date(2022, 6, 15), "night", DAY, "0" * 64)
    with Spool(folder / "spool.db", 0) as spool:
        spool.append(slot(LATER, 500.0))
    return made


def tables(engine: Engine) -> Tables:
    """Every row of every table, without the audit line of a restore: it comes behind what was restored."""
    with engine.connect() as connection:
        found = {table.name: connection.execute(select(table)).all() for table in t.metadata.sorted_tables}
    del found["lease"]  # a restore takes it, and its token only ever grows
    found["audit"] = [row for row in found["audit"] if row.action != "restore"]
    return {name: sorted(repr(tuple(row)) for row in rows) for name, rows in found.items()}


def test_what_was_backed_up_is_what_comes_back(engine: Engine, tmp_path: Path) -> None:
    env = lived(engine, tmp_path / "home")
    before, readings_before = tables(engine), everything(engine, tmp_path / "home")
    assert "rows of" in back_up(env, tmp_path / "kept", NOW)
    key_of = readings.register_points(engine, POINTS)
    readings.store_batch(engine, "after", slot(LATER, 9.0, 9.0, 9.0), key_of)  # all this is undone
    cold.archive(engine, tmp_path / "home", LATER)
    shutil.rmtree(tmp_path / "home" / "cold")
    restore(env, tmp_path / "kept", DAY, replace=True)
    assert tables(engine) == before
    assert everything(engine, tmp_path / "home").equals(readings_before)
    with writing(engine) as connection:  # numbers go on where they were
        operations.record(connection, DAY, "ada", "hold", "*", "stop")
    with engine.connect() as connection:
        lines = connection.execute(select(t.audit).order_by(t.audit.c.audit_id)).all()
    assert [line.action for line in lines] == ["approve", "restore", "hold"]
    assert list(faults(lines)) == []  # one chain, from before the backup to behind the restore
    assert readings.store_batch(engine, "next", slot(LATER, 9.0, 9.0, 9.0), key_of) == 3


def test_a_backup_becomes_a_city_on_an_empty_machine(engine: Engine, tmp_path: Path) -> None:
    env = lived(engine, tmp_path / "home")
    before = tables(engine)
    back_up(env, tmp_path / "kept", NOW)
    if engine.dialect.name == "sqlite":
        new = Environment(city=env.city_file, home=tmp_path / "new")
    else:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        new = Environment(city=env.city_file, home=tmp_path / "new", database_url=env.database_url)
    restore(new, tmp_path / "kept", DAY)
    store = open_store(new.url)
    assert tables(store) == before
    assert len(everything(store, tmp_path / "new")) == 36
    with Spool(tmp_path / "new" / "spool.db", 0) as spool:
        assert spool.depth() == 1
    assert (tmp_path / "kept" / "city" / "city.toml").read_bytes() == env.city_file.read_bytes()


def test_the_backup_of_another_city_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    env = lived(made(tmp_path), tmp_path / "home")
    back_up(env, tmp_path / "kept", NOW)
    other = tmp_path / "other.toml"
    other.write_text(env.city_file.read_text().replace('id = "town"', 'id = "elsewhere"', 1))
    with pytest.raises(PenstockError, match=r"of the city 'town'; allowed: one of 'elsewhere'"):
        restore(Environment(city=other, home=tmp_path / "new"), tmp_path / "kept", DAY, replace=True)
    assert not (tmp_path / "new").exists()


def test_readings_that_wait_now_and_those_that_waited_then_are_all_delivered(tmp_path: Path) -> None:
    engine = made(tmp_path)
    env = lived(engine, tmp_path / "home")
    back_up(env, tmp_path / "kept", NOW)
    with Spool(tmp_path / "home" / "spool.db", 0) as spool:
        (then,) = spool.waiting_batches(10)
        spool.acknowledge(then.batch_id)  # delivered since, into the database that is about to go
        now = spool.append(slot(LATER + timedelta(hours=6), 501.0))
    assert "1 batches wait" in restore(env, tmp_path / "kept", DAY, replace=True)
    with Spool(tmp_path / "home" / "spool.db", 0) as spool:
        assert {batch.batch_id for batch in spool.waiting_batches(10)} == {then.batch_id, now}


def test_what_stations_sent_and_the_database_does_not_have_yet_is_in_the_backup(tmp_path: Path) -> None:
    env = lived(made(tmp_path), tmp_path / "home")
    with Spool(tmp_path / "home" / "received.db", 0) as spool:
        sent = spool.append(slot(LATER + timedelta(hours=9), 7.0))
    back_up(env, tmp_path / "kept", NOW)
    assert "2 batches wait" in restore(Environment(city=env.city_file, home=tmp_path / "new"), tmp_path / "kept", DAY)
    with Spool(tmp_path / "new" / "received.db", 0) as spool:
        assert [batch.batch_id for batch in spool.waiting_batches(10)] == [sent]


def test_a_poll_that_runs_on_over_a_restore_stores_nothing_under_the_key_of_another_point(engine: Engine, tmp_path: Path) -> None:
    env = environment(engine, tmp_path / "home")
    back_up(env, tmp_path / "kept", NOW)  # before the first point was read
    outlet = StoreOutlet(SimpleNamespace(points={point.id: point for point in POINTS}), engine)  # type: ignore[arg-type]
    with Spool(tmp_path / "home" / "spool.db", 0) as spool:
        spool.append(slot(DAY, 1.0, 2.0, 3.0))
        assert outlet.deliver(spool, DAY) == 3
        restore(env, tmp_path / "kept", DAY, replace=True)
        readings.register_points(engine, POINTS[::-1])  # another process is first, with the points in another order
        spool.append(slot(LATER, 4.0, 5.0, 6.0))
        assert outlet.deliver(spool, LATER) == 3
    found = readings.hot(engine, IDS, LATER, LATER + timedelta(minutes=15))
    assert dict(zip(found["point_id"], found["value"], strict=True)) == dict(zip(IDS, (4.0, 5.0, 6.0), strict=True))


@pytest.mark.postgres
def test_no_restore_while_a_night_runs_elsewhere_and_none_before_it_writes_after_it(postgres_database: str, tmp_path: Path) -> None:
    engine = open_store(postgres_database, create=True)
    migrations.upgrade(engine)
    env = environment(engine, tmp_path / "home")
    with leased(engine) as frozen:
        back_up(env, tmp_path / "kept", NOW)  # it holds this very lease
        with pytest.raises(PenstockError, match="one night at a time"):
            restore(env, tmp_path / "kept", DAY, replace=True)
    restore(env, tmp_path / "kept", DAY, replace=True)
    with pytest.raises(TakenOver), writing(fenced(engine, frozen)) as connection:
        operations.record(connection, DAY, "eve", "hold", "*", "late")
    with leased(engine) as next_one:
        assert next_one.token > frozen.token + 1


@pytest.mark.postgres
def test_a_session_that_stays_in_a_table_is_told_and_nothing_is_changed(
    postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_store(postgres_database, create=True)
    migrations.upgrade(engine)
    env = environment(engine, tmp_path / "home")
    back_up(env, tmp_path / "kept", NOW)
    monkeypatch.setattr("service.keeping.restoring.LONGEST_S", 1)
    with engine.connect() as idle:
        idle.execute(select(t.run)).all()  # in a transaction that nobody ends
        for change in (lambda: restore(env, tmp_path / "kept", DAY, replace=True), lambda: upgrading.downgrade(env, DAY, "0.1.0")):
            with pytest.raises(PenstockError, match="another session holds a table"):
                change()
    assert revision(engine) == REVISIONS[RELEASE]


@pytest.mark.parametrize("name", ["poll", "night"])
def test_no_restore_while_poll_or_a_night_runs(name: str, tmp_path: Path) -> None:
    engine = made(tmp_path)
    env = lived(engine, tmp_path / "home")
    back_up(env, tmp_path / "kept", NOW)
    readings.store_batch(engine, "after", slot(LATER, 9.0), readings.register_points(engine, POINTS))
    before = tables(engine)
    with lock(env.folder, name), pytest.raises(PenstockError, match=f"one {name} at a time"):
        restore(env, tmp_path / "kept", DAY, replace=True)
    assert tables(engine) == before


def told_otherwise(kept: Path, old: str, new: str) -> None:
    """Another word in a backup's manifest, and the sum that fits it."""
    manifest, sums = kept / "manifest.json", kept / "SHA256SUMS"
    manifest.write_text(manifest.read_text().replace(old, new))
    lines = [line for line in sums.read_text().splitlines() if "manifest.json" not in line]
    sums.write_text("\n".join([*lines, f"{cold.sync(manifest)[0]}  manifest.json"]) + "\n")


def test_a_backup_of_a_newer_release_is_refused_before_anything_is_touched(engine: Engine, tmp_path: Path) -> None:
    env = lived(engine, tmp_path / "home")
    back_up(env, tmp_path / "kept", NOW)
    told_otherwise(tmp_path / "kept", f'"revision": "{REVISIONS[RELEASE]}"', '"revision": "9999"')
    with writing(engine) as connection:
        operations.record(connection, DAY, "ada", "hold", "*", "after the backup")
    before = tables(engine)
    with pytest.raises(PenstockError, match="Install the newer release"):
        restore(env, tmp_path / "kept", DAY, replace=True)
    assert tables(engine) == before


def made(folder: Path) -> Engine:
    store = open_store(f"sqlite:///{folder / 'home' / 'penstock.db'}", create=True)
    migrations.upgrade(store)
    return store


def test_a_database_that_is_there_is_not_replaced_unasked(engine: Engine, tmp_path: Path) -> None:
    env = lived(engine, tmp_path / "home")
    back_up(env, tmp_path / "kept", NOW)
    before = tables(engine)
    with pytest.raises(PenstockError, match=r"a database is there already.*give --replace"):
        restore(env, tmp_path / "kept", DAY)
    with pytest.raises(PenstockError, match="is there already"):
        back_up(env, tmp_path / "kept", DAY)
    assert tables(engine) == before


def test_a_flipped_byte_in_any_file_is_found_before_anything_is_touched(engine: Engine, tmp_path: Path) -> None:
    env = lived(engine, tmp_path / "home")
    back_up(env, tmp_path / "kept", NOW)
    readings.store_batch(engine, "after", slot(LATER, 9.0), readings.register_points(engine, POINTS))
    before = tables(engine)
    files = [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    assert {"manifest.json", "SHA256SUMS", "city.toml", "spool.db"} < {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        for at in {len(content) // 2, len(content) - 1} if content else set():
            path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            with pytest.raises(PenstockError, match="Use another backup"):
                restore(env, tmp_path / "kept", DAY, replace=True)
        path.unlink()
        with pytest.raises(PenstockError, match=r"Use another backup|Check the path"):
            restore(env, tmp_path / "kept", DAY, replace=True)
        path.write_bytes(content)
    lines = (tmp_path / "kept" / "SHA256SUMS").read_text().splitlines(keepends=True)
    (tmp_path / "kept" / "SHA256SUMS").write_text("".join(lines[1:]))
    with pytest.raises(PenstockError, match="files listed"):
        verified(tmp_path / "kept")
    assert tables(engine) == before


def test_a_damaged_cold_file_is_not_backed_up_as_if_it_were_whole(tmp_path: Path) -> None:
    env = lived(made(tmp_path), tmp_path / "home")
    (file,) = (tmp_path / "home" / "cold").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(PenstockError, match="is not as it was written"):
        back_up(env, tmp_path / "kept", NOW)
    assert not (tmp_path / "kept").exists()


def test_a_backup_made_while_a_batch_is_being_stored_has_all_or_nothing_of_it(engine: Engine, tmp_path: Path) -> None:
    env = lived(engine, tmp_path / "home")
    before = tables(engine)
    with writing(engine) as connection:
        connection.execute(t.batch.insert().values(batch_no=999, batch_id="half", readings=1))
        back_up(env, tmp_path / "kept", NOW)
    restore(env, tmp_path / "kept", DAY, replace=True)
    assert tables(engine) == before


def test_a_backup_of_one_kind_of_database_is_not_put_into_another(tmp_path: Path) -> None:
    env = lived(made(tmp_path), tmp_path / "home")
    back_up(env, tmp_path / "kept", NOW)
    told_otherwise(tmp_path / "kept", '"sqlite"', '"postgresql"')
    with pytest.raises(PenstockError, match="a backup of sqlite"):
        restore(env, tmp_path / "kept", DAY, replace=True)


def test_the_commands_say_what_they_did(tmp_path: Path) -> None:
    town = Town(tmp_path / "town", days=0).write()
    assert town.penstock("init").code == 0
    assert "files" in town.penstock("backup", str(tmp_path / "kept")).out
    assert "Back that up first" in town.penstock("restore", str(tmp_path / "kept")).err
    said = town.penstock("restore", str(tmp_path / "kept"), "--replace")
    assert (said.code, "town as of" in said.out) == (0, True)
