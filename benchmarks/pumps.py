"""Pump schedules of AnyTown (modified) and van Zyl's network, judged by EPANET; and what a fire reserve and fresher water cost."""

import argparse
import time
from dataclasses import replace
from typing import Any

from benchmarks import data_folder
from city.problems import PenstockError
from networks.network import Network
from optimisation.pumps import Effort, PumpLimits, PumpTask, Schedule, best
from optimisation.pumps.proof import cheapest

SUMMARY = "pump schedules judged by EPANET: AnyTown with 1, 2 and 3 starts against the best known, van Zyl's network, the price of safety"
BEST_KNOWN = {1: 3900.25, 2: 3606.83, 3: 3575.54}
"""Published proved optima of AnyTown; read by the scorer alone."""
CENTS = 100.0  # AnyTown's tariff is in cents
PRESSURE_M = {"55": 42.0, "90": 51.0, "170": 30.0}
TANKS = ("65", "165", "265")
QUICK = Effort(walks=15, cells_m=(0.2,), slacks_m=(0.02,), judged=60, days=0, labels=5000)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--safety", action="store_true", help="also what a fire reserve, turnover and water age cost")
    parser.add_argument("--proof", action="store_true", help="also the cheapest of all schedules with 1 start, every step in EPANET")


def planned(task: PumpTask, effort: Effort) -> tuple[Schedule, float]:
    """A plan and its CPU-seconds, reading the points off EPANET included."""
    began = time.process_time()
    return best(task, effort), round(time.process_time() - began, 2)


def anytown(limits: PumpLimits) -> PumpTask:
    return PumpTask(Network.read(data_folder("pumps") / "anytown_modified.inp"), limits)


def scored(starts: int, plan: Schedule, cpu_s: float) -> dict[str, Any]:
    cost = plan.verdict.cost / CENTS
    return {
        "na": starts,
        "cost": round(cost, 2),
        "best_known": BEST_KNOWN[starts],
        "gap_pct": round(100 * (cost / BEST_KNOWN[starts] - 1), 3),
        "feasible": plan.verdict.feasible and plan.verdict.warning == 0,
        "cpu_s": cpu_s,
        "stages": [{"stage": s, "cost": None if c != c else round(c / CENTS, 2), "cpu_s": t} for s, c, t in plan.stages],
        "running": "".join(map(str, plan.running.sum(axis=1))),
    }


def safety(effort: Effort) -> list[dict[str, Any]]:
    """AnyTown with 3 starts: what each limit costs beside the schedule that is only cheap."""
    base = PumpLimits(starts=3, pressure_m=PRESSURE_M)
    asked = {
        "none": base,
        "fire reserve 70 m3 per tank": replace(base, reserve_m3=dict.fromkeys(TANKS, 70.0)),
        "fire reserve 140 m3 per tank": replace(base, reserve_m3=dict.fromkeys(TANKS, 140.0)),
        "turnover 0.16 a day": replace(base, turnover=dict.fromkeys(TANKS, 0.16)),
        "water age 130 h in tanks": replace(base, age_h=dict.fromkeys(TANKS, 130.0)),
    }
    rows = []
    for name, limits in asked.items():
        try:
            plan, cpu_s = planned(anytown(limits), effort)
        except PenstockError as error:
            rows.append({"limit": name, "cost": None, "why": str(error.problems[0])})
            continue
        verdict = plan.verdict
        lowest = float((verdict.level_m.min() - 66.53).min())
        rows.append({"limit": name, "cost": round(verdict.cost / CENTS, 2), "lowest_m_above_min": round(lowest, 2), "cpu_s": cpu_s})
        rows[-1] |= {"least_turnover": round(float(verdict.turnover.min()), 3), "starts": int(verdict.starts.sum())}
    return rows


def proof(cost: float) -> dict[str, Any]:
    """The cheapest of all schedules with 1 start but for cells of 2 mm, and what finding it took."""
    began = time.process_time()
    found = cheapest(anytown(PumpLimits(starts=1, pressure_m=PRESSURE_M)), dearest=cost * CENTS * 1.0001)
    return {"na": 1, "cost": None if found is None else round(found.cost / CENTS, 2), "cpu_s": round(time.process_time() - began, 2)}


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Raises `PenstockError` when the data are missing."""
    effort = replace(QUICK if args.quick else Effort(), seed=args.seed)
    rows = [
        scored(na, *planned(anytown(PumpLimits(starts=na, pressure_m=PRESSURE_M)), effort)) for na in ((1,) if args.quick else BEST_KNOWN)
    ]
    network = Network.read(data_folder("pumps") / "van_zyl_watermodels.inp")
    coarse = effort if args.quick else replace(effort, cells_m=(0.2, 0.1), slacks_m=(0.0, 0.1))
    plan, cpu_s = planned(PumpTask(network, PumpLimits(starts=3, may_fill=True)), coarse)
    ends = {tank: [round(float(level.iloc[0]), 2), round(float(level.iloc[-1]), 2)] for tank, level in plan.verdict.level_m.items()}
    van_zyl = {
        "cost": round(plan.verdict.cost, 2),
        "cpu_s": cpu_s,
        "feasible": plan.verdict.feasible,
        "warning": plan.verdict.warning,
        "levels_m": ends,
        "starts": plan.verdict.starts.to_dict(),
        "stages": [{"stage": s, "cost": None if c != c else round(c, 2), "cpu_s": t} for s, c, t in plan.stages],
    }
    brief = replace(effort, cells_m=(0.05, 0.02), judged=400, days=500)
    found = {"anytown": rows, "van_zyl": van_zyl}
    return found | ({"safety": safety(brief)} if args.safety else {}) | ({"proof": proof(rows[0]["cost"])} if args.proof else {})
