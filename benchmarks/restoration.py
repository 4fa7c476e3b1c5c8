"""Open points for least losses on four published feeders, and restorations of random faults against a bound and a trial of positions."""

import argparse
import time
from itertools import combinations, product
from typing import Any

import numpy as np

from benchmarks import data_folder
from networks.grid.feeders import Case, read_cases
from networks.grid.flow import flow
from optimisation.restoration import Setting, restore
from optimisation.restoration.case import Case as Fault
from optimisation.restoration.case import case
from optimisation.restoration.losses import Effort, least_losses
from optimisation.restoration.state import state

SUMMARY = "least-loss open points of 33, 69, 118 and 136 buses against the best known; restored share, proofs and seconds of random faults"
VOLTAGE_PU = (0.9, 1.1)
MARGIN = 1.25  # rating of a branch over what it carries in the normal position: without ratings every feeder would carry every other
LEAST_KVA = 400.0
BRUTE = "case33bw"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--faults", type=int, default=12, help="single faults per network, and half as many double ones")
    parser.add_argument("--bound", action="store_true", help="also the program's lower bound of the losses on 33 buses")
    parser.add_argument(
        "--trial", type=int, default=0, help="so many faults of 33 buses, and half as many double ones, against a trial of positions"
    )
    parser.add_argument("--network", nargs="+", default=[], help="only these networks")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """One entry per network. Times are CPU-seconds of one core."""
    cases = read_cases(data_folder("grid") / "feeders.json")
    wanted = [BRUTE] if args.quick else [name for name in cases if not args.network or name in args.network]
    nodes = 2000 if getattr(args, "bound", False) else 0
    faults = 2 if args.quick else args.faults
    judged = [restorations(name, cases[name], faults, args.seed, brute=False) for name in wanted]
    if getattr(args, "trial", 0):
        judged.append(restorations(BRUTE, cases[BRUTE], args.trial, args.seed, brute=True))
    return {"networks": [losses(name, cases[name], nodes if name == BRUTE else 0) for name in wanted], "restorations": judged}


def losses(name: str, one: Case, nodes: int) -> dict[str, Any]:
    """The losses found, judged by another solver than the one that searched."""
    began = time.process_time()
    found = least_losses(one.network, voltage_pu=VOLTAGE_PU, effort=Effort(nodes=nodes))
    took = time.process_time() - began
    loads = one.network.loads
    judged = flow(one.network, loads["p_kw"].to_numpy(), loads["q_kvar"].to_numpy(), found.open_switches)
    loss, low = float(judged.loss_kw[0]), float(np.nanmin(judged.voltage_pu))
    feasible = judged.tree.radial and not judged.dead.any() and low >= VOLTAGE_PU[0]
    return {
        "name": name,
        "loss_kw": round(loss, 3),
        "best_known_kw": one.best_loss_kw,
        "gap_pct": round(100 * (loss / one.best_loss_kw - 1), 4),
        "cpu_s": round(took, 2),
        "feasible": bool(feasible),
        "lowest_pu": round(low, 4),
        "base_kw": one.base_loss_kw,
        "bound_kw": round(found.bound_kw, 2) if nodes else None,
        "stages": [{"stage": stage, "loss_kw": round(kw, 3), "cpu_s": s} for stage, kw, s in found.stages],
    }


def setting(one: Case) -> Setting:
    """Limits that bind: each branch may carry `MARGIN` of what it carries normally, a quiet one `LEAST_KVA`."""
    network, loads = one.network, one.network.loads
    normal = flow(network, loads["p_kw"].to_numpy(), loads["q_kvar"].to_numpy())
    kva = np.hypot(normal.power_kw[0], normal.power_kvar[0])
    rating = dict(zip(network.branches["branch"], np.maximum(MARGIN * kva, LEAST_KVA).tolist(), strict=True))
    return Setting(rating_kva=rating, voltage_pu=VOLTAGE_PU)


def restorations(name: str, one: Case, count: int, seed: int, *, brute: bool) -> dict[str, Any]:
    """Random single and double faults of one network."""
    rng, limits = np.random.default_rng(seed), setting(one)
    normal = one.network.closed_branches(one.network.normally_open)
    lines = one.network.branches["branch"].to_numpy(dtype=object)[normal]
    picked = [list(rng.choice(lines, size, replace=False)) for size in (1,) * count + (2,) * (count // 2)]
    rows = [restored(one, limits, faulted, brute=brute) for faulted in picked]
    share, best = (np.array([row[key] for row in rows]) for key in ("share", "best_share"))
    return {
        "name": name,
        "cases": len(rows),
        "restored_share_pct": round(100 * float(share.mean()), 2),
        "best_share_pct": round(100 * float(best.mean()), 2),
        "against": "trial" if brute else "bound",
        "worst_gap_pct": round(100 * float((best - share).max()), 2),
        "proved": sum(row["proved"] for row in rows),
        "best_proved": sum(row["best"] for row in rows),
        "refused": sum(row["refused"] for row in rows),
        "cpu_s_median": round(float(np.median([row["cpu_s"] for row in rows])), 2),
        "cpu_s_max": round(max(row["cpu_s"] for row in rows), 2),
        "steps_mean": round(float(np.mean([row["steps"] for row in rows])), 1),
    }


def restored(one: Case, limits: Setting, faulted: list[str], *, brute: bool) -> dict[str, Any]:
    """One fault: the share of the lost power that comes back, and the most that could."""
    began = time.process_time()
    found = restore(one.network, None, None, faulted, setting=limits, alternatives=0)
    took = time.process_time() - began
    lost = max(found.lost_kw, 1e-9)
    most = by_trial(case(one.network, None, None, faulted, setting=limits)) if brute else outside(found.left, found.lost_kw)
    return {
        "faulted": faulted,
        "share": found.restored_kw / lost,
        "best_share": max(most, found.restored_kw if found.best else 0.0) / lost if not brute else most / lost,
        "proved": found.proved,
        "best": found.best,
        "refused": found.refused,
        "steps": len(found.steps),
        "cpu_s": took,
    }


def outside(left: Any, lost_kw: float) -> float:
    """What is not in the faulted section itself [kW]: nobody can restore more."""
    return lost_kw - sum(one.kw for one in left if one.why == "fault")


def by_trial(fault: Fault) -> float:
    """The most power of some hundred thousand positions that hold with their live part kept, by trying them [kW].

    Every set of ties is closed with every set of branches to open that leaves a tree, or a tree without one more part; positions that
    give up parts at several places at once are not among them, so the program may find more, and must never find less.
    """
    wires, most, parts = fault.wires, 0.0, int(fault.wires.dead_branch.sum())
    ends = wires.ends[wires.switch_branch]
    near = np.flatnonzero((~fault.live)[ends].any(axis=1) & ~wires.dead_branch[wires.switch_branch])
    ties, inner = near[fault.normal[near]].tolist(), near[~fault.normal[near]].tolist()
    parted = fault.now.copy()
    parted[wires.dead_branch[wires.switch_branch]] = True
    parted[inner] = False
    for count in range(len(ties) + 1):
        for closed, opens in product(combinations(ties, count), range(max(count - parts, 0), count - parts + 2)):
            for opened in combinations(inner, opens):
                at = parted.copy()
                at[list(closed)], at[list(opened)] = False, True
                one = state(wires, at)
                kw = float(wires.p_kw[one.tree.energised & fault.lost].sum())
                if kw > most and one.safe and not (fault.live & ~one.tree.energised).any():
                    most = kw
    return most
