"""The last day as isolation plans want it: demand of every junction, tank levels and pump states, known leaks taken off."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from city.frames import Block
from networks.leakage.areas import Areas
from networks.leakage.intake import intake
from networks.leakage.scada import Scada
from networks.zones import spread_demand
from service.isolating import LiveDay, live_day
from service.leakage import readings
from service.water import WaterCity


def of_day(side: WaterCity, live: Scada, cases: Sequence[Mapping[str, Any]]) -> LiveDay:
    """Demand by the inflows of districts, or of the areas that the flow meters on links cut off; `cases` are the leaks that run."""
    named = _named(side, live)
    if readings.by_district(side):
        return live_day(side, named, [(case["start_utc"], case["zone_id"], case["flow_m3_per_h"]) for case in cases])
    sites = readings.sites(side)
    areas = Areas.of(side.network, sites)
    inside = pd.Series(areas.area_of, side.network.junctions["id"]).loc[lambda area: area >= 0]
    at, links = live.times, side.network.links.set_index("id")
    flow = pd.DataFrame(intake(live, sites, areas, live.step).inflow, at, range(len(areas.names)))
    for case in cases:
        ends = [inside[end] for end in links.loc[case["pipe"], ["start", "end"]] if end in inside.index]
        if ends:
            flow.loc[at >= pd.Timestamp(case["start_utc"]), ends[-1]] -= case["flow_m3_per_h"]
    demand = spread_demand(side.network, flow.clip(lower=0.0).ffill().bfill().fillna(0.0), inside)
    level, running = (_frame(named[name], at) if name in named else pd.DataFrame(index=at) for name in ("level", "running"))
    return LiveDay(demand, level, running)


def _frame(block: Block, at: pd.DatetimeIndex) -> pd.DataFrame:
    return pd.DataFrame(block.unit_values().T, index=at, columns=list(block.ids))


def _named(side: WaterCity, live: Scada) -> dict[str, Block]:
    """The Blocks of a live day by what the network calls their series: districts, tanks, pumps."""
    named = {"flow": live.flow, "level": replace(live.level, ids=tuple(side.tanks.get(name, name) for name in live.level.ids))}
    if live.running is not None:
        named["running"] = replace(live.running, ids=tuple(side.pumps.get(name, name) for name in live.running.ids))
    return named
