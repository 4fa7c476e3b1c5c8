"""The faults of `benchmarks.chaos --faults`, each real, each on the city as it was before the step that it hits; then the script goes on.

A fault is a function that puts the city through it and returns the verdict on what is stored in the end.
"""

import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from benchmarks._chaos_city import City
from benchmarks._chaos_judge import NotHere, NotSo, Verdict
from benchmarks._chaos_process import Running
from benchmarks._chaos_script import Doer, Step, script
from benchmarks.chaos import Site, say
from city.problems import PenstockError, Problem
from service import schema as t
from service.store import results

ALARMS = ("alarm", "alarm_event")  # of a fault that Penstock rightly told of by an alarm: another night has none
AWAY_S = 7.0  # longer than a writer waits for the lock of SQLite (5 s)


@dataclass
class Scene:
    """A city before the step `name`, and who gives the commands from there on."""

    made: Site
    name: str

    def __post_init__(self) -> None:
        self.city: City = self.made.stage(self.name)
        self.doer = Doer(self.made.server, self.city)
        steps = script(self.city)
        self.steps = list(steps[[step.name for step in steps].index(self.name) :])

    @property
    def step(self) -> Step:
        return self.steps[0]

    def start(self, file_bytes: int = 0) -> Running:
        """Give the step's command, and do not wait."""
        return self.made.server.start(self.step.words, self.city.environment, file_bytes)

    def finish(self, name: str, but: str = "", apart: tuple[str, ...] = (), again: bool = False) -> Verdict:
        """Give the step's command, if need be again, and all that follow; the verdict on what is stored then."""
        for step in self.steps:
            if step.seen is None or not step.seen(self.city):
                self.doer.do(step)
        return self.made.judged(self.city, name, but, apart, again)


def stood_in(scene: Scene) -> bool:
    """Give the night again; did its first run leave a stand-in, so that the plan has the second number?"""
    scene.doer.do(scene.step)
    with scene.city.store() as engine:
        return len(results.rows(engine, t.plan)) > 1


def expect(condition: bool, what: str) -> None:
    """A fault that did not happen proves nothing, and one that was not refused is a failure: neither is left out. Raises `NotSo`."""
    if not condition:
        raise NotSo(what)


