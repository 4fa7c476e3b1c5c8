"""The water network of a city with what city.toml says about it: DMAs, customers, sensors, valves."""

from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from city.problems import PenstockError, Problem, fault
from networks import valves as valve_table
from networks.network import Network
from networks.zones import zones
from service.settings import LoadedCity, path_of
from service.water_settings import Water


@dataclass(frozen=True)
class WaterCity:
    """The network, and how the city's meters and people lie on it."""

    city: LoadedCity
    water: Water

    @cached_property
    def _read(self) -> tuple[Network, list[Problem]]:
        path = self.city.beside / self.water.network
        if not path.suffix:
            return Network.named(self.water.network), []
        network, findings = Network.salvaged(path)
        problems = [finding.problem for finding in findings if finding.meaning.severity == "error"]
        if network is None:
            raise PenstockError(problems)
        return network, [replace(problem, subject=f"network file {path}, {problem.subject}") for problem in problems]

    @property
    def network(self) -> Network:
        """The network, without the lines of its file that cannot stand; `faults` tells those."""
        return self._read[0]

    @cached_property
    def _valves(self) -> tuple[pd.DataFrame, list[Problem]]:
        table, problems = valve_table.salvaged(path_of(self.city.beside, self.water.valves), self.network)
        return table.assign(state=table["state"].where(~table["valve"].isin(self.water.stuck_valves), "stuck")), problems

    @property
    def valves(self) -> pd.DataFrame:
        """Isolation valves: valve, link, node, state, turns, exercised; those with a fault are left out and told by `faults`."""
        return self._valves[0]

    @property
    def left_out(self) -> list[Problem]:
        """The faults of the network file for which a line of it had to be left out."""
        return self._read[1]

    @property
    def faults(self) -> list[Problem]:
        """What had to be left out of the network file and of the valve table."""
        return self.left_out + self._valves[1]

    @cached_property
    def dma_of(self) -> pd.Series:
        """DMA id by junction: as city.toml lists them, or cut from the network so that base demand follows population."""
        dmas = [zone for zone in self.city.settings.zones if zone.kind == "dma"]
        if self.water.zones:
            known = set(self.network.junctions["id"])
            listed = {junction: dma for dma, junctions in self.water.zones.items() for junction in junctions if junction in known}
            return pd.Series(listed, dtype=object)
        if not dmas:
            raise fault("zones", "none of kind 'dma'", "at least one", "List the DMAs, with their junctions under [water.zones].")
        made = zones(self.network, len(dmas), weights=[float(zone.population or 1) for zone in dmas])
        return made.map(dict(enumerate(zone.id for zone in dmas)))

    @cached_property
    def customers(self) -> dict[str, float]:
        """Customers by junction, in proportion to base demand."""
        base = self.network.junctions.set_index("id")["base_demand_m3_per_h"]
        if self.people:
            own = base[self.dma_of.index][base[self.dma_of.index] > 0]
            dma = self.dma_of[own.index]
            share = own / own.groupby(dma).transform("sum")
            return (share * dma.map(self.people).fillna(0.0).astype(float)).to_dict()
        return (base[base > 0] * self.water.customers_per_m3_per_h).to_dict()

    @cached_property
    def people(self) -> dict[str, float]:
        """Residents by DMA, where city.toml gives them."""
        return {zone.id: float(zone.population) for zone in self.city.settings.zones if zone.kind == "dma" and zone.population}

    @cached_property
    def sensors(self) -> dict[str, str]:
        """Pressure point id -> junction; a sensor that is not on the network is left out."""
        return self._nodes("pressure_m", "junctions")

    @cached_property
    def tanks(self) -> dict[str, str]:
        """Level point id -> tank."""
        return self._nodes("level_m", "tanks")

    @cached_property
    def pumps(self) -> dict[str, str]:
        """Point id of a pump's running state -> pump."""
        found = self._nodes("running", "pumps")
        return {point: node for point, node in found.items() if point.endswith(".running")}

    def dma_points(self, quantity: str) -> dict[str, str]:
        """Point id -> DMA of the inflow meters' points of one quantity."""
        meters = {
            meter.id: meter.zone
            for meter in self.city.settings.meters
            if meter.zone and meter.commodity == "water" and meter.role == "load"
        }
        return {p.id: zone for p in self.city.points.values() if p.quantity == quantity and (zone := meters.get(p.meter)) is not None}

    @cached_property
    def flow_meters(self) -> dict[str, str]:
        """Water meter -> link of the network it sits on: sources, mains into an area. They need a point of flow."""
        links, junctions = set(self.network.links["id"]), set(self.network.junctions["id"])
        found = {m.id: m.node for m in self.city.settings.meters if m.commodity == "water" and m.node in links}
        customers = {m.id for m in self.city.settings.meters if m.role == "load" and m.node in junctions}
        read = {p.meter for p in self.city.points.values() if p.quantity == "flow_m3_per_h"}
        return {name: str(link) for name, link in found.items() if name in read - customers}

    @cached_property
    def customer_meters(self) -> dict[str, str]:
        """Point id of a customer's volume register -> junction."""
        own = {m.id for m in self.city.settings.meters if m.commodity == "water" and m.role == "load" and not m.zone}
        found = self._nodes("volume_register_m3", "junctions")
        return {name: junction for name, junction in found.items() if self.city.points[name].meter in own}

    def _nodes(self, quantity: str, kind: str) -> dict[str, str]:
        known = set(getattr(self.network, kind)["id"])
        node = {meter.id: meter.node for meter in self.city.settings.meters if meter.commodity == "water" or meter.node}
        points = [point for point in self.city.points.values() if point.quantity == quantity]
        return {point.id: where for point in points if (where := node.get(point.meter)) is not None and where in known}


def water_city(city: LoadedCity) -> WaterCity | None:
    """The city's water side, or None when city.toml has no [water]. `water_names.check` tells what of it the network does not have."""
    return WaterCity(city, city.settings.water) if city.settings.water else None


def required(city: LoadedCity) -> WaterCity:
    """The city's water side. Raises `PenstockError` when city.toml has no [water]."""
    found = water_city(city)
    if found is None:
        raise fault("city.toml", "no [water]", "a network and its valves", "Add [water].")
    return found
