"""Where conditions come from: one module per source, listed here. A new kind is a `Kind` and a few lines of `found` in one of them."""

from service.alarms.conditions import Source
from service.alarms.kinds import Kind
from service.alarms.sources import control, field, grid, keeping, outside, plan, processes, water

SOURCES: dict[str, Source] = {
    "control": control,
    "processes": processes,
    "keeping": keeping,
    "outside": outside,
    "water": water,
    "grid": grid,
    "plan": plan,
    "field": field,
}
KINDS: dict[str, Kind] = {kind.name: kind for source in SOURCES.values() for kind in source.KINDS}