@contextmanager
def locked(city: City) -> Iterator[None]:
    """Another process's lock on the SQLite file: nobody else can write."""
    with closing(sqlite3.connect(city.home / "penstock.db", isolation_level=None, timeout=60)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        yield
        lock.execute("ROLLBACK")


def database_locked_while_polling(made: Site) -> Verdict:
    """Nobody can write to the database during half a day of polling: readings wait in the spool, and come in when it is free."""
    scene = Scene(made, "poll, to midnight")
    with locked(scene.city):
        running = scene.start()
        time.sleep(AWAY_S)
    running.wait()
    return scene.finish("database-locked-while-polling")


def database_locked_during_the_night(made: Site) -> Verdict:
    """Nobody can write for longer than a step of the night waits."""
    scene = Scene(made, "night")
    running = scene.start()
    time.sleep(0.2 * made.seconds["night"])
    with locked(scene.city):
        time.sleep(AWAY_S)
    running.wait()
    return scene.finish("database-locked-during-the-night", apart=ALARMS, again=stood_in(scene))


def database_locked_while_approving(made: Site) -> Verdict:
    """The approval is refused with a sentence; given again, it is there once."""
    scene = Scene(made, "approve")
    with locked(scene.city):
        running = scene.start()
        expect(running.wait() == 1, f"approved behind a lock: {running.said}")
    return scene.finish("database-locked-while-approving")


def database_file_away_while_polling(made: Site) -> Verdict:
    """The disk with the database is not there while the field is read, and then is: nothing of the file that stood for it remains."""
    scene, aside = Scene(made, "poll, to midnight"), made.home.parent / "aside"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    for path in scene.city.home.glob("penstock.db*"):
        path.rename(aside / path.name)
    scene.start().wait()
    for path in scene.city.home.glob("penstock.db*"):
        path.unlink()
    for path in aside.iterdir():
        path.rename(scene.city.home / path.name)
    return scene.finish("database-file-away-while-polling")


@contextmanager
def small_disk(scene: Scene, spare_bytes: int) -> Iterator[None]:
    """The city's folder on a file system of its own with `spare_bytes` left. Raises `PenstockError` where none may be mounted."""
    home, aside = scene.city.home, scene.made.home.parent / "aside"
    shutil.rmtree(aside, ignore_errors=True)
    home.rename(aside)
    home.mkdir()
    used = sum(-(-path.stat().st_size // 4096) * 4096 + 4096 for path in aside.rglob("*")) + spare_bytes
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={used}", "tmpfs", str(home)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotHere(Problem("mount of a small file system", done.stderr.strip(), "the right to mount one", "Run it as root."))
    try:
        shutil.copytree(aside, home, dirs_exist_ok=True)
        yield
    finally:
        shutil.rmtree(aside)
        shutil.copytree(home, aside)
        subprocess.run(["umount", "-l", str(home)], check=True)
        home.rmdir()
        aside.rename(home)


def disk_full_while_polling(made: Site) -> Verdict:
    """No room for what is read: it stops asking and says so; with room again it goes on where it was."""
    scene = Scene(made, "poll, to midnight")
    with small_disk(scene, 400_000):  # the spool's reserve of 8 MB is not taken again, so nothing is asked for
        running = scene.start()
        expect(running.wait() != 0, f"had room: {running.said}")
    return scene.finish("disk-full-while-polling", apart=ALARMS)


def disk_full_during_the_night(made: Site) -> Verdict:
    """The night runs out of disk in its steps; with room again it is given again."""
    scene = Scene(made, "night")
    with small_disk(scene, 150_000):
        running = scene.start()
        expect(running.wait() != 0, f"had room: {running.said}")
    return scene.finish("disk-full-during-the-night", apart=ALARMS, again=stood_in(scene))


def disk_full_during_backup(made: Site) -> Verdict:
    """No room for the copy: nothing of its name is there, and the next one is whole."""
    scene = Scene(made, "backup")
    with small_disk(scene, 200_000):
        running = scene.start()
        expect(running.wait() == 1, f"had room: {running.said}")
        expect(not (scene.city.home / "backup").exists(), "half a backup has its name")
    return scene.finish("disk-full-during-backup")


def all_of_them(made: Site) -> Iterator[tuple[str, Verdict | None]]:
    """Every fault and its verdict; None for one that this machine does not allow. One that did not go as it must is not equal."""
    from benchmarks import _chaos_clock, _chaos_field, _chaos_people, _chaos_postgres

    own = (
        *(database_locked_while_polling, database_locked_during_the_night, database_locked_while_approving),
        *(database_file_away_while_polling, disk_full_while_polling, disk_full_during_the_night, disk_full_during_backup),
    )
    yield from verdicts(made, [*own, *_chaos_field.FAULTS, *_chaos_people.FAULTS, *_chaos_clock.FAULTS, *_chaos_postgres.FAULTS])


def verdicts(made: Site, faults: Sequence[Callable[[Site], Verdict]]) -> Iterator[tuple[str, Verdict | None]]:
    """As `all_of_them`, of some faults."""
    for one in faults:
        name, began = one.__name__, time.monotonic()
        try:
            verdict = one(made)
        except NotHere as error:
            say(f"{name}: left out: {error}")
            yield name, None
            continue
        except (NotSo, PenstockError, RuntimeError) as error:
            verdict = Verdict({"fault": [str(error)]}, [], [])
        say(f"{name}: {'equal' if verdict.equal else f'NOT EQUAL: {verdict.told}'} ({time.monotonic() - began:.0f} s)")
        yield name, verdict
