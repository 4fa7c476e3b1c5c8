"""What is laid on the city as a whole: weights, caps and reserve, built into a model and accounted for in its answer."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optimisation.asset import AssetKind
from optimisation.inputs import PlanInput
from optimisation.results import Cost, Settled, Values
from optimisation.risk import chance, demand_charge, weights
from optimisation.risk.areas import areas
from optimisation.risk.settings import Risk

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


def block(model: "Formulation", assets: Sequence[AssetKind]) -> None:
    """Add it to a model that has all its assets."""
    weights.block(model)
    chance.block(model, assets)
    demand_charge.block(model, assets)


def read(values: dict[str, Values], model: "Formulation", solved: Mapping[str, NDArray[np.float64]]) -> None:
    """Put the reserve that assets keep free, `reserve_kw` float[steps], beside their other quantities."""
    if "reserve_kw" in solved:
        for asset, kept in zip(model.m.STAND_BY, solved["reserve_kw"], strict=True):
            values[asset] = {**values[asset], "reserve_kw": kept}


def settle(model: "Formulation", assets: Sequence[AssetKind], values: Mapping[str, Values], settled: Sequence[Settled]) -> Settled:
    """The account of what is laid on the city, beside those of its assets."""
    inputs = model.inputs
    co2_kg, peak_kw = sum(one.co2_kg for one in settled), max(one.peak_kw for one in settled)
    breaches = (*weights.broken(inputs, co2_kg), *chance.broken(inputs, assets, values, model.buffers))
    cost = Cost(
        risk=demand_charge.premium(inputs, assets, values),
        weights=weights.cost(inputs, co2_kg, peak_kw),
        breaches=sum(breach.cost for breach in breaches),
    )
    return Settled(cost=cost, breaches=breaches)


def notes(inputs: PlanInput, assets: Sequence[AssetKind]) -> list[str]:
    """Sentences on risks that are wished to be guarded against and cannot be."""
    series = {name for area in areas(assets) for name in area.draws}
    without = sorted(series - inputs.paths.keys())
    if inputs.risk == Risk() or not without:
        return []
    named = f"{', '.join(without[:3])}{' and others' if len(without) > 3 else ''}"
    if len(without) < len(series):
        return [f"No sample paths of {named}: the reserve takes them to err all together, the demand charge takes them as forecast."]
    return ["There are no sample paths: the reserve takes all series to err together, the demand charge is that of the medians."]
