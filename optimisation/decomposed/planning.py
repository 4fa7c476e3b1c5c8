"""One plan for a city of feeders: split it, find prices and a mix of answers, let every part plan for itself, and add up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from optimisation import coverage, matrix, program
from optimisation.assets import Asset
from optimisation.decomposed import feeder, problem
from optimisation.decomposed.city import BOX, MAX_ROUNDS, REL_GAP, SAMPLED_BOX, City, Fanout, Round, sample
from optimisation.decomposed.finish import finished, impossible
from optimisation.decomposed.master import Master
from optimisation.decomposed.parts import ceiling_per_kwh, require_separable, share, split
from optimisation.inputs import PlanInput
from optimisation.results import PlanResult


@dataclass(frozen=True)
class CityPlan:
    """`result.gap` is the distance to `bound` [currency], that no plan can be below. `rounds` tell how it was found.

    The PLAN frames of the feeders lie in `files`; `result.plan` has those of the root alone, `whole()` all of them.
    """

    result: PlanResult
    bound: float
    rounds: tuple[Round, ...] = ()
    files: tuple[Path, ...] = ()

    def whole(self) -> PlanResult:
        """The result with one PLAN frame of all assets; of a very large city read `files` one by one instead."""
        frames = [self.result.plan, *(pd.read_parquet(file) for file in self.files)]
        return replace(self.result, plan=pd.concat(frames, ignore_index=True))


def plan(
    inputs: PlanInput,
    assets: Sequence[Asset],
    fanout: Fanout,
    folder: Path,
    rel_gap: float = REL_GAP,
    balance: str = "electricity",
    max_rounds: int = MAX_ROUNDS,
) -> CityPlan:
    """Plan a city whose feeders meet in `balance` only, with `fanout(work, keys)` in place of `[work(key) for key in keys]`.

    `folder` is empty and seen by every process that answers. The status is that of `program.plan`; it is time-limited when rounds
    ended before the gap. A city that does not fall into parts is planned as one. Raises `PenstockError` with what is missing, and
    with what ties all assets of a city together beside its balances.
    """
    coverage.require(inputs, assets)
    parts = split(assets, balance)
    if len(parts.feeders) < 2:
        one = program.plan(inputs, assets, rel_gap)
        return CityPlan(one, one.cost.total * (1 - one.gap))
    require_separable(inputs, assets)
    for name, group in parts.feeders.items():
        feeder.put(folder, name, share(inputs, group), group)
    root = program.formulate(share(inputs, parts.root, root=True), parts.root)
    master = Master(problem.apart(root, matrix.compiled(root), balance))
    names = tuple(parts.feeders)
    city = City(folder, balance, names, inputs.step_h, ceiling_per_kwh(inputs), master, fanout)
    prices = (inputs.import_price_per_kwh + inputs.carbon_per_kwh) * inputs.step_h
    few, bound, box = sample(names), float("-inf"), BOX
    if len(few) < len(names):
        prices, _ = city.priced(few, prices, box, rel_gap, max_rounds // 2)
        box = SAMPLED_BOX
    if not city.reasons:
        prices, bound = city.priced(names, prices, box, rel_gap, max_rounds)
    result = None if city.reasons else finished(inputs, parts, city, prices, bound, rel_gap)
    if result is None or result.status == "impossible":
        return CityPlan(result or impossible(inputs, city.reasons), bound, tuple(city.rounds))
    return CityPlan(result, bound, tuple(city.rounds), tuple(feeder.plan_file(folder, name) for name in names))
