"""Which series are sums of which, as city.toml says it: `under` of a meter and [[totals]]."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from city.problems import Problem
from city.quantities import Quantity
from meters.maps.registers import DeviceModel
from service.references import some, tables, text

if TYPE_CHECKING:
    from service.settings import LoadedCity

REMAINDER = ".remainder"
"""Ends the id of what a measured parent has and its forecast parts do not explain: losses, what has no meter."""


@dataclass(frozen=True)
class Summed:
    """A series that no meter measures: a total, or the remainder of a measured parent."""

    id: str
    parts: Mapping[str, float]  # measured points and other such series -> sign
    quantity: Quantity
    step_s: int
    kind: str


@dataclass(frozen=True)
class Sums:
    """All sums of a city. `constraints` is {aggregate: {part: sign}}: what must add up, remainders included."""

    constraints: Mapping[str, Mapping[str, float]]
    summed: Mapping[str, Summed]
    rating_kw: Mapping[str, float]
    names: Mapping[str, str]

    def leaves(self, name: str) -> dict[str, float]:
        """Measured points that a summed series is made of, with their signs."""
        found: dict[str, float] = {}
        for part, sign in self.summed[name].parts.items():
            for leaf, own in (self.leaves(part) if part in self.summed else {part: 1.0}).items():
                found[leaf] = found.get(leaf, 0.0) + sign * own
        return {leaf: sign for leaf, sign in found.items() if sign}


def forecast_points(city: "LoadedCity") -> dict[str, str]:
    """{point id: kind} of every register whose usage is forecast."""
    return {
        p.id: str(city.meter[p.meter].forecast) for p in city.points.values() if p.quantity.is_register and city.meter[p.meter].forecast
    }


def topmost(city: "LoadedCity", meters: Iterable[str]) -> list[str]:
    """Those of some meters that hang under none of the others: what may be added up without counting anything twice."""
    some = dict.fromkeys(meters)

    def above(name: str) -> Iterator[str]:
        while (name := city.meter[name].under or "") in city.meter:
            yield name

    return [name for name in some if some.keys().isdisjoint(above(name))]


def declared(city: "LoadedCity") -> Sums:
    """The sums of a city whose file was found right."""
    kinds = forecast_points(city)
    constraints: dict[str, dict[str, float]] = {}
    summed: dict[str, Summed] = {}
    step_s = {name: city.points[name].step_s for name in kinds}
    quantity = {name: city.points[name].stored for name in kinds}

    def add(name: str, parts: Mapping[str, float]) -> None:
        own = [kinds[part] for part in parts]
        mixed = len(set(parts.values())) > 1 or name.endswith(REMAINDER)
        kind = "net" if mixed else own[0] if len(set(own)) == 1 else "load"
        kinds[name], step_s[name], quantity[name] = kind, max(step_s[part] for part in parts), quantity[next(iter(parts))]
        summed[name] = Summed(name, parts, quantity[name], step_s[name], kind)

    for parent, parts in _under(city, kinds).items():
        add(parent + REMAINDER, {parent: 1.0} | {part: -sign for part, sign in parts.items()})
        constraints[parent] = parts | {parent + REMAINDER: 1.0}
    by_id = {total.id: total for total in city.settings.totals}
    for name in TopologicalSorter({t.id: [p for p in t.parts if p in by_id] for t in by_id.values()}).static_order():
        add(name, by_id[name].parts)
        constraints[name] = by_id[name].parts
    ratings = {name: city.meter[city.points[name].meter].rating_kw for name in kinds if name in city.points}
    ratings |= {total.id: total.rating_kw for total in city.settings.totals}
    known = {name: limit for name, limit in ratings.items() if limit is not None and quantity[name] == Quantity.ENERGY_KWH}
    return Sums(constraints, summed, known, {total.id: total.name for total in city.settings.totals if total.name})


def _under(city: "LoadedCity", kinds: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """{point of a parent: {point of a meter under it: sign}}; generation under a meter of usage is subtracted."""
    found: dict[str, dict[str, float]] = {}
    first: dict[tuple[str, Quantity], str] = {}  # looked up: comparing each with each takes hours for a city of 100,000 meters
    for name in kinds:
        first.setdefault((city.points[name].meter, city.points[name].stored), name)
    for name in kinds:
        point, meter = city.points[name], city.meter[city.points[name].meter]
        parent = first.get((str(meter.under), point.stored)) if meter.under else None
        if parent is not None:
            sides = {meter.role == "generation", city.meter[str(meter.under)].role == "generation"}
            found.setdefault(parent, {})[name] = 1.0 if len(sides) == 1 else -1.0
    return found


def mismatched(raw: Mapping[str, Any], models: Mapping[str, DeviceModel]) -> Iterator[Problem]:
    """Totals of what is not forecast or of unlike quantities, meters under another kind of meter, and circles."""
    counted = dict(_registers(raw, models))
    totals = {text(entry.get("id")): entry for _, entry in tables(raw, "totals")}
    meters = {text(entry.get("id")): entry for _, entry in tables(raw, "meters")}
    links = {f"total {name}": [f"total {part}" for part in _parts(entry) if part in totals] for name, entry in totals.items()}
    links |= {f"meter {name}": [f"meter {entry['under']}"] for name, entry in meters.items() if isinstance(entry.get("under"), str)}
    try:
        tuple(TopologicalSorter(links).static_order())
    except CycleError as error:
        yield Problem("totals and under", " -> ".join(error.args[1]), "sums without a circle", "Take one of them out.")
        return
    stored = {name: quantity for name, (quantity, _) in counted.items()}
    for name in TopologicalSorter({n: [p for p in _parts(e) if p in totals] for n, e in totals.items()}).static_order():
        yield from _total(name, list(totals).index(name), totals[name], totals, counted, stored, meters)
    for i, meter in tables(raw, "meters"):
        above = meters.get(text(meter.get("under")))
        if above is not None and above.get("commodity") != meter.get("commodity"):
            observed = f"'{meter['under']}' measures {above.get('commodity')}, not {meter.get('commodity')}"
            yield Problem(f"meters[{i}].under ({meter.get('id')})", observed, "a meter of the same commodity", "Name what it hangs on.")


def _registers(raw: Mapping[str, Any], models: Mapping[str, DeviceModel]) -> Iterator[tuple[str, tuple[Quantity, bool]]]:
    """(point id, (usage, is it forecast)) of every register that counts."""
    for _, meter in tables(raw, "meters"):
        model = models.get(str(meter.get("model")))
        for register in model.registers if model else ():
            if register.quantity is not None and register.quantity.usage is not None:
                yield f"{text(meter.get('id'))}.{register.name}", (register.quantity.usage, bool(meter.get("forecast")))


def _parts(total: Mapping[str, Any]) -> list[str]:
    given = [total.get("of"), total.get("less")]
    return [part for some_ in given if isinstance(some_, list) for part in some_ if isinstance(part, str)]


def _total(
    name: str,
    number: int,
    total: Mapping[str, Any],
    totals: Mapping[str, Any],
    counted: Mapping[str, tuple[Quantity, bool]],
    stored: dict[str, Quantity],
    meters: Mapping[str, Any],
) -> Iterator[Problem]:
    """Faults of one total; its own quantity is added to `stored`."""
    path = f"totals[{number}].of ({name})"
    right = [*(p for p, (_, forecast) in counted.items() if forecast), *totals]
    for part in _parts(total):
        if part not in stored:
            yield Problem(path, f"no point that counts and no total '{part}'", f"one of {some(right, part)}", "Correct the name.")
        elif part in counted and not counted[part][1]:
            yield Problem(path, f"'{part}' is not forecast", f"one of {some(right, part)}", "Give its meter a forecast.")
        elif stored.setdefault(name, stored[part]) != stored[part]:
            yield Problem(path, f"'{part}' is {stored[part]}, others are {stored[name]}", "parts of one quantity", "Make two totals.")
    if name in meters:
        yield Problem(f"totals[{number}].id", f"'{name}' is a meter", "an id of its own", "Rename the total.")
    if name not in stored:
        stored[name] = Quantity.ENERGY_KWH  # told above already
