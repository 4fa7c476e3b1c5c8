"""Batteries under one import cap: the product's build path against the same problem handed to HiGHS as arrays, in one run."""

import argparse
import sys
from time import process_time
from typing import Any

import highspy
import numpy as np
import scipy.sparse as sp

from benchmarks import _linopy
from benchmarks._cities import START, demo_like, span
from benchmarks._contradictions import contradictory
from optimisation import conflict, explain, matrix, solve
from optimisation.arrays import Arrays
from optimisation.assets import ASSETS, Asset
from optimisation.program import PlanInput, formulate, plan

SUMMARY = "batteries under one import cap against raw HiGHS arrays, and contradictory cities explained"
COUPLED = (1000, 192)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--n", type=int, nargs="*", default=[1, 10, 100, 1000], help="numbers of batteries")
    parser.add_argument("--t", type=int, nargs="*", default=[96, 192], help="numbers of steps")
    parser.add_argument("--most", type=int, default=200_000, help="largest n * t that is run; larger cases are listed as skipped")
    parser.add_argument("--cities", type=int, default=1000, help="contradictory cities")


def problem(n: int, t: int, seed: int) -> tuple[PlanInput, tuple[Asset, ...]]:
    """n batteries with distinct parameters, one load, and a cap below what all of them could draw."""
    rng = np.random.default_rng([seed, n, t])
    hour = np.arange(t) / 4
    power, hours = rng.uniform(5, 50, n).round(1), rng.uniform(1, 4, n).round(2)
    town = power.sum() * (1 + 0.3 * np.sin(hour / 24 * 2 * np.pi)) / 4 * (1 + 0.05 * rng.standard_normal(t))
    names = [f"b{i:05d}" for i in range(n)]
    tables: list[dict[str, Any]] = [
        {"kind": "grid", "id": "grid", "connection_kw": float(power.sum() * 1.8), "export_limit_kw": 0.0},
        {"kind": "fixed_load", "id": "town", "series": ["town"]},
    ]
    efficiency = rng.uniform(0.9, 0.98, n).round(3)
    for i, name in enumerate(names):
        tables.append(
            {
                "kind": "battery",
                "id": name,
                "power_kw": power[i],
                "energy_kwh": power[i] * hours[i],
                "charge_efficiency": efficiency[i],
                "discharge_efficiency": efficiency[i],
                "wear_price_per_kwh": round(0.001 + 0.01 * (i % 7) / 7, 5),
            }
        )
    inputs = PlanInput(
        start_utc=START,
        zone="Europe/Rome",
        series={"town": {"p10": town, "p50": town, "p90": town}},
        import_price_per_kwh=0.2 + 0.1 * np.sin((hour - 6) / 24 * 4 * np.pi) + 0.02 * rng.standard_normal(t),
        export_price_per_kwh=np.zeros(t),
        intensity_kg_per_kwh=np.full(t, 0.5),
        state={name: {"charge_kwh": float(0.5 * power[i] * hours[i])} for i, name in enumerate(names)},
        steps=t,
    )
    return inputs, ASSETS.validate_python(tables)


