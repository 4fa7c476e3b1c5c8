"""A day and a night under `kill -9` and worse: the store at the end against that of a night that nothing disturbed."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks import _chaos_city as where
from benchmarks._chaos_blows import Blow, Panel, after, at_change
from benchmarks._chaos_city import City
from benchmarks._chaos_judge import AGAIN, Facts, Verdict, against_devices, facts, judge
from benchmarks._chaos_process import Server
from benchmarks._chaos_script import Doer, script
from benchmarks._chaos_wire import Wire
from city.problems import fault
from meters.simulator import running

SUMMARY = "kill -9 at random moments of a whole day and night, and twenty faults; readings, approvals and ledger entries lost or doubled"
KILLS_A_NIGHT = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=200, help="commands that are killed")
    parser.add_argument("--faults", action="store_true", help="the faults as well: outages, full disks, clocks, bad data, hanging parts")
    parser.add_argument("--keep", type=Path, default=None, help="folder for the data of nights that were not equal")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """The figures of `--kills` kills, and of the faults with `--faults`."""
    with site() as made:
        made.keep = args.keep
        made.undisturbed()
        figures = kills(made, 6 if args.quick else args.kills, args.seed)
        figures["faults"], figures["left_out"] = [], []
        if args.faults:
            from benchmarks._chaos_faults import all_of_them

            for name, v in all_of_them(made):
                if v is None:
                    figures["left_out"].append(name)
                else:
                    figures["faults"].append({"name": name, "equal": v.equal, "lost": len(v.lost), "doubled": len(v.doubled)})
    return figures


@dataclass
class Site:
    """The city's folder, its simulated field, the process that starts commands, and what an undisturbed night leaves."""

    server: Server
    home: Path
    line: Wire  # to the hall, the battery and one water district
    south: Wire  # to the water district whose line may break
    keep: Path | None = None
    expected: Facts | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    setpoints: dict[str, float] = field(default_factory=dict)  # of the battery before each step [kW]

    def city(self) -> City:
        """The city in its empty folder, its battery at rest."""
        shutil.rmtree(self.home, ignore_errors=True)
        made = where.build(self.home, self.line.port, self.south.port)
        with Panel(made) as battery:
            battery.setpoint = 0.0
        return made

    def undisturbed(self) -> Self:
        """The night that every other one is compared with. It is made twice: what two undisturbed nights differ in proves nothing."""
        for _ in range(2):
            city = self.city()
            doer = Doer(self.server, city)
            for step in script(city):
                self._keep_stage(step.name)
                doer.do(step)
            self._keep_stage("")
            self.server.learn(sorted(doer.imported))
            self.seconds, self.changes = doer.seconds, doer.changes
            self.expected = self.expected or facts(city)
            verdict = self.judged(city, "undisturbed")
            if not verdict.equal:
                raise fault(
                    "undisturbed night", verdict.told, "the same as the one before it, as the devices showed it", "Mend that first."
                )
        return self

    def _keep_stage(self, name: str) -> None:
        shutil.rmtree(self._stage(name), ignore_errors=True)
        with Panel(City(self.home)) as battery:
            self.setpoints[name] = battery.setpoint
        shutil.copytree(self.home, self._stage(name), ignore=shutil.ignore_patterns("*.reserve"))

    def _stage(self, name: str) -> Path:
        return self.home.parent / "stages" / (name.replace(":", "").replace(" ", "-") or "end")

    def stage(self, name: str) -> City:
        """The undisturbed city as it was before the step of a name, or at its end, its battery as it was then."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(self._stage(name), self.home)
        with Panel(City(self.home)) as battery:
            battery.setpoint = self.setpoints[name]
        return City(self.home)

    def judged(self, city: City, name: str, but: str = "", apart: tuple[str, ...] = (), again: bool = False) -> Verdict:
        """The verdict on a disturbed night, against the undisturbed one and against the devices.

        `but`: a zone that cannot be equal, because its readings were not to be had; `apart`: tables that a person's decision changed;
        `again`: the night's first plan was a stand-in, and its second one is the plan.
        """
        if self.expected is None:
            raise RuntimeError("no undisturbed night")
        found, expected = facts(city).without(but, apart), self.expected.without(but, apart)
        if again:
            found, expected = found.planned_again(), expected.without("", AGAIN)
        verdict = judge(found, expected)
        shown = against_devices(found, city, but)
        verdict = Verdict(verdict.differing, verdict.lost + shown.lost, verdict.doubled + shown.doubled, verdict.waiting)
        if not verdict.equal:
            say(f"{name}: NOT EQUAL\n{verdict.told}")
            if self.keep is not None:
                shutil.copytree(self.home, self.keep / name, dirs_exist_ok=True)
        return verdict


@contextmanager
def site() -> Iterator[Site]:
    """A city with its field and the process that starts commands, in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        where.build(Path(folder) / "field", 0, 0)
        with running(Path(folder) / "field" / "field.json") as port, Wire(port) as line, Wire(port) as south:
            yield Site(server, Path(folder) / "home", line, south)


def kills(made: Site, wanted: int, seed: int, a_night: int = KILLS_A_NIGHT) -> dict[str, Any]:
    """Kill `wanted` commands, up to `a_night` in each night, and judge each night."""
    rng, done, nights, verdicts, settled = np.random.default_rng(seed), 0, 0, list[Verdict](), 0
    by_step: dict[str, int] = {}
    while done < wanted:
        city, nights = made.city(), nights + 1
        doer = Doer(made.server, city, blows=_blows(made, city, min(a_night, wanted - done), rng))
        for step in script(city):
            doer.do(step)
        done, settled = done + sum(doer.kills.values()), settled + doer.settled
        for name, count in doer.kills.items():
            by_step[name] = by_step.get(name, 0) + count
        verdicts.append(made.judged(city, f"night-{nights}"))
        say(f"night {nights}: {done} of {wanted} kills, {'equal' if verdicts[-1].equal else 'NOT EQUAL'}; killed {doer.kills}")
    return {
        "kills": done,
        "nights": nights,
        "nights_equal": sum(verdict.equal for verdict in verdicts),
        "lost": sum(len(verdict.lost) for verdict in verdicts),
        "doubled": sum(len(verdict.doubled) for verdict in verdicts),
        "settled_by_hand": settled,
        "killed": by_step,
    }


def _blows(made: Site, city: City, count: int, rng: np.random.Generator) -> dict[str, list[Blow]]:
    """Where a night is hit: half of the blows by the time that each step takes, half on any step; half by the clock, half at a commit."""
    names = list(made.seconds)
    share = np.array([made.seconds[name] for name in names]) / sum(made.seconds.values())
    found: dict[str, list[Blow]] = {}
    for _ in range(count):
        name = str(rng.choice(names, p=share)) if rng.random() < 0.5 else str(rng.choice(names))
        part, by_clock = float(rng.random()), rng.random() < 0.5
        commit = 1 + int(part * made.changes[name])
        found.setdefault(name, []).append(after(part * made.seconds[name]) if by_clock else at_change(city, commit))
    return found


def say(line: str) -> None:
    """Progress, on the standard error."""
    print(line, file=sys.stderr, flush=True)
