"""Power flow against published losses, a year of SimBench in batches, and outages that are planted and looked for."""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import data_folder
from networks.grid.feeders import Case, read_cases
from networks.grid.flow import Solver
from networks.grid.network import Network
from networks.grid.outage import behind, find
from networks.grid.reading import load
from networks.grid.simbench import year
from networks.grid.topology import tree

SUMMARY = "AC power flow: losses of four test feeders, flows per CPU-second over a SimBench year, precision and recall of outages"
_FALSE = 0.02  # of the meters with power that are silent, and of those without that answer
_CELL = 20  # meters of one radio cell, anywhere in the network, that are silent together for a reason of their own
_ALIKE = 0.8  # of the meters that two sets share over all in either: told right


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Figures as in ../shared/BENCHMARKS.md. Raises `PenstockError` without the data."""
    folder = data_folder("grid")
    network = load(folder / "simbench")
    cases = [_flow(name, case, 5 if args.quick else 200) for name, case in read_cases(folder / "feeders.json").items()]
    worst = max(one["error"] for one in cases)
    rng = np.random.default_rng(args.seed)
    return {
        "networks": cases,
        "worst_error": worst,
        "simbench": _year(network, folder / "simbench", 1 if args.quick else 12),
        "outage": _planted(network, rng, 30 if args.quick else 500),
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


def _planted(network: Network, rng: np.random.Generator, count: int) -> dict[str, Any]:
    """Outages of random places with three meters or more behind them, among false silents, false answers and a lost radio cell; and as
    many quarter-hours without one, in which everything that is told is wrong."""
    spanned = tree(network, network.normally_open)
    at = np.array([network.bus_index[bus] for bus in network.loads["bus"]])
    meters = spanned.below(np.bincount(at, minlength=len(network.buses)).astype(float))
    places = [bus for bus in spanned.order if spanned.via[bus] >= 0 and meters[bus] >= 3]
    told = right = found = quiet = 0
    began = time.process_time()
    for number in range(2 * count):
        dead = behind(spanned, int(rng.choice(places)))[at] if number < count else np.zeros(len(at), dtype=bool)
        silent = np.where(dead, rng.random(len(at)) > _FALSE, rng.random(len(at)) < _FALSE)
        silent[rng.choice(len(at), _CELL, replace=False)] = True
        parts = find(network, network.normally_open, at, silent, _FALSE + _CELL / len(at), false_answer=_FALSE)
        hits = [(part.buses[at] & dead).sum() / (part.buses[at] | dead).sum() >= _ALIKE for part in parts]
        told, right = told + len(parts), right + sum(hits)
        found += number < count and any(hits)
        quiet += len(parts) if number >= count else 0
    return {
        "planted": count,
        "quiet_quarters": count,
        "meters": len(at),
        "false_silent": _FALSE,
        "false_answer": _FALSE,
        "cell": _CELL,
        "precision": round(right / max(told, 1), 4),
        "recall": round(found / count, 4),
        "told_in_quiet_quarters": quiet,
        "ms_per_quarter": round((time.process_time() - began) / (2 * count) * 1e3, 2),
    }
