"""What the network map can show besides leaks: districts, segments, the pressures that are read; and the night flows of districts."""

from dataclasses import dataclass
from functools import lru_cache

import pandas as pd
from sqlalchemy import Engine

from networks.quality import FLOOR
from networks.segments import segments
from service import schema as t
from service.settings import LoadedCity
from service.store import results
from service.view.water import side

NIGHTS = 30  # of night flows that are shown
WEEK = 7  # nights that are held against those before them


@dataclass(frozen=True)
class Layers:
    """`zone_of`: junction -> DMA; `segment_of`: link -> segment; `segments` by number: links, valves that part it from others."""

    zone_of: dict[str, str]
    segment_of: dict[str, int]
    segments: pd.DataFrame


@lru_cache(maxsize=4)
def layers(city: LoadedCity) -> Layers | None:
    """The districts and segments of the network; None for a city without water."""
    found = side(city)
    if found is None:
        return None
    parted = segments(found.network, found.valves)
    sides = parted.valves[["node_side", "link_side"]]
    apart = sides[sides["node_side"] != sides["link_side"]]
    count = pd.concat([apart["node_side"], apart["link_side"]]).value_counts()
    table = pd.DataFrame({"links": parted.size["link"], "valves": count.reindex(parted.size.index).fillna(0).astype(int)})
    dmas = found.dma_of if any(zone.kind == "dma" for zone in city.settings.zones) else pd.Series(dtype=object)
    return Layers(dict(dmas), {str(k): int(v) for k, v in parted.link.items()}, table)


def gauges(city: LoadedCity, board: pd.DataFrame) -> pd.DataFrame:
    """Pressure sensors on the network: node, meter_id, value [m], value_utc, trusted, low (below the service pressure)."""
    found = side(city)
    columns = ["node", "meter_id", "value", "value_utc", "trusted", "low"]
    if found is None or city.settings.water is None:
        return pd.DataFrame(columns=columns)
    own = board[board["point_id"].isin(found.sensors)]
    trusted = own["usable"] & ~own["late"]
    low = trusted & (own["value"] < city.settings.water.service_pressure_m)
    return own.assign(node=own["point_id"].map(found.sensors), trusted=trusted, low=low)[columns].reset_index(drop=True)


def quality_signals(board: pd.DataFrame) -> pd.DataFrame:
    """The rows of the board that are signals of water quality."""
    return board[board["quantity"].isin([str(quantity) for quantity in FLOOR])].reset_index(drop=True)


def night_flows(engine: Engine) -> pd.DataFrame:
    """Least hourly inflow between 02:00 and 05:00 [m3/h]: a row per civil day, oldest first, a column per DMA; the last 30 nights."""
    b = t.water_balance.c
    rows = results.rows(engine, t.water_balance, b.night_flow_m3_per_h.is_not(None), order=b.day)
    frame = pd.DataFrame([(row.day, row.zone_id, row.night_flow_m3_per_h) for row in rows], columns=["day", "zone_id", "flow"])
    return frame.pivot_table(index="day", columns="zone_id", values="flow").tail(NIGHTS)


def risen(flows: pd.DataFrame) -> list[str]:
    """DMAs whose last three nights (their median) lie above what was usual before the last week.

    Usual is the median of those nights; above is by more than three standard deviations of a night, taken from the steps between
    nights (1.4826 times their median absolute deviation, over the root of 2: a leak that grows must not hide in its own growth), at
    least 3 % of the median. Needs a week of nights before the last week.
    """
    before = flows.iloc[:-WEEK]
    if len(before) < WEEK:
        return []
    usual = before.median()
    steps = before.diff()
    spread = (1.4826 * (steps - steps.median()).abs().median() / 2**0.5).clip(lower=0.03 * usual)
    up = flows.iloc[-3:].median() > usual + 3 * spread
    return [str(zone) for zone in flows.columns[up]]
