"""Where errors of the forecasts end: at the grids of an area, and what is missing to know them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from city.problems import Problem
from optimisation.asset import AssetKind, of_kind
from optimisation.assets.grid import Grid
from optimisation.inputs import PlanInput, Series
from optimisation.risk.errors import Draws


@dataclass(frozen=True)
class Area:
    """Grids, and the series whose errors end at them: those of all assets on their balances, and on balances that lines join."""

    grids: tuple[Grid, ...]
    balances: frozenset[str]
    draws: Draws

    @property
    def id(self) -> str:
        return " and ".join(grid.id for grid in self.grids)

    def limit_kw(self, inputs: PlanInput) -> Series:
        """float[steps]: import that should not be passed: contract, else connection, and what the network operator allows."""
        own = sum(g.connection_kw if g.contract_kw is None else min(g.contract_kw, g.connection_kw) for g in self.grids)
        called = np.inf if inputs.import_limit_kw is None else inputs.import_limit_kw
        return np.minimum(np.full(inputs.steps, own), called)

    def part(self, grid: Grid) -> float:
        """The part of an error that its meter sees [1]: grids share it by what they carry, and add what is lost behind their meter."""
        return grid.connection_kw / sum(g.connection_kw for g in self.grids) / (1 - grid.loss_share)


def areas(assets: Sequence[AssetKind]) -> list[Area]:
    """Every set of grids that balances or lines join, in order of the grids. A line is taken to pass an error on in full."""
    joined = [frozenset(asset.balances) for asset in assets if asset.kind == "line"]  # type: ignore[attr-defined]
    found: dict[frozenset[str], list[Grid]] = {}
    for grid in of_kind(assets, Grid):
        reach = frozenset(grid.balances)
        while more := frozenset().union(*(pair for pair in joined if pair & reach)) - reach:
            reach |= more
        found.setdefault(reach, []).append(grid)
    made = []
    for reach, grids in found.items():
        draws: Counter[str] = Counter()
        for asset in assets:
            if asset.error_sign and reach & set(asset.balances):
                draws.update(dict.fromkeys(asset.series_needed, asset.error_sign))
        made.append(Area(tuple(grids), reach, draws))
    return made


def problems(inputs: PlanInput, assets: Sequence[AssetKind]) -> list[Problem]:
    """Sample paths of the wrong form, and bands that are not there."""
    shapes = {np.shape(made) for made in inputs.paths.values()}
    found = []
    if len(shapes) > 1 or any(len(s) != 2 or s[0] < 1 or s[1] != inputs.steps for s in shapes):
        allowed = f"as many of every series, each of {inputs.steps} steps"
        found.append(Problem("sample paths", f"shapes {sorted(shapes)}", allowed, "Store paths of one night for this horizon."))
    found += [
        Problem(f"sample paths of '{name}'", "not finite", "numbers", "Forecast this series again, or plan without its paths.")
        for name, made in inputs.paths.items()
        if not np.isfinite(made).all()
    ]
    for area in areas(assets) if inputs.risk.violation_share is not None else ():
        for name in area.draws:
            if name in inputs.series and name not in inputs.paths and not {"p10", "p90"} <= inputs.series[name].keys():
                found.append(Problem(f"series '{name}'", "no P10 and P90", "P10, P50, P90 or sample paths", "Forecast it with its band."))
    return found
