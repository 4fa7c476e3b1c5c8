"""Faults that people and timers make, and blows at chosen moments: two at once, an emergency stop, SIGTERM, the last commit, midnight."""

import signal
import time

from benchmarks._chaos_blows import after, at_change
from benchmarks._chaos_faults import Scene, expect, locked
from benchmarks._chaos_judge import Verdict
from benchmarks._chaos_script import WHO, Doer, script
from benchmarks.chaos import Site
from service.environment import STOP_FILE

WRITING = "poll and write, 00:00 UTC"


def _twice(made: Site, name: str) -> Verdict:
    scene = Scene(made, name)
    first = scene.start()
    time.sleep(0.3 * made.seconds[name])
    second = scene.start()
    expect(first.wait() in (0, 2), first.said)
    second.wait()
    return scene.finish(f"two-at-once-{scene.step.words[0]}")


def two_nights_at_once(made: Site) -> Verdict:
    """A person starts the night while the timer's runs: one of them is refused with a sentence."""
    return _twice(made, "night")


def two_polls_at_once(made: Site) -> Verdict:
    """Two processes want the field: one of them is refused, nothing is read or written twice."""
    return _twice(made, "poll, to midnight")


def emergency_stop(made: Site) -> Verdict:
    """A file STOP in the data folder: the command of this hour is held; released within its hour, it is written. The stop's own lines
    of the audit, and the hold, are left out of the comparison."""
    scene = Scene(made, WRITING)
    stop = scene.city.home / STOP_FILE
    stop.touch()
    running = scene.start()
    expect(running.wait() in (0, 2), running.said)
    stop.unlink(missing_ok=True)  # poll took it into the store
    at = scene.step.words[scene.step.words.index("--now") + 1]
    words = ("hold", "all", "--release", "--who", WHO, "--reason", "over", "--now", at)
    expect(made.server.start(words, scene.city.environment).wait() == 0, "the stop was not released")
    return scene.finish("emergency-stop", apart=("hold", "audit"))


def sigterm_everywhere(made: Site) -> Verdict:
    """Each command of the script is told to end (SIGTERM) at half its time, then given again."""
    city = made.city()
    blows = {name: [after(0.5 * seconds, signal.SIGTERM)] for name, seconds in made.seconds.items()}
    doer = Doer(made.server, city, blows=blows)
    for step in script(city):
        doer.do(step)
    return made.judged(city, "sigterm-everywhere")


def _killed_at(made: Site, name: str, counts: list[int]) -> Verdict:
    scene = Scene(made, name)
    scene.doer.blows[name] = [at_change(scene.city, count) for count in counts if count > 0]
    return scene.finish(f"killed-at-{counts[0]}-{name.replace(' ', '-').replace(':', '')}")


def killed_at_the_last_commits(made: Site) -> Verdict:
    """A poll that writes is killed at each of its last commits in turn: when the reading is stored, when the write goes out, after it."""
    last = made.changes[WRITING]
    return _killed_at(made, WRITING, list(range(last, max(0, last - 6), -1)))


def killed_around_midnight(made: Site) -> Verdict:
    """A poll is killed around its reading of midnight, the last but one slot of its span."""
    name = "poll, to midnight"
    return _killed_at(made, name, [int(part * made.changes[name]) for part in (0.95, 0.9, 0.85)])


def power_cut_in_the_spool(made: Site) -> Verdict:
    """The machine dies while the spool is written: its log ends in the middle of a page. What is not whole was not acknowledged."""
    scene = Scene(made, "poll, to midnight")
    with locked(scene.city):
        running = scene.start()
        log = scene.city.home / "spool.db-wal"
        end = time.monotonic() + 60
        while (not log.exists() or log.stat().st_size < 3 * 4096) and time.monotonic() < end:
            time.sleep(0.001)
        running.signal(signal.SIGKILL)
        running.wait()
        expect(log.exists() and log.stat().st_size > 0, "the log was empty")
        with log.open("r+b") as file:
            file.truncate(log.stat().st_size - 1000)
    return scene.finish("power-cut-in-the-spool")


FAULTS = (
    *(two_nights_at_once, two_polls_at_once, emergency_stop, sigterm_everywhere),
    *(killed_at_the_last_commits, killed_around_midnight, power_cut_in_the_spool),
)
