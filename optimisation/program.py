"""One plan for all assets together, and what the same horizon would be if nobody planned.

`plan` checks that nothing is missing, builds the model, solves it, and accounts for the answer asset by asset; `baseline`
accounts for every asset's idle behaviour by the same sums, so that their difference is what planning saves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from city.problems import fault
from optimisation import coverage, explain, guess, matrix, orders, solve
from optimisation.asset import of_kind
from optimisation.assets import KINDS, Asset
from optimisation.conflict import conflicts
from optimisation.formulation import Formulation, templates
from optimisation.guarded import Guarded
from optimisation.inputs import Approved, Lock, PlanInput
from optimisation.parts.limits import uncovered
from optimisation.results import Cost, PlanResult, Settled, Status, Values
from optimisation.risk import city
from optimisation.risk.demand_charge import exposure
from optimisation.tables import plan_frame, price_frame

__all__ = ["Approved", "Lock", "PlanInput", "PlanResult", "baseline", "formulate", "plan"]

SIGN_PASSES = 4  # how often a first answer may show two-way flow before it is given up as an error
FLOW_KW = 1e-4  # both directions above this at once is two-way flow [kW]


def formulate(inputs: PlanInput, assets: Sequence[Asset], sign_steps: frozenset[int] = frozenset()) -> Formulation:
    """The closed Pyomo model. `sign_steps` are steps where a battery gets a direction binary whatever the price."""
    with templates():
        model = Formulation(inputs, sign_steps)
        for kind in sorted(KINDS, key=lambda kind: kind.stage):
            group = of_kind(assets, kind)
            if group:
                kind.block(model, group)
        city.block(model, assets)
        coverage.require_holdable(inputs, model.holds)
        model.close()
    return model


def plan(
    inputs: PlanInput,
    assets: Sequence[Asset],
    rel_gap: float = solve.REL_GAP,
    max_nodes: int = solve.MAX_NODES,
    solver: solve.Solver = solve.solved,
    start: PlanResult | None = None,
) -> PlanResult:
    """Plan all assets over the horizon at least cost, carbon priced.

    Returns a result whose `status` is optimal (within `rel_gap`), time-limited (the node limit came first; `gap` says how far),
    relaxed (a wish was broken; `breaches` says which) or impossible (`reasons` names a minimal set of limits). Raises
    `PenstockError` with every missing price, forecast or state, before anything is built. `solver` may be a `guarded.Guarded`.
    `start` is an earlier plan of the same city to go on from: found sooner, but which of the plans within the gap is found then
    depends on it.
    """
    coverage.require(inputs, assets)
    if start is None and inputs.risk.peak_weight is not None and inputs.paths:
        # hundreds of sample paths slow the search for integers, not the prices: those of the medians are a good beginning
        medians = replace(inputs, risk=inputs.risk.model_copy(update={"peak_weight": None}))
        start = plan(medians, assets, rel_gap, max_nodes, solver)
    sign_steps: frozenset[int] = frozenset()
    for left in reversed(range(SIGN_PASSES)):
        model = formulate(inputs, assets, sign_steps)
        found = matrix.compiled(model)
        solution = solver(found.arrays, rel_gap, max_nodes, guess.guess(model, found, start.decisions if start else None))
        if solution.ended == "infeasible":
            return impossible(inputs, assets, model, found, solver)
        solved = matrix.values(model, found, solution.x)
        both = two_way(solved) - sign_steps
        if not both:
            return result(inputs, assets, model, found, solution, solved)
        # where prices tie, two-way flow may move on from step to step: then every step gets its binaries
        sign_steps = sign_steps | both if left > 1 else frozenset(range(inputs.steps))
    raise fault("optimisation", "an asset gives and takes at once", "one direction", "Report this city: it is a fault of the model.")


def two_way(solved: Mapping[str, np.ndarray]) -> frozenset[int]:
    """Steps at which any asset flows both ways."""
    pairs = [(solved[one], solved[other]) for kind in KINDS for one, other in kind.opposites if one in solved]
    both = [np.minimum(one, other).reshape(-1, one.shape[-1]) > FLOW_KW for one, other in pairs]
    return frozenset(step for flows in both for step in np.flatnonzero(flows.any(axis=0)).tolist())


def _notes(inputs: PlanInput, assets: Sequence[Asset]) -> tuple[str, ...]:
    return (*(note for asset in assets for note in asset.notes(inputs)), *city.notes(inputs, assets))


def impossible(inputs: PlanInput, assets: Sequence[Asset], model: Formulation, found: matrix.Compiled, solver: solve.Solver) -> PlanResult:
    told = explain.facts(model, found)
    clashes = (solver.conflicts if isinstance(solver, Guarded) else conflicts)(found.arrays, told)
    return PlanResult(
        status="impossible",
        gap=float("nan"),
        plan=plan_frame(inputs, "plan", {}),
        price=price_frame(inputs, {}),
        cost=Cost(),
        co2_kg=0.0,
        peak_kw=0.0,
        reasons=explain.reasons(model, found, told, clashes),
        notes=_notes(inputs, assets),
    )


def result(
    inputs: PlanInput,
    assets: Sequence[Asset],
    model: Formulation,
    found: matrix.Compiled,
    solution: solve.Solution,
    solved: Mapping[str, np.ndarray],
) -> PlanResult:
    values: dict[str, Values] = {}
    for kind in KINDS:
        group = of_kind(assets, kind)
        if group:
            values |= kind.read(inputs, group, solved)
    city.read(values, model, solved)
    settled = [asset.settle(inputs, values[asset.id]) for asset in assets]
    settled.append(city.settle(model, assets, values, settled))
    breaches = tuple(breach for one in settled for breach in one.breaches)
    status: Status = "time-limited" if solution.ended == "limit" else "relaxed" if breaches else "optimal"
    return PlanResult(
        status=status,
        gap=solution.gap,
        plan=plan_frame(inputs, "plan", {asset.id: values[asset.id] for asset in assets}),
        price=price_frame(inputs, _prices(model, found, solution)),
        cost=sum((one.cost for one in settled), Cost(changes=orders.cost_of_changes(inputs, values))),
        co2_kg=sum(one.co2_kg for one in settled),
        peak_kw=max(one.peak_kw for one in settled),
        curtailed_kwh=sum(one.curtailed_kwh for one in settled),
        exposure=exposure(inputs, assets, values),
        breaches=breaches,
        binding=explain.binding(model, found, solution),
        notes=(*solution.notes, *_notes(inputs, assets)),
        nodes=solution.nodes,
        iterations=solution.iterations,
        decisions=guess.decided(model, found, solution.x),
    )


def _prices(model: Formulation, found: matrix.Compiled, solution: solve.Solution) -> Values:
    """What one more unit costs in each balance: kWh for electricity (its rows are kW over a step), m3 for a tank."""
    if not len(solution.row_dual):
        return {}
    duals = matrix.duals(found, solution.row_dual, {name for name, _ in model.duals_of.values()})
    steps = range(model.inputs.steps)
    return {
        balance: np.array([duals[name][t] / model.inputs.step_h if asset is None else duals[name][asset, t] for t in steps])
        for balance, (name, asset) in model.duals_of.items()
    }


def baseline(inputs: PlanInput, assets: Sequence[Asset]) -> PlanResult:
    """Doing nothing: pumps by tank level, cars charged on arrival, battery idle, nothing curtailed, interrupted or dimmed.

    Heat and cold are made as they are asked for; the grid takes what is left over, even above its limits; that, and a tank that
    runs dry, is told as a breach (`relaxed`).
    """
    coverage.require(inputs, assets)
    left = {balance: np.zeros(inputs.steps) for asset in assets for balance in asset.balances}
    values: dict[str, Values] = {}
    settled: dict[str, Settled] = {}
    for asset in sorted(assets, key=lambda asset: asset.follows):
        values[asset.id] = asset.idle(inputs, assets, left)
        settled[asset.id] = asset.settle(inputs, values[asset.id])
        for balance, flow in settled[asset.id].flows.items():
            left[balance] = left[balance] - flow
    breaches = tuple(breach for asset in assets for breach in settled[asset.id].breaches) + uncovered(inputs, left)
    return PlanResult(
        status="relaxed" if breaches else "optimal",
        gap=0.0,
        plan=plan_frame(inputs, "baseline", {asset.id: values[asset.id] for asset in assets}),
        price=price_frame(inputs, {}),
        cost=sum((settled[asset.id].cost for asset in assets), Cost()),
        co2_kg=sum(one.co2_kg for one in settled.values()),
        peak_kw=max(one.peak_kw for one in settled.values()),
        curtailed_kwh=sum(one.curtailed_kwh for one in settled.values()),
        breaches=breaches,
        notes=_notes(inputs, assets),
    )
