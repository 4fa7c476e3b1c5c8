"""The nominal EPANET model driven by what was measured: area inflows, levels, flows of cut links, and the leaks already known.

Demand keeps the INP's spread over junctions and its patterns over the week; its total in an area is what flowed in less the leaks,
or, where consumption meters see it, what they read.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from networks import engine as en
from networks.leakage.areas import Areas
from networks.leakage.scada import Floats, Sites
from networks.network import Network

SLOTS = 336  # half hours of a week, Monday 00:00 first
_ACCURACY = 1e-4  # relative flow change at which EPANET stops; files often come with 0.01, which moves pressures by centimetres
_M3_PER_H = 3600.0


@dataclass(frozen=True)
class Moments:
    """What drives the model, per step: `demand` float[t, areas] of all customers and leaks of unmetered areas, of customers only in
    metered ones [m3/h]; `cut` float[t, flow points] [m3/h]; `level` float[t, tanks] [m]; `running` float[t, pumps]; `slot` int[t];
    `used` float[t, meters], what the consumption meters of metered areas read [m3/h]."""

    demand: Floats
    cut: Floats
    level: Floats
    running: Floats
    slot: NDArray[np.int64]
    used: Floats | None = None

    def __getitem__(self, rows: Any) -> "Moments":
        return replace(self, **{name: values[rows] for name, values in vars(self).items() if values is not None})

    def __len__(self) -> int:
        return len(self.slot)

    @property
    def known(self) -> NDArray[np.bool_]:
        """bool[t]: is everything measured?"""
        parts = [part for part in (self.demand, self.cut, self.level, self.running, self.used) if part is not None]
        return np.logical_and.reduce([np.isfinite(part).all(axis=1) for part in parts])


class Model:
    """The network open in EPANET. `solve` asks for pressures at the sensors and flows at the kept meters."""

    def __init__(self, network: Network, areas: Areas, sites: Sites) -> None:
        self.areas, self.junctions = areas, len(network.junctions)
        names, self._class_area, self._shape, self._weight, model = _classed(network, areas, sites)
        self.engine = en.Engine(model, network.name)
        e = self.engine.__enter__()
        self._pattern = [e.pattern_index(name) for name in names]
        self._junction = e.node_index(network.junctions["id"])
        self._sensor = e.node_index(sites.pressure.values())
        self._meter = e.link_index(sites.flow[name] for name in areas.kept)
        self._tank = e.node_index(sites.level.values())
        self._pump = e.link_index(sites.running.values())
        metered = areas.read(sites)
        self._read_area, self._read_at = areas.area_of[metered], metered
        e.start()
        self._drawing: list[int] = []

    def close(self) -> None:
        self.engine.__exit__(None, None, None)

    def _draw(self, extra: Floats) -> None:
        now = np.flatnonzero(extra).tolist()
        touched = sorted({*self._drawing, *now})
        self.engine.set_nodes([self._junction[j] for j in touched], en.BASE_DEMAND, extra[touched])
        self._drawing = now

    def solve(self, moments: Moments, leaks: Floats) -> Floats:
        """float64[t, sensors + kept meters]: pressures [m], flows [m3/h], with `leaks` float[t, junctions] or [junctions] [m3/h]
        drawn; NaN where a moment is not fully known."""
        e, a = self.engine, self.areas
        out = np.full((len(moments), len(self._sensor) + len(self._meter)), np.nan)
        leaks = np.broadcast_to(leaks, (len(moments), self.junctions))
        inside = a.area_of >= 0
        for t in np.flatnonzero(moments.known):
            lost = np.bincount(a.area_of[inside], leaks[t, inside], len(a.names))
            read = np.zeros(len(self._read_at)) if moments.used is None else moments.used[t]
            known = np.bincount(self._read_area, read, len(a.names))
            demand = np.maximum(moments.demand[t] - np.where(a.metered, known, lost), 0.0)
            shape = self._shape[moments.slot[t]]
            scale = demand / np.maximum(np.bincount(self._class_area, shape * self._weight, len(a.names)), 1e-9)
            for index, value in zip(self._pattern, shape * scale[self._class_area], strict=True):
                e.set_pattern(index, np.array([value]))
            extra = leaks[t] + a.boundary @ np.nan_to_num(moments.cut[t])
            np.add.at(extra, self._read_at, read)
            self._draw(extra)
            e.set_nodes(self._tank, en.TANK_LEVEL, moments.level[t])
            e.set_links(self._pump, en.STATUS, moments.running[t])
            e.solve()
            out[t, : len(self._sensor)] = e.nodes(self._sensor, en.PRESSURE)
            out[t, len(self._sensor) :] = e.links(self._meter, en.FLOW)
        return out

    def sensitivity(self, moment: Moments, leaks: Floats, size_m3_per_h: float) -> Floats:
        """float64[junctions, sensors + kept meters]: change per m3/h of a leak at each junction while the measured inflow stays the
        same [m/(m3/h), 1]; `moment` is one step."""
        base = self.solve(moment, leaks)[0]
        out = np.empty((self.junctions, len(base)))
        for j in range(self.junctions):
            more = leaks.copy()
            more[j] += size_m3_per_h
            out[j] = self.solve(moment, more)[0]
        return (out - base) / size_m3_per_h


def _classed(network: Network, areas: Areas, sites: Sites) -> tuple[list[str], NDArray[np.int64], Floats, Floats, Any]:
    """The engine's network with one EPANET pattern per class (area, pattern of the INP) and a category of demand per junction that
    leaks and cut links draw from; the classes' names, areas, shapes float[slots, classes] and base demands [m3/h]."""
    raw = network._model
    model = network.prepared(closed=[sites.flow[name] for name in areas.cut])
    read = set(areas.read(sites).tolist())
    model.options.hydraulic.accuracy = _ACCURACY
    flat = model.options.hydraulic.pattern
    classes: dict[tuple[int, str], float] = {}
    default = raw.options.hydraulic.pattern or ""
    for j, name in enumerate(network.junctions["id"]):
        node, own = model.get_node(name), int(areas.area_of[j])
        node.demand_timeseries_list.clear()
        node.add_demand(0.0, flat)  # the first is the one EPANET's base demand names
        for part in raw.get_node(name).demand_timeseries_list:
            if own < 0 or part.base_value == 0.0 or j in read:
                continue
            key, base = (own, part.pattern_name or default), part.base_value
            classes[key] = classes.get(key, 0.0) + base * _M3_PER_H
            node.add_demand(base, _class_name(key))
    for key in classes:
        model.add_pattern(_class_name(key), [1.0])
    shape = np.array([_week(raw, pattern) for _, pattern in classes]).reshape(-1, SLOTS).T  # none where every customer is metered
    area = np.array([area for area, _ in classes], dtype=np.int64)
    return [_class_name(key) for key in classes], area, shape, np.array(list(classes.values())), model


def _class_name(key: tuple[int, str]) -> str:
    return f"a{key[0]}~{key[1]}"[:30]


def _week(model: Any, pattern: str) -> Floats:
    """float[336]: the pattern's mean multiplier in each half hour of the week."""
    if not pattern:
        return np.ones(SLOTS)
    step = float(model.options.time.pattern_timestep)
    known = model.get_pattern(pattern)
    if known is None:  # EPANET takes 1 for a pattern that the file names and does not have
        return np.ones(SLOTS)
    values = np.asarray(known.multipliers, dtype=float)
    fine = np.arange(SLOTS * 6) * 300.0
    return values[(fine // step).astype(int) % len(values)].reshape(SLOTS, 6).mean(axis=1)
