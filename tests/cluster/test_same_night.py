"""A night on a scheduler and two workers gives the tables of one process, bit for bit; what is lost on the way costs time only."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service import schema as t
from service.store import open_store
from tests.cluster.processes import Cluster
from tests.town import NOW, Town

pytestmark = [pytest.mark.slow, pytest.mark.postgres]
METERS = "".join(
    f'  {{ id = "home-{i}", unit = {10 + i}, link = "field", site = "here", model = "electricity-meter", commodity = "electricity", '
    f'role = "load", forecast = "{kind}" }},\n'
    for i, kind in enumerate(("load", "pv", "load"))
)


def rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Every table that a rerun must reproduce."""
    engine = open_store(url)
    with engine.connect() as connection:
        found = {table.name: sorted(map(tuple, connection.execute(select(table)).all()), key=repr) for table in t.RESULTS}
    engine.dispose()
    return found


def differing(one: dict[str, list[tuple[object, ...]]], other: dict[str, list[tuple[object, ...]]]) -> list[str]:
    return [name for name in one if one[name] != other[name]]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    town = Town(tmp_path_factory.mktemp("cluster") / "town")
    return town.changed("head", "meters = [\n", f"meters = [\n{METERS}").write()


@pytest.fixture(scope="module")
def alone(town: Town) -> dict[str, list[tuple[object, ...]]]:
    """The night in one process, on SQLite."""
    for command in (["init"], ["import"], ["night", "--now", NOW]):
        assert town.penstock(*command).code in (0, 2)
    return rows(town.database)


@contextmanager
def cluster(town: Town, url: str, tmp_path: Path) -> Iterator[tuple[Town, Cluster]]:
    """The same town on PostgreSQL, imported, with the scheduler's address in its city file."""
    there = Town(tmp_path / "town", head=town.head, parts=town.parts).write()
    with Cluster(there, url) as running:
        there.file.write_text(there.file.read_text() + f'\n[night]\nworkers = "{running.address}"\n')
        for command in (["init"], ["import"]):
            assert there.penstock(*command, DATABASE_URL=url).code == 0
        yield there, running


def night(there: Town, url: str, until: Callable[[], None] = lambda: None) -> int:
    """The night as a process; `until` is called once it has started."""
    environment = {**os.environ, "PENSTOCK_CITY": str(there.file), "PENSTOCK_HOME": str(there.folder), "PENSTOCK_DATABASE_URL": url}
    process = subprocess.Popen([sys.executable, "-m", "service.cli", "night", "--now", NOW], env=environment | {"OMP_NUM_THREADS": "1"})
    until()
    return process.wait(timeout=200)


def busy(running: Cluster) -> int:
    """Wait until a worker works on a task; its process id."""
    from dask.distributed import Client

    with Client(running.address, set_as_default=False) as client:
        for _ in range(600):
            calls = client.processing()
            there = client.scheduler_info(n_workers=-1)["workers"]
            for address, tasks in calls.items():
                if tasks and address in there:  # it is told a moment later
                    return int(there[address]["name"].rsplit("-", 1)[1])
            time.sleep(0.02)
    raise AssertionError("no worker was given a task")


def answered(running: Cluster) -> dict[str, int]:
    """{kind of task: how many the workers answered}: a night does itself what nobody else does, and then shows nothing of them."""
    from dask.distributed import Client

    def counts(dask_scheduler: Any) -> dict[str, int]:
        return {name: prefix.state_counts["memory"] for name, prefix in dask_scheduler.task_prefixes.items()}

    with Client(running.address, set_as_default=False) as client:
        found: dict[str, int] = client.run_on_scheduler(counts)
    return found


def test_two_workers_give_the_tables_of_one_process_bit_for_bit(town, alone, postgres_database: str, tmp_path: Path) -> None:
    with cluster(town, postgres_database, tmp_path) as (there, running):
        running.add_worker(), running.add_worker()
        assert night(there, postgres_database) in (0, 2)
        assert answered(running).get("learn", 0) >= 2, "training was not shared out"
        assert answered(running).get("share", 0) >= 2, "forecasts were not shared out"
        assert differing(rows(postgres_database), alone) == []


def test_a_worker_killed_mid_night_costs_only_its_tasks(town, alone, postgres_database: str, tmp_path: Path) -> None:
    with cluster(town, postgres_database, tmp_path) as (there, running):
        running.add_worker(), running.add_worker()
        assert night(there, postgres_database, lambda: os.kill(busy(running), signal.SIGKILL)) in (0, 2)
        assert sum(worker.poll() is not None for worker in running.workers) == 1
        assert differing(rows(postgres_database), alone) == []


def test_a_scheduler_killed_mid_night_costs_time_only(town, alone, postgres_database: str, tmp_path: Path) -> None:
    with cluster(town, postgres_database, tmp_path) as (there, running):
        running.add_worker()

        def kill() -> None:
            busy(running)
            running.scheduler.kill()

        assert night(there, postgres_database, kill) in (0, 2)
        assert differing(rows(postgres_database), alone) == []
