"""From the release before to this one and back, by the code of both: no row is lost, whatever is killed, and each goes on with it."""

import multiprocessing
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, create_engine, inspect

from city.problems import PenstockError
from service import migrations, releases
from service.environment import Environment
from service.keeping import upgrading
from service.keeping.backup import verified
from service.one_process import lock
from service.store import open_store, revision
from tests.keeping.former import RELEASE, REVISION, commands, release
from tests.town import NOW, Said, Town

AT = datetime(2022, 6, 16, 6, tzinfo=UTC)
NOW_OWN, NOW_LAST = "2022-06-17T00:30+02:00", "2022-06-18T00:30+02:00"
READINGS = (
    "!from service.environment import Environment; from service.store import open_store; "
    "from tests.service.test_cold_storage import fill; fill(open_store(Environment().url))"
)
Contents = dict[str, tuple[tuple[str, ...], list[str]]]


@dataclass(frozen=True)
class Old:
    """A town that the release before made, and that release."""

    town: Town
    code: Path
    url: str

    @property
    def environment(self) -> Environment:
        url = SecretStr(self.url) if self.url else None
        return Environment(city=self.town.file, home=self.town.folder, database_url=url)

    @property
    def engine(self) -> Engine:
        return create_engine(self.environment.url)

    def penstock(self, *words: str) -> Said:
        return self.town.penstock(*words, **({"DATABASE_URL": self.url} if self.url else {}))

    def former(self, *words: str) -> list[Said]:
        return commands(self.code, self.town.folder, *words, url=self.url)

    def copy(self, folder: Path) -> "Old":
        shutil.copytree(self.town.folder, folder)
        return Old(Town(folder, days=self.town.days), self.code, self.url)


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return release(tmp_path_factory.mktemp("former") / "code")


def lived(code: Path, folder: Path, url: str = "") -> Old:
    """Nine days of history, readings, a night and an approval, all by the code of the release before."""
    old = Old(Town(folder, days=9).write(), code, url)
    approve = "approve|latest|--who|ada|--reason|agreed|--now|2022-06-16T00:40+02:00"
    said = old.former("init", "import", READINGS, f"night|--now|{NOW}", approve, "verify")
    assert [one.code for one in said] == [0, 0, 0, 2, 0, 0]
    return old


@pytest.fixture(scope="module")
def former(code: Path, tmp_path_factory: pytest.TempPathFactory) -> Old:
    """That town on SQLite; tests must not write to it."""
    return lived(code, tmp_path_factory.mktemp("lived") / "town")


def contents(engine: Engine, like: Contents | None = None) -> Contents:
    """Every row of every table as the database gives it, by nobody's model; `like` another one: of its tables and columns."""
    with engine.connect() as connection:
        names = like if like is not None else {name for name in inspect(connection).get_table_names() if not name.startswith("reading_2")}
        return {name: _rows(connection, name, like) for name in names if name != "alembic_version"}


def _rows(connection: Connection, name: str, like: Contents | None) -> tuple[tuple[str, ...], list[str]]:
    columns = like[name][0] if like is not None else tuple(one["name"] for one in inspect(connection).get_columns(name))
    listed = ", ".join(f'"{column}"' for column in columns)
    return columns, sorted(repr(tuple(row)) for row in connection.exec_driver_sql(f"SELECT {listed} FROM {name}"))  # noqa: S608


def differing(before: Contents, after: Contents) -> set[str]:
    return {name for name in before if before[name] != after[name]}


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


def _appears(pattern: str) -> Callable[[Path], bool]:
    return lambda home: any((home / upgrading.FOLDER).glob(pattern))


def _committed(home: Path) -> bool:
    engine = create_engine(f"sqlite:///{home / 'penstock.db'}")
    try:
        return revision(engine) == releases.REVISIONS[releases.RELEASE]
    finally:
        engine.dispose()


def _wal_grows(home: Path) -> bool:
    wal = home / "penstock.db-wal"
    return _appears("*[0-9Z]")(home) and wal.exists() and wal.stat().st_size > 0


MOMENTS: dict[str, tuple[Callable[[Path], bool], float]] = {  # what is seen, and how much later [s] the process is killed
    "the backup begins": (_appears("*.part"), 0.0),
    "the database is being copied": (_appears("*.part/database/penstock.db"), 0.0),
    "the manifest is written": (_appears("*.part/manifest.json"), 0.0),
    "the backup has its name": (_appears("*Z"), 0.0),
    "5 ms later": (_appears("*Z"), 0.005),
    "15 ms later": (_appears("*Z"), 0.015),
    "the log of the database grows": (_wal_grows, 0.0),
    "it is committed": (_committed, 0.0),
    "and 10 ms later": (_committed, 0.01),
}


@pytest.fixture(scope="module")
def undisturbed(former: Old, tmp_path_factory: pytest.TempPathFactory) -> Contents:
    old = former.copy(tmp_path_factory.mktemp("undisturbed") / "town")
    upgrading.upgrade(old.environment, AT)
    return contents(old.engine)


@pytest.fixture(scope="module")
def states() -> Iterator[dict[str, str]]:
    """{moment: revision that the kill left}: both must have been met, else the kills came too early or too late to show anything."""
    met: dict[str, str] = {}
    yield met
    assert len(met) < len(MOMENTS) or set(met.values()) == {REVISION, releases.REVISIONS[releases.RELEASE]}


@pytest.fixture(scope="module")
def server() -> multiprocessing.context.ForkServerContext:
    """Makes processes that have loaded everything and have no threads."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["service.keeping.upgrading", "pytest"])
    return made


def upgrade_and_stay(home: Path) -> None:
    upgrading.upgrade(Environment(city=home / "city.toml", home=home), AT)
    time.sleep(60)  # done, and not gone yet


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_upgrade_killed_at_any_moment_ends_as_if_it_had_not_been(
    moment: str,
    former: Old,
    undisturbed: Contents,
    states: dict[str, str],
    server: multiprocessing.context.ForkServerContext,
    tmp_path: Path,
) -> None:
    old = former.copy(tmp_path / "town")
    before = contents(old.engine)
    seen, later_s = MOMENTS[moment]
    child = server.Process(target=upgrade_and_stay, args=(old.town.folder,))
    child.start()
    until = time.monotonic() + 50
    while not seen(old.town.folder) and child.is_alive():
        assert time.monotonic() < until, f"{moment}: never seen"
        time.sleep(0.0005)
    time.sleep(later_s)
    child.kill()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    left = revision(old.engine)
    states[moment] = left
    if left == REVISION:
        assert contents(old.engine) == before
    told = upgrading.upgrade(old.environment, AT)
    assert contents(old.engine) == undisturbed
    (kept,) = (old.town.folder / upgrading.FOLDER).iterdir()
    assert verified(kept)["revision"] == REVISION
    assert ("already" in told[0]) == (left != REVISION)