def raw_highs(inputs: PlanInput, assets: tuple[Asset, ...]) -> highspy.Highs:
    """The same problem written by hand as arrays: columns import, charge, discharge, stored, short; rows balance, storage, end."""
    grid: Any = assets[0]
    batteries = assets[2:]
    n, t, h = len(batteries), inputs.steps, inputs.step_h
    power, energy, eta_in, eta_out, least, most, wear, end_price = (
        np.array([getattr(b, name) for b in batteries])
        for name in (
            "power_kw",
            "energy_kwh",
            "charge_efficiency",
            "discharge_efficiency",
            "least_share",
            "most_share",
            "wear_price_per_kwh",
            "end_price_per_kwh",
        )
    )
    start = np.array([inputs.state[b.id]["charge_kwh"] for b in batteries])
    flow, each = sp.eye_array(n * t, format="csr"), np.ones((1, n))
    stored = sp.kron(sp.eye_array(n), sp.diags_array([-np.ones(t), np.ones(t)], offsets=[0, 1], shape=(t, t + 1)), format="csr")
    last = sp.kron(sp.eye_array(n), sp.csr_array(([1.0], ([0], [t])), shape=(1, t + 1)), format="csr")
    city = sp.kron(each, sp.eye_array(t), format="csr")
    loss_in, loss_out = (sp.diags_array(np.repeat(h * k, t)) for k in (eta_in, 1 / eta_out))
    matrix = sp.block_array(
        [
            [sp.eye_array(t), -city, city, None, None],
            [None, -(loss_in @ flow), loss_out @ flow, stored, None],
            [None, None, None, last, sp.eye_array(n)],
        ],
        format="csc",
    )
    low, high = np.repeat(energy * least, t + 1).reshape(n, t + 1), np.repeat(energy * most, t + 1).reshape(n, t + 1)
    low[:, 0] = high[:, 0] = start
    equal = np.concatenate([inputs.power("town"), np.zeros(n * t)])
    arrays = Arrays(
        cost=np.concatenate([inputs.import_price_per_kwh * h, np.zeros(n * t), np.repeat(wear * h, t), np.zeros(n * (t + 1)), end_price]),
        offset=0.0,
        start=matrix.indptr.astype(np.int32),
        index=matrix.indices.astype(np.int32),
        value=matrix.data,
        row_lower=np.concatenate([equal, start]),
        row_upper=np.concatenate([equal, np.full(n, np.inf)]),
        col_lower=np.concatenate([np.zeros(t + 2 * n * t), low.ravel(), np.zeros(n)]),
        col_upper=np.concatenate(
            [np.full(t, grid.connection_kw), np.repeat(power, t), np.repeat(power, t), high.ravel(), np.full(n, np.inf)]
        ),
        integer=np.zeros(matrix.shape[1], dtype=bool),
    )
    return solve.handed_over(arrays)


def case(n: int, t: int, seed: int) -> dict[str, Any]:
    """Both ways once: objective and CPU-seconds of build (model, form, bounds, hand-over) and solve."""
    inputs, assets = problem(n, t, seed)
    at = process_time()
    highs = solve.handed_over(matrix.compiled(formulate(inputs, assets)).arrays)
    build = process_time() - at
    solve.run(highs)
    total = process_time() - at
    at = process_time()
    raw = raw_highs(inputs, assets)
    raw_build = process_time() - at
    solve.run(raw)
    raw_total = process_time() - at
    objective, raw_objective = highs.getInfo().objective_function_value, raw.getInfo().objective_function_value
    return {
        "n": n,
        "t": t,
        "objective": objective,
        "raw_objective": raw_objective,
        "build_cpu_s": round(build, 3),
        "solve_cpu_s": round(total - build, 3),
        "total_cpu_s": round(total, 3),
        "raw_build_cpu_s": round(raw_build, 3),
        "raw_total_cpu_s": round(raw_total, 3),
        "ratio_to_raw": round(total / raw_total, 3),
    }


def linopy_too(n: int, t: int, seed: int) -> dict[str, float]:
    """The same problem declared in linopy: its CPU-seconds and objective, nothing where it is not installed."""
    inputs, assets = problem(n, t, seed)
    at = process_time()
    try:
        objective = _linopy.solved(inputs, assets)
    except ImportError:
        return {}
    return {"linopy_total_cpu_s": round(process_time() - at, 3), "linopy_objective": objective}


def coupled(found: dict[str, Any], seed: int) -> dict[str, Any]:
    """The largest case by simplex against raw HiGHS, and what the interior point method without crossover takes for it."""
    at = process_time()
    answer = solve.linear(matrix.compiled(formulate(*problem(*COUPLED, seed))).arrays, large=0)
    inside = {
        "hipo_total_cpu_s": round(process_time() - at, 3),
        "hipo_stood_the_check": answer.iterations == 0,  # simplex iterations: none when HiPO's answer was believed
        "hipo_objective_gap": abs(answer.objective - found["raw_objective"]) / abs(found["raw_objective"]),
    }
    return {key: found[key] for key in ("total_cpu_s", "raw_total_cpu_s", "ratio_to_raw")} | inside


