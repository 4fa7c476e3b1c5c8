"""Faults of the field and the solver: lines cut, silent or full of nonsense, a district of garbage, a solver that hangs or dies."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from benchmarks._chaos_faults import ALARMS, Scene, expect, stood_in
from benchmarks._chaos_judge import Verdict
from benchmarks._chaos_process import Running
from benchmarks._chaos_wire import Mode
from benchmarks.chaos import Site

HALF_A_DAY = "poll, to midnight"


def _network(made: Site, mode: Mode) -> Verdict:
    """The whole network is away when a timer starts to poll; it is back when the timer starts the next time."""
    scene = Scene(made, HALF_A_DAY)
    made.line.be(mode)
    try:
        running = scene.start()
        expect(running.wait() != 0, f"polled all the same: {running.said}")
    finally:
        made.line.be("whole")
    return scene.finish(f"network-{mode}")


def _district(made: Site, mode: Mode) -> Verdict:
    """The line to one district is away for half a day: what its meter showed then cannot be had; everybody else's is as it was."""
    scene = Scene(made, HALF_A_DAY)
    made.south.be(mode)
    try:
        scene.start().wait()
    finally:
        made.south.be("whole")
    return scene.finish(f"district-{mode}", but="south")


def network_refuses(made: Site) -> Verdict:
    return _network(made, "refused")


def network_is_silent(made: Site) -> Verdict:
    return _network(made, "silent")


def network_answers_nonsense(made: Site) -> Verdict:
    return _network(made, "nonsense")


def district_refuses(made: Site) -> Verdict:
    return _district(made, "refused")


def district_is_silent(made: Site) -> Verdict:
    return _district(made, "silent")


def district_answers_nonsense(made: Site) -> Verdict:
    return _district(made, "nonsense")


def district_sends_garbage(made: Site) -> Verdict:
    """Well-formed answers with any values, for half a day: they are flagged, and no other district hears of them."""
    return _district(made, "garbage")


def solver_hangs(made: Site) -> Verdict:
    """The solver stops in the middle of the night (SIGSTOP); the plan's deadline ends it, the other steps go on, the next run plans."""
    scene = Scene(made, "night")
    text = scene.city.file.read_text(encoding="utf-8")
    limited = text.replace("night = { ", f"night = {{ deadlines = {{ plan_minutes = {max(10.0, 2 * made.seconds['night']) / 60:.3f} }}, ")
    scene.city.file.write_text(limited, encoding="utf-8")
    running = scene.start()
    os.kill(_solver(running), signal.SIGSTOP)
    running.wait(300)
    expect("deadline" in running.said, f"no deadline was told: {running.said}")
    scene.city.file.write_text(text, encoding="utf-8")
    return scene.finish("solver-hangs", apart=ALARMS, again=stood_in(scene))


def solver_dies(made: Site) -> Verdict:
    """The solver alone is killed, as by a kernel out of memory."""
    scene = Scene(made, "night")
    running = scene.start()
    os.kill(_solver(running), signal.SIGKILL)
    running.wait()
    return scene.finish("solver-dies", apart=ALARMS, again=stood_in(scene))


def _solver(running: Running) -> int:
    """The process id of the solver that a night has started. Raises `PenstockError` when there is none."""
    end = time.monotonic() + 60
    while running.code is None and time.monotonic() < end:
        for pid in _below(running.pid):
            with suppress(OSError):
                if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
        time.sleep(0.005)
    expect(False, f"the night started no solver: {running.said}")
    return 0


def _below(root: int) -> Iterator[int]:
    """The processes that a process started, and those that these started."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
    found = {root}
    while new := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= new
    yield from found - {root}


FAULTS = (
    *(network_refuses, network_is_silent, network_answers_nonsense),
    *(district_refuses, district_is_silent, district_answers_nonsense, district_sends_garbage),
    *(solver_hangs, solver_dies),
)
