"""Where crews and valves are, how long the ways are, and how long a valve takes to turn.

References: AWWA Manual M44 (2006), Distribution valves (three turns per inch of size and two or three more); `networks.surge`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from city.clock import local
from city.crews import Crew, Works
from city.problems import fault
from networks import surge
from networks.network import Network

_INCH_M = 0.0254
_DAYS = 3  # ahead that shifts are looked for


@dataclass(frozen=True)
class Ground:
    """The drawing in metres, as the crow flies; ways by road are `detour_factor` longer. `assumed` says where the scale came from."""

    place_m: Mapping[str, tuple[float, float]]
    works: Works
    assumed: str

    def way_s(self, start: str, end: str) -> float:
        """Time from node to node [s]. Raises `PenstockError` for a node without coordinates."""
        if lost := [node for node in (start, end) if node not in self.place_m]:
            raise fault(f"way to node {lost[0]}", "no coordinates", "x and y of the node", "Add it to [COORDINATES].")
        (x1, y1), (x2, y2) = self.place_m[start], self.place_m[end]
        return float(np.hypot(x2 - x1, y2 - y1)) * self.works.detour_factor / (self.works.speed_km_per_h / 3.6)


def ground(network: Network, works: Works) -> Ground:
    """Coordinates times `metres_per_unit`; without it the median over pipes of length over drawn length.

    Drawings may be in metres, feet, degrees or in nothing at all. In degrees one scale serves both axes: right for neither away from
    the equator, within a third at 45 degrees. Nodes that a file gives no place are read as 0, 0: where there are several they have
    none. Raises `PenstockError` for a network drawn in one point.
    """
    nodes = network.nodes.set_index("id")[["x", "y"]].astype(float)
    unplaced = (nodes == 0).all(axis=1)
    if unplaced.sum() > 1:
        nodes[unplaced] = np.nan
    scale, assumed = works.metres_per_unit, "as city.toml says"
    if scale is None:
        pipes = network.pipes
        span = nodes.loc[pipes["end"]].to_numpy() - nodes.loc[pipes["start"]].to_numpy()
        drawn = np.hypot(span[:, 0], span[:, 1])
        if not (drawn > 0).any():
            raise fault(f"network {network.name}", "all nodes drawn in one point", "a drawing", "Add [COORDINATES].")
        scale = float(np.median(pipes["length_m"].to_numpy(dtype=float)[drawn > 0] / drawn[drawn > 0]))
        assumed = "the median of pipe length over drawn length"
    place = {str(name): (float(x) * scale, float(y) * scale) for name, (x, y) in nodes.dropna().iterrows()}
    return Ground(place, works, f"1 unit of the drawing is {scale:.4g} m, {assumed}")


@dataclass(frozen=True)
class Valve:
    """A valve to turn: where it is, turns from open to shut [1], size of its pipe, length of pipe to the next source."""

    id: str
    node: str
    turns: float
    area_m2: float
    source_m: float

    def surge_s(self, flow_m3_per_h: float, works: Works) -> float:
        """Least time of the whole stroke that keeps the pressure rise within `surge_m`, from this flow [s]."""
        if self.area_m2 <= 0 or not np.isfinite(self.source_m):
            return 0.0
        velocity = abs(flow_m3_per_h) / 3600 / self.area_m2
        return surge.closing_time_s(velocity, self.source_m, works.surge_m, works.wave_m_per_s) / works.effective_stroke

    def by_hand_s(self, works: Works, flow_m3_per_h: float = 0.0) -> float:
        """Finding and turning it by hand, as slowly as the flow through it asks for [s]."""
        return works.set_up_s + max(self.turns * works.turn_s, self.surge_s(flow_m3_per_h, works))


def valves_of(network: Network, table: pd.DataFrame, names: Sequence[str]) -> dict[str, Valve]:
    """The named valves of the table; turns that nobody counted are 3 per inch and 2 more."""
    links, distance = network.links.set_index("id"), surge.source_distance_m(network)
    found = {}
    for row in table[table["valve"].isin(list(names))].to_dict("records"):
        size = float(links.loc[row["link"], "diameter_m"])
        counted = pd.to_numeric(row.get("turns"), errors="coerce")
        turns = float(counted) if pd.notna(counted) and counted > 0 else 3 * size / _INCH_M + 2
        found[row["valve"]] = Valve(row["valve"], row["node"], turns, np.pi / 4 * size**2, float(distance[row["node"]]))
    return {name: found[name] for name in names}


def windows_s(crew: Crew, now_utc: datetime, zone: str) -> list[tuple[float, float]]:
    """The crew's shifts of the next days, seconds from now; one that runs now began before 0. Without a break when it never ends."""
    if crew.shift_hours >= 24:
        return [(0.0, np.inf)]
    midnight = local(pd.DatetimeIndex([now_utc]), zone)[0].normalize().tz_localize(None)
    found = []
    for day in range(-1, _DAYS):
        begin = midnight + timedelta(days=day, hours=crew.shift_from_hour)
        ends = (
            time.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
            for time in (begin, begin + timedelta(hours=crew.shift_hours))
        )
        since, until = ((time - pd.Timestamp(now_utc)).total_seconds() for time in ends)
        if until > 0:
            found.append((since, until))
    return found
