"""The batteries under one import cap declared in linopy, where it is installed: a rival of the dispatch benchmark, not a dependency."""

from typing import Any

import numpy as np

from optimisation.assets import Asset
from optimisation.program import PlanInput


def solved(inputs: PlanInput, assets: tuple[Asset, ...]) -> float:
    """The objective of the same problem, by HiGHS on one thread. Raises ImportError where linopy is not installed."""
    import linopy
    import pandas as pd
    import xarray as xr

    grid: Any = assets[0]
    batteries: list[Any] = list(assets[2:])
    t, h = inputs.steps, inputs.step_h
    ids, steps, instants = pd.Index([b.id for b in batteries], name="b"), pd.RangeIndex(t, name="t"), pd.RangeIndex(t + 1, name="t")
    of = lambda name: xr.DataArray([getattr(b, name) for b in batteries], coords=[ids])  # noqa: E731 - a column
    start = xr.DataArray([inputs.state[b.id]["charge_kwh"] for b in batteries], coords=[ids])
    energy = of("energy_kwh")
    low = (energy * of("least_share")).expand_dims(t=instants).transpose("b", "t").copy()
    high = (energy * of("most_share")).expand_dims(t=instants).transpose("b", "t").copy()
    low.loc[{"t": 0}] = start
    high.loc[{"t": 0}] = start
    m = linopy.Model()
    bought = m.add_variables(0, grid.connection_kw, coords=[steps], name="import")
    power = of("power_kw").expand_dims(t=steps).transpose("b", "t")
    charge = m.add_variables(0, power, name="charge")
    discharge = m.add_variables(0, power, name="discharge")
    stored = m.add_variables(low, high, name="stored")
    short = m.add_variables(0, coords=[ids], name="short")
    m.add_constraints(bought - charge.sum("b") + discharge.sum("b") == xr.DataArray(inputs.power("town"), coords=[steps]), name="balance")
    gained = charge * (h * of("charge_efficiency")) - discharge * (h / of("discharge_efficiency"))
    later = stored.isel(t=slice(1, None)).assign_coords(t=steps)
    m.add_constraints(later - stored.isel(t=slice(0, t)).assign_coords(t=steps) - gained == 0, name="storage")
    m.add_constraints(stored.isel(t=t, drop=True) + short >= start, name="end")
    price = xr.DataArray(np.asarray(inputs.import_price_per_kwh) * h, coords=[steps])
    m.add_objective((bought * price).sum() + (discharge * (of("wear_price_per_kwh") * h)).sum() + (short * of("end_price_per_kwh")).sum())
    m.solve("highs", io_api="direct", threads=1, output_flag=False, progress=False)
    return float(m.objective.value)
