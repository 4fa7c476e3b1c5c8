"""Power flow against published losses, a year of SimBench in batches, and outages that are planted and looked for."""

import argparse
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import data_folder
from networks.grid.feeders import Case, read_cases
from networks.grid.flow import Solver
from networks.grid.network import Network
from networks.grid.outage import behind, find, silent_rate
from networks.grid.reading import load
from networks.grid.simbench import year
from networks.grid.topology import tree

SUMMARY = "AC power flow: losses of four test feeders, flows per CPU-second over a SimBench year, precision and recall of outages"
_FALSE = 0.02  # the finder's defaults, whatever was planted
_BEFORE = 8  # quarter-hours that it has seen
_ALIKE = 0.8  # of the meters that two sets share over all in either: told right


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Figures as in ../shared/BENCHMARKS.md. Raises `PenstockError` without the data."""
    folder = data_folder("grid")
    network = load(folder / "simbench")
    cases = [_flow(name, case, 5 if args.quick else 200) for name, case in read_cases(folder / "feeders.json").items()]
    worst = max(one["error"] for one in cases)
    planting = _Planting(network, np.random.default_rng(args.seed))
    return {
        "networks": cases,
        "worst_error": worst,
        "simbench": _year(network, folder / "simbench", 1 if args.quick else 12),
        "outage": _planted(planting, 30 if args.quick else 500, Noise()),
        "spread": [_planted(planting, 10 if args.quick else 200, noise) for noise in SPREAD],
    }


def _flow(name: str, case: Case, repeats: int) -> dict[str, Any]:
    """The losses of the base state and of the best known reconfiguration, each beside the published one; the time of a single flow."""
    solver, loads = Solver(case.network), case.network.loads
    p, q = loads["p_kw"].to_numpy(), loads["q_kvar"].to_numpy()
    best = solver.flow(p, q, case.best_open)
    base = solver.flow(p, q)
    began = time.process_time()
    for _ in range(repeats):
        solver.flow(p, q)
    return {
        "name": name,
        "buses": len(case.network.buses),
        "loss_kw": round(float(base.loss_kw[0]), 3),
        "expected_kw": case.base_loss_kw,
        "error": round(abs(float(base.loss_kw[0]) / case.base_loss_kw - 1), 8),
        "best_loss_kw": round(float(best.loss_kw[0]), 3),
        "best_expected_kw": case.best_loss_kw,
        "best_error": round(abs(float(best.loss_kw[0]) / case.best_loss_kw - 1), 8),
        "radial": base.tree.radial and best.tree.radial,
        "ms_per_flow": round((time.process_time() - began) / repeats * 1e3, 3),
    }


def _year(network: Network, folder: Path, months: int) -> dict[str, Any]:
    """The first `months` twelfths of the year, in batches of a twelfth."""
    solver, flows, spent = Solver(network), 0, 0.0
    lowest, highest, loss_kwh, used_kwh = np.inf, 0.0, 0.0, 0.0
    for part, (p, q) in enumerate(year(folder, network)):
        if part == months:
            break
        began = time.process_time()
        flow = solver.flow(p, q)
        spent += time.process_time() - began
        flows += len(p)
        lowest, highest = min(lowest, float(np.nanmin(flow.voltage_pu))), max(highest, float(np.nanmax(flow.loading)))
        loss_kwh += float(flow.loss_kw.sum()) / 4
        used_kwh += float(p[p > 0].sum()) / 4
    return {
        "buses": len(network.buses),
        "loads": len(network.loads),
        "flows": flows,
        "flows_per_s": round(flows / spent),
        "lowest_pu": round(lowest, 4),
        "highest_loading": round(highest, 4),
        "loss_share": round(loss_kwh / used_kwh, 5),
    }


@dataclass(frozen=True)
class Noise:
    """What meters do wrong: share of those with power that are silent, of those without that answer, and `cell` meters that are silent
    for a reason of their own, anywhere or `together` in one part of the network."""

    false_silent: float = 0.02
    false_answer: float = 0.02
    cell: int = 20
    together: bool = False


SPREAD = (
    Noise(false_silent=0.05),
    Noise(false_silent=0.1, cell=0),
    Noise(false_silent=0.05, false_answer=0.05, cell=0),
    Noise(false_answer=0.1),
    Noise(together=True),
)


class _Planting:
    """Meters of a network, with outages planted among their noise."""

    def __init__(self, network: Network, rng: np.random.Generator) -> None:
        self.network, self.rng, self.tree = network, rng, tree(network, network.normally_open)
        self.at = np.array([network.bus_index[bus] for bus in network.loads["bus"]])
        meters = self.tree.below(np.bincount(self.at, minlength=len(network.buses)).astype(float))
        self.places = [bus for bus in self.tree.order if self.tree.via[bus] >= 0 and meters[bus] >= 3]

    def dead(self) -> NDArray[np.bool_]:
        """bool[meters]: those behind some place with three of them or more."""
        return behind(self.tree, int(self.rng.choice(self.places)))[self.at]

    def silent(self, dead: NDArray[np.bool_], noise: Noise) -> NDArray[np.bool_]:
        chance = self.rng.random(len(self.at))
        silent = np.where(dead, chance > noise.false_answer, chance < noise.false_silent)
        among = np.flatnonzero(self.dead()) if noise.together else np.arange(len(self.at))
        silent[self.rng.choice(among, min(noise.cell, len(among)), replace=False)] = True
        return silent


def _planted(planting: _Planting, count: int, noise: Noise) -> dict[str, Any]:
    """`count` outages and as many quarter-hours without one, in which everything that is told is wrong. The finder is told nothing of
    the noise: it has its defaults, and sees eight quarter-hours before."""
    network, at, nobody = planting.network, planting.at, np.zeros(len(planting.at), dtype=bool)
    told = right = found = quiet = 0
    spent = 0.0
    for number in range(2 * count):
        dead = planting.dead() if number < count else nobody
        before = sum(int(planting.silent(nobody, noise).sum()) for _ in range(_BEFORE))
        silent = planting.silent(dead, noise)
        began = time.process_time()
        parts = find(network, network.normally_open, at, silent, silent_rate(before, _BEFORE * len(at), _FALSE), false_answer=_FALSE)
        spent += time.process_time() - began
        hits = [(part.buses[at] & dead).sum() / (part.buses[at] | dead).sum() >= _ALIKE for part in parts]
        told, right = told + len(parts), right + sum(hits)
        found += number < count and any(hits)
        quiet += len(parts) if number >= count else 0
    return {
        **asdict(noise),
        "planted": count,
        "quiet_quarters": count,
        "meters": len(at),
        "precision": round(right / max(told, 1), 4),
        "recall": round(found / count, 4),
        "told_in_quiet_quarters": quiet,
        "ms_per_quarter": round(spent / (2 * count) * 1e3, 2),
    }
