"""Is everything there? Every missing price, forecast or state is one sentence, and all are told before anything is built."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from city.problems import PenstockError, Problem
from optimisation.assets import Asset, Grid
from optimisation.inputs import PlanInput
from optimisation.risk import areas

LARGEST = 1e8  # of prices, intensities and forecasts: what is larger is a slip of a unit, and no solver's number


def _array(inputs: PlanInput, subject: str, values: Any) -> list[Problem]:
    """A problem when `values` is not one finite number per step."""
    array = np.asarray(values, dtype=float)
    if array.shape == (inputs.steps,) and np.abs(array).max(initial=0.0) <= LARGEST:  # not-a-number is not
        return []
    horizon = f"{inputs.steps} finite numbers from {inputs.said(0)} to {inputs.said(inputs.steps)}"
    if array.shape != (inputs.steps,):
        return [Problem(subject, f"shape {array.shape}", horizon, "Give one value per step of the horizon.")]
    missing = np.flatnonzero(~np.isfinite(array))
    if not len(missing):
        largest = int(np.abs(array).argmax())
        return [Problem(subject, f"{array[largest]:g} at {inputs.said(largest)}", f"at most {LARGEST:g}", "Check its unit.")]
    span = f"{inputs.said(int(missing[0]))} to {inputs.said(int(missing[-1]) + 1)}"
    return [Problem(subject, f"{len(missing)} values missing, {span} local time", horizon, "Complete it, or shorten the horizon.")]


def _series(inputs: PlanInput, asset: Asset) -> list[Problem]:
    found: list[Problem] = []
    for series_id in asset.series_needed:
        forecast: Mapping[str, Any] | None = inputs.series.get(series_id)
        if forecast is None or "p50" not in forecast:
            found.append(Problem(f"asset {asset.id}, series '{series_id}'", "no forecast", "a P50 per step", "Forecast this series."))
        else:
            bands = ("p10", "p50", "p90") if inputs.risk.violation_share is not None else ("p50",)
            for name in (one for one in bands if one in forecast):
                found += _array(inputs, f"asset {asset.id}, forecast {name.upper()} of '{series_id}'", forecast[name])
    return found


def _numbers(inputs: PlanInput) -> list[Problem]:
    """Single numbers that are none, and courses of the wrong length; not-a-number in a course means free."""
    named = ("carbon_price_per_t", "month_peak_kw", "change_price_per_kwh", "carbon_cap_kg", "peak_cap_kw")
    told = {name: getattr(inputs, name) for name in named if getattr(inputs, name) is not None}
    told |= {f"manual hold of {lock.asset}, {lock.quantity}": lock.value for lock in inputs.locks if lock.course is None}
    courses = [("import_limit_kw", inputs.import_limit_kw)]
    courses += [(f"course of {lock.asset}, {lock.quantity}", lock.course) for lock in inputs.locks]
    courses += [(f"approval of {one.asset}, {one.quantity}", one.values) for one in inputs.approved]
    return [Problem(name, f"{value:g}", "a finite number", "Correct it.") for name, value in told.items() if not np.isfinite(value)] + [
        Problem(name, f"shape {np.shape(values)}", f"{inputs.steps} numbers, one per step", "Give one value per step of the horizon.")
        for name, values in courses
        if values is not None and np.shape(values) != (inputs.steps,)
    ]


def _state(inputs: PlanInput, asset: Asset) -> list[Problem]:
    state = inputs.state.get(asset.id, {})
    return [
        Problem(f"asset {asset.id}, state '{key}'", "unknown", f"its value at {inputs.said(0)}", "Read its meter, or enter it by hand.")
        for key in asset.state_needed + asset.state_taken
        if not np.isfinite(state.get(key, np.nan if key in asset.state_needed else 0.0))
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
    found += _numbers(inputs)
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
