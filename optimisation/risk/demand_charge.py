"""The demand charge on sample paths: its mean and the mean of its worst paths instead of that of the medians.

The schedule is decided before the path is known and the grid takes the errors, so path k has the peak P_k = max(month's peak so far,
import + error of k). A share `peak_weight` of the charge counts at CVaR, the mean of the worst `peak_tail` of all P_k, the rest at
their mean: both are linear. What a path adds to the energy bill is the same whatever is decided, as long as the city imports.

References: Rockafellar and Uryasev, Optimization of conditional value-at-risk, Journal of Risk 2 (2000), 21-41.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optimisation.asset import AssetKind
from optimisation.assets.grid import Grid
from optimisation.inputs import PlanInput, Series
from optimisation.results import Values
from optimisation.risk.areas import Area, areas
from optimisation.risk.errors import on_paths
from optimisation.risk.settings import Risk
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.formulation import Formulation


@dataclass(frozen=True)
class Exposure:
    """What the sample paths make of a plan: peak [kW] and charge [currency] in the mean and in the worst `peak_tail` of paths,
    the share of paths that pass a limit at least once, and in how many steps they do in the mean."""

    peak_mean_kw: float
    peak_tail_kw: float
    charge_mean: float
    charge_tail: float
    chance_above: float
    steps_above: float


def cvar(values: Series, tail: float) -> float:
    """Mean of the largest `tail` share of equally likely values; the value on the edge counts in part."""
    down = np.sort(values)[::-1]
    counted = np.clip(tail * len(down) - np.arange(len(down)), 0.0, 1.0)
    return float(down @ counted / counted.sum())


Met = tuple[Area, Grid, NDArray[np.float64]]


def _met(inputs: PlanInput, assets: Sequence[AssetKind]) -> list[Met]:
    """Every grid with sample paths: its area, and its errors float64[paths, steps] [kW]."""
    made = [(area, on_paths(inputs, area.draws) / inputs.step_h) for area in areas(assets)]
    return [(area, grid, area.part(grid) * errors) for area, errors in made if len(errors) for grid in area.grids]


def _charged(inputs: PlanInput, assets: Sequence[AssetKind]) -> list[tuple[Grid, NDArray[np.float64]]]:
    """The grids whose demand charge is planned on paths, and their errors."""
    if inputs.risk.peak_weight is None:
        return []
    return [(grid, errors) for _, grid, errors in _met(inputs, assets) if grid.capacity_charge_per_kw_month > 0]


def block(model: "Formulation", assets: Sequence[AssetKind]) -> None:
    """Put mean and CVaR of the demand charge in place of the charge on the plan's own peak."""
    m, inputs, risk = model.m, model.inputs, model.inputs.risk
    charged = _charged(inputs, assets)
    if not charged:
        return
    ids, months, paths = model.ids("CHARGED", (g.id for g, _ in charged)), m.GRID_MONTH, model.ids("PATH", range(len(charged[0][1])))
    so_far = np.array([[grid.peak_so_far_kw(inputs, month) for month in months] for grid, _ in charged])
    model.variable("path_peak_kw", ids, months, paths, lower=so_far[:, :, None])
    model.variable("tail_from_kw", ids, months, lower=so_far)
    model.variable("tail_above_kw", ids, months, paths)
    model.parameter("path_error_kw", ids * m.T * paths, np.array([errors.T for _, errors in charged]))
    for month, steps in enumerate(inputs.civil_months):
        model.constraint(
            f"path_peak_{month}",
            ids,
            model.ids(f"PATH_MONTH_{month}", steps),
            paths,
            rule=lambda m, g, t, k, month=month: (
                m.grid_import_kw[g, t] - m.grid_export_kw[g, t] - m.path_peak_kw[g, month, k] <= -m.path_error_kw[g, t, k]
            ),
            words=Words("import with an error of the forecast not above the peak that is charged then", "kW"),
        )
    model.constraint(
        "path_tail",
        ids,
        months,
        paths,
        rule=lambda m, g, month, k: m.path_peak_kw[g, month, k] - m.tail_from_kw[g, month] - m.tail_above_kw[g, month, k] <= 0,
    )
    _charge(model, ids, np.array([grid.capacity_charge_per_kw_month for grid, _ in charged]), risk)


def _charge(model: "Formulation", ids: Any, price: NDArray[np.float64], risk: Risk) -> None:
    count, weight = len(model.m.PATH), risk.peak_weight or 0.0
    model.parameter("charge_mean", ids, price * (1 - weight) / count)
    model.parameter("charge_tail", ids, price * weight)
    model.parameter("charge_above", ids, price * weight / (risk.peak_tail * count))
    model.costs.append(
        lambda m: sum(
            m.charge_mean[g] * m.path_peak_kw[g, month, k] + m.charge_above[g] * m.tail_above_kw[g, month, k]
            for g in ids
            for month in m.GRID_MONTH
            for k in m.PATH
        )
    )
    # the plan's own peak, which the grid charges, is taken out of the objective again
    model.costs.append(
        lambda m: sum(
            m.charge_tail[g] * m.tail_from_kw[g, month] - m.grid_peak_price[g] * m.grid_peak_kw[g, month]
            for g in ids
            for month in m.GRID_MONTH
        )
    )


def _peaks_kw(inputs: PlanInput, grid: Grid, net_kw: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[months, paths]: what each path is charged for, of net imports [paths, steps]."""
    tops = [net_kw[:, list(steps)].max(axis=1) for steps in inputs.civil_months]
    return np.array([np.maximum(top, grid.peak_so_far_kw(inputs, month)) for month, top in enumerate(tops)])


def premium(inputs: PlanInput, assets: Sequence[AssetKind], values: Mapping[str, Values]) -> float:
    """What the objective puts on the demand charge above that of the plan's own peak [currency]."""
    found, weight = 0.0, inputs.risk.peak_weight or 0.0
    for grid, errors in _charged(inputs, assets):
        net = values[grid.id]["power_kw"]
        own = _peaks_kw(inputs, grid, net[None])[:, 0]
        for at, peaks in zip(own, _peaks_kw(inputs, grid, net + errors), strict=True):
            counted = (1 - weight) * float(peaks.mean()) + weight * cvar(peaks, inputs.risk.peak_tail)
            found += grid.capacity_charge_per_kw_month * (counted - float(at))
    return found


def exposure(inputs: PlanInput, assets: Sequence[AssetKind], values: Mapping[str, Values]) -> Exposure | None:
    """What the paths make of a finished plan; None without paths."""
    tail, met = inputs.risk.peak_tail, _met(inputs, assets)
    if not met:
        return None
    count, steps = met[0][2].shape
    peaks, charge, passed = np.zeros(count), np.zeros(count), np.zeros((count, steps), bool)
    for area in {area.id: area for area, _, _ in met}.values():
        total = np.zeros((count, steps))
        for _, grid, errors in (one for one in met if one[0].id == area.id):
            net = values[grid.id]["power_kw"] + errors
            tops = _peaks_kw(inputs, grid, net)
            so_far = sum(grid.peak_so_far_kw(inputs, month) for month in range(len(tops)))
            charge += grid.capacity_charge_per_kw_month * (tops.sum(axis=0) - so_far)
            peaks, total = np.maximum(peaks, net.max(axis=1)), total + net
        passed |= total > area.limit_kw(inputs)
    return Exposure(
        float(peaks.mean()),
        cvar(peaks, tail),
        float(charge.mean()),
        cvar(charge, tail),
        float(passed.any(axis=1).mean()),
        float(passed.sum(axis=1).mean()),
    )
