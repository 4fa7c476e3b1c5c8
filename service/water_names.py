"""Names in city.toml that must be in the water network or on its valves; reading the network takes wntr, so `load` does not ask.

What is told here does not end a run: `WaterCity` leaves out what is not on the network, and the rest goes on.
"""

from collections.abc import Iterable, Iterator

from city.problems import PenstockError, Problem
from city.quantities import Quantity
from service.references import some
from service.water import WaterCity

_ON = {Quantity.PRESSURE_M: "junctions", Quantity.LEVEL_M: "tanks", Quantity.RUNNING: "pumps"}


def problems(side: WaterCity) -> Iterator[Problem]:
    """Junctions, meters' places and valves that the network does not have, and what was left out of its files; a network that cannot
    be read is the one fault then."""
    try:
        network = side.network
    except PenstockError as error:
        yield from error.problems
        return
    junctions = set(network.junctions["id"])
    for junction in side.water.critical:
        yield from _unknown(f"water.critical.{junction}", "junction", junction, junctions)
    for junction in side.water.hydrants:
        yield from _unknown("water.hydrants", "junction", junction, junctions)
    for zone, names in side.water.zones.items():
        for junction in names:
            yield from _unknown(f"water.zones.{zone}", "junction", junction, junctions)
    settings, ids = (
        side.city.settings,
        {kind: set(getattr(network, kind)["id"]) for kind in ("junctions", "tanks", "pumps", "nodes", "links")},
    )
    for i, meter in enumerate(settings.meters):
        if meter.node is None:
            continue
        kinds = {_ON[p.quantity] for p in side.city.points.values() if p.meter == meter.id and p.quantity in _ON}
        for kind in sorted(kinds) or ["nodes or links"]:
            known = ids[kind] if kinds else ids["nodes"] | ids["links"]
            yield from _unknown(f"meters[{i}].node ({meter.id})", kind[:-1] if kinds else "node or link", meter.node, known)
    for i, crew in enumerate(settings.crews):
        yield from _unknown(f"crews[{i}].node ({crew.id})", "node", crew.node, ids["nodes"])
    try:
        table = side.valves
        yield from side.faults
    except PenstockError as error:
        yield from error.problems
        return
    for valve in side.water.stuck_valves:
        yield from _unknown("water.stuck_valves", "valve", valve, set(table["valve"]))


def check(side: WaterCity) -> WaterCity:
    """The same water side. Raises `PenstockError` with every name that the network does not have."""
    found = list(problems(side))
    if found:
        raise PenstockError(found)
    return side


def _unknown(path: str, what: str, name: str, known: Iterable[str]) -> Iterator[Problem]:
    if name not in known:
        yield Problem(path, f"no {what} '{name}' in the network", f"one of {some(known, name)}", "Correct the name.")
