"""An upgrade that is killed at any moment that can be seen leaves the store of one release or the other, whole."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from service import releases
from service.environment import Environment
from service.keeping import upgrading
from service.keeping.backup import verified
from service.store import revision
from tests.keeping.former import REVISION
from tests.keeping.lived import Contents, Old, contents

AT = datetime(2022, 6, 16, 6, tzinfo=UTC)


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
