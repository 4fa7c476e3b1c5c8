"""Is everything there? Every missing price, forecast or state is one sentence, and all are told before anything is built."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from city.problems import PenstockError, Problem
from optimisation.assets import Asset, Grid
from optimisation.inputs import PlanInput
from optimisation.risk import areas


def _array(inputs: PlanInput, subject: str, values: Any) -> list[Problem]:
    """A problem when `values` is not one finite number per step."""
    array = np.asarray(values, dtype=float)
    horizon = f"{inputs.steps} finite numbers from {inputs.said(0)} to {inputs.said(inputs.steps)}"
    if array.shape != (inputs.steps,):
        return [Problem(subject, f"shape {array.shape}", horizon, "Give one value per step of the horizon.")]
    missing = np.flatnonzero(~np.isfinite(array))
    if not len(missing):
        return []
    span = f"{inputs.said(int(missing[0]))} to {inputs.said(int(missing[-1]) + 1)}"
    return [Problem(subject, f"{len(missing)} values missing, {span} local time", horizon, "Complete it, or shorten the horizon.")]


def _series(inputs: PlanInput, asset: Asset) -> list[Problem]:
    found: list[Problem] = []
    for series_id in asset.series_needed:
        forecast: Mapping[str, Any] | None = inputs.series.get(series_id)
        if forecast is None or "p50" not in forecast:
            found.append(Problem(f"asset {asset.id}, series '{series_id}'", "no forecast", "a P50 per step", "Forecast this series."))
        else:
            found += _array(inputs, f"asset {asset.id}, forecast P50 of '{series_id}'", forecast["p50"])
    return found


def _state(inputs: PlanInput, asset: Asset) -> list[Problem]:
    state = inputs.state.get(asset.id, {})
    return [
        Problem(f"asset {asset.id}, state '{key}'", "unknown", f"its value at {inputs.said(0)}", "Read its meter, or enter it by hand.")
        for key in asset.state_needed
        if not np.isfinite(state.get(key, np.nan))
    ]


def _balances(assets: Sequence[Asset]) -> list[Problem]:
    """A balance that only one asset names is a slip of the pen: nothing could cover it."""
    names: dict[str, list[str]] = {}
    for asset in assets:
        for balance in asset.balances:
            names.setdefault(balance, []).append(asset.id)
    return [
        Problem(
            f"asset {ids[0]}, balance '{balance}'",
            "no other asset gives to it or takes from it",
            f"one of {', '.join(sorted(set(names) - {balance}))}",
            "Correct the name, or add what it meets.",
        )
        for balance, ids in names.items()
        if len(ids) == 1 and balance != "electricity"
    ]


def problems(inputs: PlanInput, assets: Sequence[Asset]) -> list[Problem]:
    """Everything that is missing or contradictory before a model is built; empty when the plan can be made."""
    found: list[Problem] = []
    for name in ("import_price_per_kwh", "export_price_per_kwh", "intensity_kg_per_kwh"):
        found += _array(inputs, name, getattr(inputs, name))
    for asset_id, number in sorted(Counter(asset.id for asset in assets).items()):
        if number > 1:
            found.append(Problem(f"asset {asset_id}", f"{number} assets with this id", "one", "Give each asset its own id."))
    if not any(isinstance(asset, Grid) for asset in assets):
        found.append(Problem("assets", "none of kind grid", "at least one", "Add an asset of kind grid."))
    found += _balances(assets) + areas.problems(inputs, assets)
    for asset in assets:
        missing = _series(inputs, asset) + _state(inputs, asset)
        found += missing or asset.check(inputs, assets)
    return found


def require(inputs: PlanInput, assets: Sequence[Asset]) -> None:
    """Raises `PenstockError` with every problem at once."""
    found = problems(inputs, assets)
    if found:
        raise PenstockError(found)


def require_holdable(inputs: PlanInput, holds: Collection[tuple[str, str]]) -> None:
    """Raises `PenstockError` for manual holds of, and approvals for, what cannot be held."""
    orders = [("manual hold", lock.asset, lock.quantity) for lock in inputs.locks]
    orders += [("approval", one.asset, one.quantity) for one in inputs.approved]
    found = []
    for what, asset, quantity in orders:
        can = sorted(held for name, held in holds if name == asset)
        if quantity not in can:
            allowed = ", ".join(can) or "nothing: the asset is unknown or cannot be held"
            found.append(Problem(f"{what} of {asset}", quantity, allowed, "Release the hold, or correct it."))
    if found:
        raise PenstockError(found)
