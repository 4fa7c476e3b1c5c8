"""From the release before to this one and back, by the code of both: no row is lost, and each goes on with it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, inspect

from city.problems import PenstockError
from service import migrations, releases
from service.keeping import upgrading
from service.keeping.backup import verified
from service.one_process import lock
from service.store import open_store, revision
from tests.keeping.former import RELEASE, REVISION
from tests.keeping.lived import Old, contents, differing, lived
from tests.town import Town

AT = datetime(2022, 6, 16, 6, tzinfo=UTC)
NOW_OWN, NOW_LAST = "2022-06-17T00:30+02:00", "2022-06-18T00:30+02:00"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def old(request: pytest.FixtureRequest, code: Path, tmp_path: Path) -> Old:
    if request.param == "sqlite":
        made: Old = request.getfixturevalue("former").copy(tmp_path / "town")
        return made
    return lived(code, tmp_path / "town", request.getfixturevalue("postgres_database"))


@pytest.mark.slow
def test_a_store_of_the_release_before_comes_along_row_by_row_has_a_night_goes_back_and_the_old_code_goes_on(old: Old) -> None:
    before = contents(old.engine)
    assert {name for name in ("reading", "meter_day", "audit", "ledger_batch", "plan", "approval") if not before[name][1]} == set()
    refused = old.penstock("status")
    assert (refused.code, f"revision {REVISION} of release {RELEASE}" in refused.err, "penstock upgrade" in refused.err) == (1, True, True)
    asked = old.penstock("upgrade", "--check")
    assert (asked.code, "0012: The service itself" in asked.out) == (0, True)
    assert contents(old.engine) == before
    assert not (old.town.folder / upgrading.FOLDER).exists()

    done = old.penstock("upgrade", "--now", AT.isoformat())
    assert (done.code, "new in run: config_author, config_changed" in done.out) == (0, True)
    (kept,) = (old.town.folder / upgrading.FOLDER).iterdir()
    assert verified(kept)["revision"] == REVISION
    after = contents(old.engine, before)
    assert differing(before, after) == {"audit"}
    (line,) = set(after["audit"][1]) - set(before["audit"][1])
    assert "'upgrade', 'town'" in line
    assert [old.penstock(*words).code for words in (("verify",), ("audit", "verify"), ("night", "--now", NOW_OWN))] == [0, 0, 2]

    before = contents(old.engine)
    back = old.penstock("downgrade", "--to", RELEASE, "--now", AT.isoformat())
    assert (back.code, "tables that go, with their rows: " in back.out, "gone from run" in back.out) == (0, True, True)
    with old.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) >= set(before) - {"lease", "removal"}.union(TAKEN_BACK)
    left = {name: rows for name, rows in before.items() if name not in {*TAKEN_BACK, "run"}}
    assert differing(left, contents(old.engine, left)) == {"audit"}
    status, night, proof = old.former("status", f"night|--now|{NOW_LAST}", "verify")
    assert (status.code, "night of 2022-06-17" in status.out) == (2, True)
    assert night.code == 2
    assert (proof.code, "ledger" in proof.all or "entries" in proof.all) == (0, True)
    assert old.penstock("upgrade").code == 0  # and up again, with the night that the old code made
    assert "night of 2022-06-18" in old.penstock("status").out


TAKEN_BACK = {"lease", "config_version", "zone_out", "notice", "up_span", "stored_lag", "api_hour", "level_day", "removal"}


@pytest.mark.slow
def test_the_backup_of_an_upgrade_goes_back_into_the_release_before_by_its_own_restore(former: Old, tmp_path: Path) -> None:
    old = former.copy(tmp_path / "town")
    before = contents(old.engine)
    upgrading.upgrade(old.environment, AT)
    (kept,) = (old.town.folder / upgrading.FOLDER).iterdir()
    fresh = Old(Town(tmp_path / "fresh", days=9).write(), old.code, "")
    (said,) = fresh.former(f"restore|{kept}")
    assert said.code == 0
    assert differing(before, contents(fresh.engine, before)) == {"audit"}  # the line of the restore


def test_an_upgrade_of_what_is_up_to_date_and_a_downgrade_to_what_is_unknown_are_sentences(tmp_path: Path) -> None:
    town = Town(tmp_path / "town", days=0).write()
    assert "Run `penstock init`" in town.penstock("upgrade").err
    assert town.penstock("init").code == 0
    for words in (["upgrade"], ["upgrade", "--check"], ["downgrade", "--to", releases.RELEASE]):
        said = town.penstock(*words)
        assert (said.code, "is of revision 0012 of release 0.2.0 already" in said.out) == (0, True)
    assert "one of 0.1.0, 0.2.0" in town.penstock("downgrade", "--to", "0.0.9").err


def test_backups_of_changes_that_came_through_stay_when_the_same_change_is_made_again(tmp_path: Path) -> None:
    """What 0.1.0 cannot hold is in the backup of the way down alone; what a killed attempt left goes."""
    town = Town(tmp_path / "town", days=0).write()
    assert town.penstock("init").code == 0
    folder = tmp_path / "town" / upgrading.FOLDER
    for hour, words in enumerate((["downgrade", "--to", "0.1.0"], ["upgrade"], ["downgrade", "--to", "0.1.0"])):
        if hour == 2:
            (folder / "town-before-0011-20220616T023000Z").mkdir()  # killed
            (folder / "town-before-0011-20220616T024000Z.part").mkdir()
        assert town.penstock(*words, "--now", f"2022-06-16T0{hour + 1}:00+00:00").code == 0
    found = sorted(path.name for path in folder.iterdir())
    assert found == [f"town-before-{to}-20220616T0{hour}0000Z" for to, hour in (("0011", 1), ("0011", 3), ("0012", 2))]


def test_a_store_of_a_newer_release_is_refused_by_every_command(tmp_path: Path) -> None:
    town = Town(tmp_path / "town", days=0).write()
    assert town.penstock("init").code == 0
    with open_store(town.database).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0099'")
    for words in (["status"], ["night"], ["upgrade"], ["init"], ["downgrade", "--to", "0.1.0"], ["backup", str(tmp_path / "kept")]):
        said = town.penstock(*words)
        assert (said.code, "Install the newer release again" in said.err) == (1, True), words


@pytest.mark.slow
def test_an_upgrade_that_would_lose_a_row_or_finds_a_broken_chain_changes_nothing(
    former: Old, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = former.copy(tmp_path / "town")
    before = contents(old.engine)
    for name in ("poll", "night"):
        with lock(old.town.folder, name), pytest.raises(PenstockError, match=f"one {name} at a time"):
            upgrading.upgrade(old.environment, AT)
    true_upgrade = migrations.upgrade

    def lossy(engine: Engine, to: str, connection: Connection) -> None:
        true_upgrade(engine, to, connection)
        connection.exec_driver_sql("DELETE FROM meter_day WHERE version = 1 AND point_key = 1")

    with monkeypatch.context() as patch:
        patch.setattr(upgrading.migrations, "upgrade", lossy)
        with pytest.raises(PenstockError, match=r"table meter_day: .* rows after the change"):
            upgrading.upgrade(old.environment, AT)
    assert (contents(old.engine), revision(old.engine)) == (before, REVISION)
    with old.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit SET who = 'eve' WHERE audit_id = 1")
    for words in (["upgrade", "--check"], ["upgrade"]):
        said = old.penstock(*words)
        assert (said.code, "audit line 1: its fields do not give its SHA-256" in said.err) == (1, True)
    assert revision(old.engine) == REVISION