def replans(quarters: int, seed: int) -> dict[str, Any]:
    """A city of the demo's size planned anew every quarter of an hour: from nothing, and from the plan before."""
    inputs, assets = demo_like(seed, 192 + quarters)
    spent, costs = {"cold": 0.0, "warm": 0.0}, {"cold": 0.0, "warm": 0.0}
    before = plan(span(inputs, 0, 192), assets)
    for quarter in range(1, quarters + 1):
        now = span(inputs, quarter, quarter + 192)
        for way, start in (("cold", None), ("warm", before)):
            at = process_time()
            answer = plan(now, assets, start=start)
            spent[way] += process_time() - at
            costs[way] += answer.cost.total
        before = answer
    return (
        {"quarters": quarters}
        | {f"{way}_cpu_s": round(s / quarters, 3) for way, s in spent.items()}
        | {"warm_cost_to_cold": round(costs["warm"] / costs["cold"], 5)}
    )


def contradictions(cities: int, seed: int) -> dict[str, Any]:
    """Made-up cities that cannot be planned, each told by one or more sets of named limits.

    `explained`: the plan says impossible, and each set, with every other told limit gone, still has no answer. `minimal`: and with
    any one of its limits gone as well, it has one. `repaired`: with all named limits gone, the whole city has an answer.
    `milp_only`: without whole numbers the city had one as it was. `several`: cities with more than one set.
    """
    count = dict.fromkeys(("cities", "explained", "minimal", "repaired", "milp_only", "several"), 0)
    for k in range(cities):
        inputs, assets = contradictory(seed * 100_003 + k)
        result = plan(inputs, assets)
        model = formulate(inputs, assets)
        found = matrix.compiled(model)
        told = explain.facts(model, found)
        clashes = conflict.conflicts(found.arrays, told)
        sets = [[told[i] for i in clash.facts] for clash in clashes]
        rests = [conflict.without(found.arrays, [fact for fact in told if all(fact is not one for one in facts)]) for facts in sets]
        named = result.status == "impossible" and bool(sets) and len(result.reasons) == sum(1 + len(facts) for facts in sets)
        count["cities"] += 1
        count["explained"] += named and all(conflict.feasible(rest) is False for rest in rests)
        count["minimal"] += named and all(
            conflict.feasible(conflict.without(rest, [fact])) for facts, rest in zip(sets, rests, strict=True) for fact in facts
        )
        count["repaired"] += named and bool(conflict.feasible(conflict.without(found.arrays, [fact for facts in sets for fact in facts])))
        count["milp_only"] += bool(conflict.feasible(conflict.relaxed(found.arrays)))
        count["several"] += len(sets) > 1
    return count


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Cases with t = 96 first; the largest are skipped, and listed so, beyond `--most`."""
    sizes = [(1, 96), (10, 96)] if args.quick else sorted(((n, t) for n in args.n for t in args.t), key=lambda nt: (nt[1], nt[0]))
    case(2, 8, args.seed)  # imports and first-use costs are not the model's
    linopy_too(2, 8, args.seed)
    cases, skipped = [], []
    for n, t in sizes:
        if n * t > args.most:
            skipped.append({"n": n, "t": t})
            continue
        print(f"dispatch: {n} batteries x {t} steps", file=sys.stderr)
        cases.append(case(n, t, args.seed) | linopy_too(n, t, args.seed))
    gap = max((abs(c["objective"] - c["raw_objective"]) / max(abs(c["raw_objective"]), 1.0) for c in cases), default=0.0)
    large = next((c for c in cases if (c["n"], c["t"]) == COUPLED), None)
    cities = 3 if args.quick else args.cities
    print(f"dispatch: {cities} contradictory cities", file=sys.stderr)
    return {
        "cases": cases,
        "skipped": skipped,
        "worst_objective_gap": gap,
        "coupled_1000x192": None if large is None else coupled(large, args.seed),
        "replans": replans(2 if args.quick else 16, args.seed),
        "contradictions": contradictions(cities, args.seed),
    }
