"""What a pump schedule does to the pressure at people's taps: plan and baseline, each run through EPANET on the forecast demand.

The plan knows tanks as volumes and pumps as numbers; the network has the last word on whether its schedule serves everybody.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from city.problems import PenstockError
from networks.hydraulics import simulate
from networks.locate import spread_demand
from optimisation.inputs import PlanInput
from service.settings import LoadedCity
from service.water import WaterCity, water_city


@dataclass(frozen=True)
class Pressure:
    """The worst moment of one schedule, and how much of it is below the service pressure."""

    least_m: float
    junction: str
    at_utc: str
    below_service_h: float  # hours in which any customer has less than the service pressure
    sentence: str


def pressures(
    city: LoadedCity, inputs: PlanInput, schedules: Mapping[str, pd.DataFrame], present: Mapping[str, float]
) -> dict[str, object]:
    """{scenario: its `Pressure` as JSON, or a sentence why there is none}; empty for a city without water network or pumps.

    `schedules` are PLAN frames, `present` the latest value of each point, from which the tanks start [m].
    """
    side = water_city(city)
    running = _pumps(city, side) if side else {}
    if side is None or not running:
        return {}
    try:
        demand = _demand(side, inputs)
        levels = {tank: present[point] for point, tank in side.tanks.items() if point in present}
        return {name: asdict(_of(side, inputs, frame, running, demand, levels)) for name, frame in schedules.items() if len(frame)}
    except PenstockError as error:  # a plan is no worse for a network that EPANET cannot solve, but nobody may think it was looked at
        return {"problem": f"Water pressure was not simulated: {error.problems[0]}"}


def _pumps(city: LoadedCity, side: WaterCity) -> dict[str, str]:
    """{asset: pump of the network} of the stations whose running state is read from one."""
    return {
        state.asset: side.pumps[point]
        for state in city.settings.states
        for point in state.weights
        if state.quantity == "running" and point in side.pumps
    }


def _demand(side: WaterCity, inputs: PlanInput) -> pd.DataFrame:
    """Expected demand of every junction at every step [m3/h]: float[steps, junctions]."""
    zones = {point: zone for point in inputs.series if (zone := side.city.meter[point.rsplit(".", 1)[0]].zone) is not None}
    flow: dict[str, np.ndarray] = {}
    for point, zone in zones.items():
        if side.city.meter[point.rsplit(".", 1)[0]].commodity == "water":
            flow[zone] = flow.get(zone, np.zeros(inputs.steps)) + np.maximum(inputs.power(point), 0.0)  # m3 per step / h
    return spread_demand(side.network, pd.DataFrame(flow, index=inputs.times[:-1]), side.dma_of)


def _of(
    side: WaterCity, inputs: PlanInput, frame: pd.DataFrame, running: Mapping[str, str], demand: pd.DataFrame, levels: Mapping[str, float]
) -> Pressure:
    on = {
        pump: float(is_open)
        for pump, is_open in side.network.links.set_index("id")["open"].items()
        if pump in set(side.network.pumps["id"])
    }
    timetable = pd.DataFrame(on, index=demand.index)
    for asset, pump in running.items():
        own = frame[(frame["asset_id"] == asset) & (frame["quantity"].isin(("running", "power_kw")))].sort_values("time_utc")
        timetable[pump] = (own[own["quantity"] == own["quantity"].max()]["value"].to_numpy()[: len(demand)] > 1e-6).astype(float)
    found = simulate(side.network, demand, initial_level_m=levels, pump_on=timetable, step_s=inputs.step_s)
    served = [junction for junction, people in side.customers.items() if people > 0]
    pressure = found.pressure_m[served]
    least, where = float(pressure.to_numpy().min()), str(pressure.min().idxmin())
    step = int(pressure[where].to_numpy().argmin())
    below = float((pressure.min(axis=1) < side.water.service_pressure_m).sum() * inputs.step_h)
    told = f"At least {least:.1f} m everywhere, least at junction {where} at {inputs.said(step)}"
    short = f"; below the {side.water.service_pressure_m:g} m of good service for {below:g} h" if below else ""
    return Pressure(round(least, 2), where, inputs.times[step].isoformat(), below, f"{told}{short}.")
