"""What a pump schedule does in the network: each run through EPANET on the forecast demand, which has the last word on it.

The plan knows tanks as volumes and pumps as numbers; the network knows heads. It says what pressure is left at people's taps, and what
the pumps give and draw at the heads of the day.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from city.problems import PenstockError, fault
from networks.hydraulics import Hydraulics, simulate
from networks.locate import spread_demand
from optimisation.inputs import Cut, PlanInput
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


@dataclass(frozen=True)
class Waterworks:
    """The network under one plan's demand, with the pumps that its assets switch. It is read when it is first asked."""

    side: WaterCity
    inputs: PlanInput
    stations: tuple[tuple[str, str], ...]  # asset, point of its running state
    present: Mapping[str, float]  # point -> latest value; tanks start from it [m]

    @cached_property
    def pumps(self) -> dict[str, str]:
        """Pump of the network by asset. Raises `PenstockError` when no station switches one."""
        found = {asset: self.side.pumps[point] for asset, point in self.stations if point in self.side.pumps}
        if not found:
            raise fault("pumps of the plan", "none is on the network", "the node of each station's meter", "Correct the nodes.")
        return found

    @cached_property
    def demand(self) -> pd.DataFrame:
        """Expected demand of every junction at every step [m3/h]: float[steps, junctions]."""
        meter, inputs = self.side.city.meter, self.inputs
        flow: dict[str, np.ndarray] = {}
        for point in inputs.series:
            own = meter[point.rsplit(".", 1)[0]]
            if own.zone is not None and own.commodity == "water":
                flow[own.zone] = flow.get(own.zone, np.zeros(inputs.steps)) + np.maximum(inputs.power(point), 0.0)  # m3 per step / h
        return spread_demand(self.side.network, pd.DataFrame(flow, index=inputs.times[:-1]), self.side.dma_of)

    def running(self, frame: pd.DataFrame) -> pd.DataFrame:
        """bool[steps, assets]: which stations run in a PLAN frame."""
        on = {}
        for asset in self.pumps:
            own = frame[(frame["asset_id"] == asset) & (frame["quantity"].isin(("running", "power_kw")))].sort_values("time_utc")
            on[asset] = own[own["quantity"] == own["quantity"].max()]["value"].to_numpy()[: self.inputs.steps] > 1e-6
        return pd.DataFrame(on, index=self.demand.index)

    def day(self, running: pd.DataFrame) -> Hydraulics:
        """The schedule in EPANET; a pump that no asset switches keeps the state the INP gives it."""
        network = self.side.network
        is_open = network.links.set_index("id")["open"]
        timetable = pd.DataFrame({pump: float(is_open[pump]) for pump in network.pumps["id"]}, index=self.demand.index)
        for asset, pump in self.pumps.items():
            timetable[pump] = running[asset].astype(float)
        levels = {tank: self.present[point] for point, tank in self.side.tanks.items() if point in self.present}
        return simulate(network, self.demand, initial_level_m=levels, pump_on=timetable, step_s=self.inputs.step_s)

    def pressure(self, day: Hydraulics) -> Pressure:
        """The least pressure at any customer, and how long it is below the service pressure."""
        served, inputs, service_m = self._served(day), self.inputs, self.side.water.service_pressure_m
        least, where = float(served.to_numpy().min()), str(served.min().idxmin())
        step = int(served[where].to_numpy().argmin())
        below = float((served.min(axis=1) < service_m).sum() * inputs.step_h)
        told = f"At least {least:.1f} m everywhere, least at junction {where} at {inputs.said(step)}"
        short = f"; below the {service_m:g} m of good service for {below:g} h" if below else ""
        return Pressure(round(least, 2), where, inputs.times[step].isoformat(), below, f"{told}{short}.")

    def points(self, day: Hydraulics, running: pd.DataFrame) -> dict[str, dict[str, float]]:
        """{asset: mean flow_m3_per_h and power_kw while it runs}, at the heads of the day; without those that rest all day."""
        found = {}
        for asset, pump in self.pumps.items():
            on = running[asset].to_numpy()
            if on.any():
                flow, power = (float(frame[pump].to_numpy()[on].mean()) for frame in (day.flow_m3_per_h, day.pump_power_kw))
                found[asset] = {"flow_m3_per_h": flow, "power_kw": power}
        return found

    def cuts(self, day: Hydraulics, running: pd.DataFrame) -> list[Cut]:
        """For each state of the stations the steps at which it leaves a customer below the service pressure."""
        least, service_m = self._served(day).min(axis=1).to_numpy(), self.side.water.service_pressure_m
        low = np.flatnonzero(least < service_m)
        states = running.iloc[low].apply(tuple, axis=1)
        made = []
        for state, rows in pd.Series(low, index=states.index).groupby(states):
            names = ", ".join(asset for asset, on in zip(running.columns, state, strict=True) if on) or "no pump"
            cause = f"{names} running leaves less than {service_m:g} m of pressure (EPANET)"
            made.append(Cut(tuple(rows.tolist()), dict(zip(running.columns, map(bool, state), strict=True)), cause))
        return made

    def _served(self, day: Hydraulics) -> pd.DataFrame:
        return day.pressure_m[[junction for junction, people in self.side.customers.items() if people > 0]]


def waterworks(city: LoadedCity, inputs: PlanInput, present: Mapping[str, float]) -> Waterworks | None:
    """The network for one plan; None for a city without a water network or without stations that a plan switches.

    `present` is the latest value of each point.
    """
    side = water_city(city)
    if side is None:
        return None
    running = [(state.asset, point) for state in city.settings.states if state.quantity == "running" for point in state.weights]
    stations = tuple((asset, point) for asset, point in running if city.meter[city.points[point].meter].node)
    return Waterworks(side, inputs, stations, present) if stations else None


def pressures(works: Waterworks | None, schedules: Mapping[str, pd.DataFrame]) -> dict[str, object]:
    """{scenario: its `Pressure` as JSON, or a sentence why there is none} of PLAN frames; empty where there are no waterworks."""
    if works is None:
        return {}
    try:
        return {name: asdict(works.pressure(works.day(works.running(frame)))) for name, frame in schedules.items() if len(frame)}
    except PenstockError as error:  # a plan is no worse for a network that cannot be read or solved, but nobody may think it was looked at
        return {"problem": f"Water pressure was not simulated: {error.problems[0]}"}
