"""Isolation plans on 16 networks: how long they take to make and to prove, and whether every one is proved."""

import argparse
import gzip
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import wntr

from benchmarks import cached, data_folder
from networks import valves
from networks.network import Network
from networks.proof import Search, Trial
from optimisation.isolation import IsolationPlan, Planner, fewest, verified

SUMMARY = "isolation of any pipe: build, plan, proofs and fewest valves on 16 networks; segments against wntr"
ORACLE = ("Anytown", "Net3", "ky3", "ky10", "KL")  # moderate sizes: wntr's own partition takes 7 s on a thousand links
BURST_M3_PER_H = 50.0
STUCK = 0.1  # share of valves that do not turn, for the mixed-integer program
WORTHS = (0.001, 1.0)  # m3/h lost per valve: the fewest among the least water lost, and a trade between both


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pipes", type=int, default=100, help="bursts per network, each planned and proved")
    parser.add_argument("--network", nargs="+", default=[], help="only these networks")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """One entry per network. Times are CPU milliseconds; reading the INP, the valve layer and opening EPANET once are not in them."""
    files = sorted((data_folder("networks")).glob("*.inp.gz"))
    wanted = ("Anytown", "Net3") if args.quick else tuple(args.network)
    pipes = 5 if args.quick else args.pipes
    rows = [measured(file, pipes, args.seed) for file in files if not wanted or file.name[: -len(".inp.gz")] in wanted]
    equal = [same_as_wntr(file) for file in files if file.name[: -len(".inp.gz")] in set(ORACLE) & set(wanted or ORACLE)]
    return {
        "networks": rows,
        "segments_equal": bool(equal) and all(equal),
        "segments_compared": len(equal),
        "unproved_plans": sum(r["unproved"] for r in rows),
    }


def read(file: Path) -> tuple[Network, pd.DataFrame]:
    """The network and its valve layer, made once and kept."""
    name = file.name[: -len(".inp.gz")]
    inp = cached("isolation") / f"{name}.inp"
    inp.write_bytes(gzip.decompress(file.read_bytes()))
    network, layer = Network.read(inp), cached("isolation") / f"{name}.valves.csv"
    if not layer.exists():
        valves.write(valves.strategic(network, 2, seed=1), layer)
    return network, valves.read(layer, Network.read(inp))  # another copy: the one measured has made no table yet


def measured(file: Path, count: int, seed: int) -> dict[str, Any]:
    network, table = read(file)
    name = file.name[: -len(".inp.gz")]
    began = time.process_time()
    planner = Planner(network, table)
    build_s = time.process_time() - began
    random = np.random.default_rng(seed)
    bursts = random.permutation(network.pipes["id"])[:count]
    plans, plan_s = zip(*(timed(planner.plan, pipe) for pipe in bursts), strict=True)
    base = dict(zip(network.junctions["id"], network.junctions["base_demand_m3_per_h"], strict=True))
    search = Search(network, table)
    with Trial(network, table, base) as trial:
        proofs, prove_s = zip(*(timed(verified, plan, search, trial, BURST_M3_PER_H) for plan in plans), strict=True)
        trades = [trade(planner, pipe, random) for pipe in bursts[: max(count // 5, 3)]]
        traded = [verified(best, search, trial, BURST_M3_PER_H) for best, _ in trades]
    verify_s = np.add(plan_s, prove_s)  # a plan with its verification
    wrong = [proof.sentence for proof in (*proofs, *traded) if not proof.proved]
    wrong += [plan.sentence for plan in plans if not rightly_refused(plan, search)]
    for sentence in wrong:
        print("not proved:", sentence, file=sys.stderr)
    row = {
        "name": name,
        "links": len(network.links),
        "valves": len(table),
        "plans": len(plans),
        "build_ms": round(1e3 * build_s, 1),
        "plan_ms_median": round(1e3 * float(np.median(plan_s)), 2),
        "verify_ms_median": round(1e3 * float(np.median(verify_s)), 1),
        "verify_ms_max": round(1e3 * float(np.max(verify_s)), 1),
        "milp_s_max": round(max(seconds for _, seconds in trades), 3),
        "sources_inside": sum(not plan.isolates for plan in plans),
        "unproved": len(wrong),
    }
    print(row, file=sys.stderr, flush=True)
    return row


def timed(work: Any, *args: Any, **named: Any) -> tuple[Any, float]:
    began = time.process_time()
    return work(*args, **named), time.process_time() - began


def rightly_refused(plan: IsolationPlan, search: Search) -> bool:
    """A plan that says valves cannot isolate the pipe is right when water gets there with every valve shut."""
    return plan.isolates or not search.prove(search.valves, plan.pipe).dry


def trade(planner: Planner, pipe: str, random: np.random.Generator) -> tuple[IsolationPlan, float]:
    """The last of two trades with a tenth of the valves stuck, and the CPU-seconds of the slower one. None may lose more than the plan
    by its own count."""
    stuck = random.choice(planner.names, int(STUCK * len(planner.names)), replace=False).tolist()
    plan, slowest = planner.plan(pipe, stuck), 0.0
    for worth in WORTHS:
        best, seconds = timed(fewest, planner, pipe, stuck, valve_m3_per_h=worth)
        slowest = max(slowest, seconds)
        lost, most = (p.demand_m3_per_h + worth * len(p.valves_to_close) for p in (best, plan))
        if lost > most + 1e-6:
            raise AssertionError(f"fewest loses {lost} where the plan loses {most} on pipe {pipe}")
    return best, slowest


def same_as_wntr(file: Path) -> bool:
    """Our segments against `wntr.metrics.valve_segments`, element by element; its answer is kept, ours is made anew."""
    network, table = read(file)
    kept = cached("isolation") / f"{network.name}.segments.csv"
    if not kept.exists():
        node, link, _ = wntr.metrics.valve_segments(network.model().to_graph(), table[["link", "node"]].copy())
        pd.concat([node, link], keys=["node", "link"]).rename("segment").rename_axis(["kind", "id"]).to_csv(kept)
    theirs = pd.read_csv(kept, dtype={"id": str, "kind": str}).set_index(["kind", "id"])["segment"]
    parts = Planner(network, table).parts
    ours = pd.concat([parts.node, parts.link], keys=["node", "link"]).reindex(theirs.index)
    pairs = set(zip(ours, theirs, strict=True))
    return not ours.isna().any() and len(ours) == len(parts.node) + len(parts.link) and len(pairs) == ours.nunique() == theirs.nunique()
