"""A plan whose pumps were looked at: planned, run through EPANET, and planned again where the network disagrees.

Two corrections: the stations' operating points (flow and power at the heads of the day) and cuts (states of the stations that leave
customers below the service pressure). Of all rounds the plan with the least time below service pressure is kept, of equals the first
whose operating points the network confirms.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from city.problems import PenstockError
from optimisation.assets.pump_station import POINT, PumpStation
from optimisation.inputs import Cut, PlanInput
from optimisation.results import PlanResult
from service.plans.pressure import Waterworks

TOLERANCE = 0.02  # a station's flow and power may be off by this share before the plan is made again: a pump curve is no better known


@dataclass(frozen=True)
class Verified:
    """The plan that is kept, the question it answers, and what EPANET changed in it, in sentences."""

    inputs: PlanInput
    plan: PlanResult
    notes: tuple[str, ...] = ()


def verified(works: Waterworks | None, inputs: PlanInput, solve: Callable[[PlanInput], PlanResult], rounds: int) -> Verified:
    """Plan, ask EPANET, correct and plan again, at most `rounds` times; without waterworks just the plan.

    A correction that makes the plan impossible is not taken: the plan before it stays, and its low pressure is told.
    """
    made = Verified(inputs, solve(inputs))
    if works is None or made.plan.status == "impossible":
        return made
    best, best_low = made, float("inf")
    for left in range(rounds, -1, -1):
        try:
            running = works.running(made.plan.plan)
            day = works.day(running)
        except PenstockError:  # told with the pressures
            return best
        low, points = works.pressure(day).below_service_h, works.points(day, running)
        moved = _moved(made.inputs, works, points)
        if low < best_low or (low == best_low and not moved):
            best, best_low = made, low
        cuts = works.cuts(day, running)
        if not left or not (moved or cuts):
            break
        corrected = _corrected(made.inputs, moved, cuts)
        again = solve(corrected)
        if again.status == "impossible":
            break
        made = Verified(corrected, again, (*made.notes, *_said(moved, cuts, corrected)))
    return best


def _point(inputs: PlanInput, works: Waterworks, asset: str) -> dict[str, float]:
    """The operating point that the plan counted with."""
    configured = next(one for one in works.side.city.settings.assets if one.id == asset)
    return {name: inputs.state.get(asset, {}).get(name, getattr(configured, name)) for name in POINT}


def _moved(inputs: PlanInput, works: Waterworks, points: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The operating points that differ from what the plan counted with by more than the tolerance; stations of fixed speed only."""
    fixed = {asset.id for asset in works.side.city.settings.assets if isinstance(asset, PumpStation)}
    moved = {}
    for asset, point in points.items():
        counted = _point(inputs, works, asset) if asset in fixed else {}
        if any(abs(point[name] - value) > TOLERANCE * value for name, value in counted.items()) and min(point.values()) > 0:
            moved[asset] = dict(point)
    return moved


def _corrected(inputs: PlanInput, points: Mapping[str, Mapping[str, float]], cuts: list[Cut]) -> PlanInput:
    state = {asset: {**own, **points.get(asset, {})} for asset, own in inputs.state.items()}
    return replace(inputs, state=state, cuts=(*inputs.cuts, *cuts))


def _said(points: Mapping[str, Mapping[str, float]], cuts: list[Cut], inputs: PlanInput) -> list[str]:
    told = [
        f"{asset} is planned with {point['flow_m3_per_h']:,.0f} m3/h for {point['power_kw']:,.0f} kW, as EPANET finds at the day's heads."
        for asset, point in points.items()
    ]
    return told + [
        f"{cut.cause} at {inputs.said(cut.steps[0])}: planned otherwise for {len(cut.steps) * inputs.step_h:g} h." for cut in cuts
    ]
