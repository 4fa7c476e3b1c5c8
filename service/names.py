"""What a name in city.toml stands for must suit its use: a control's quantity its asset, a series its forecast, a region its factors.

Like `service.references` this reads the TOML itself, so that a fault here is told beside the faults of values and types.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from carbon import factors
from carbon.accounts import GridLoss, account_of
from carbon.accounts.electricity import FromGrid
from city.problems import PenstockError, Problem
from city.quantities import Quantity
from forecasting.calendars import check_country
from meters.maps.registers import DeviceModel
from optimisation.assets import KINDS, AssetKind
from service.references import some, tables, text

GRID_FACTOR = "grid electricity average-provincial"  # the activity whose factor prices the plan's carbon
_KIND: dict[str, type[AssetKind]] = {str(kind.model_fields["kind"].default): kind for kind in KINDS}
_WATER_KINDS = ("tank",)
_WATER, _ENERGY = (Quantity.VOLUME_M3,), (Quantity.ENERGY_KWH, Quantity.HEAT_KWH)


@dataclass(frozen=True)
class Seen:
    """A point of the raw file: what it measures, may it be written, and its meter's table."""

    quantity: Quantity
    writable: bool
    meter: Mapping[str, Any]

    @property
    def stored(self) -> Quantity:
        return self.quantity.usage or self.quantity


def mismatched(raw: Mapping[str, Any], models: Mapping[str, DeviceModel], factor_folders: Sequence[Path]) -> Iterator[Problem]:
    """Every name that exists but does not suit its use, with its TOML path and the names that would."""
    points = {
        f"{meter['id']}.{register.name}": Seen(register.quantity, register.writable, meter)
        for _, meter in tables(raw, "meters")
        if isinstance(meter.get("id"), str) and (model := models.get(str(meter.get("model")))) is not None
        for register in model.registers
        if register.quantity is not None
    }
    kinds = {a["id"]: _KIND.get(str(a.get("kind"))) for _, a in tables(raw, "assets") if isinstance(a.get("id"), str)}
    yield from _place(raw)
    yield from _units(raw)
    yield from _assets(raw, points)
    yield from _controls(raw, points, kinds)
    yield from _states(raw, kinds)
    yield from _columns(raw, points)
    yield from _factors(raw, points, factor_folders)
    yield from _water(raw, points)


def _place(raw: Mapping[str, Any]) -> Iterator[Problem]:
    city = raw.get("city")
    country, part = (city.get("country"), city.get("subdivision")) if isinstance(city, dict) else (None, None)
    if isinstance(country, str) and (part is None or isinstance(part, str)):
        yield from check_country(country, part)


def _units(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Two meters at one address: each would be given the other's numbers."""
    first: dict[tuple[str, int, int], str] = {}
    for i, meter in tables(raw, "meters"):
        link, unit = meter.get("link"), meter.get("unit")
        if isinstance(link, str) and isinstance(unit, int):
            base = meter.get("base", 0)
            other = first.setdefault((link, unit, base if isinstance(base, int) else 0), str(meter.get("id")))
            if other != str(meter.get("id")):
                yield Problem(
                    f"meters[{i}].unit ({meter.get('id')})",
                    f"unit {unit} of link '{link}' is also '{other}'",
                    "each unit of a link once, or with another base",
                    "Correct the unit id, or give the base at which this meter's registers begin.",
                )


def _assets(raw: Mapping[str, Any], points: Mapping[str, Seen]) -> Iterator[Problem]:
    """Series must be forecast and count what the asset is made of; a pump station fills a tank."""
    tanks = [a["id"] for _, a in tables(raw, "assets") if a.get("kind") == "tank" and isinstance(a.get("id"), str)]
    for i, asset in tables(raw, "assets"):
        water = "inflow_series" in asset or asset.get("kind") in _WATER_KINDS
        counts, key = _WATER if water else _ENERGY, "inflow_series" if "inflow_series" in asset else "series"
        series = asset.get(key)
        for name in series if isinstance(series, list) else ():
            seen = points.get(text(name))
            if seen is None:
                continue
            if seen.quantity.usage not in counts:
                observed, remedy = f"'{name}' is a {seen.quantity}", f"Name a register whose differences are {' or '.join(counts)}."
            elif not seen.meter.get("forecast"):
                observed, remedy = f"'{name}' is not forecast", f"Give meter '{seen.meter['id']}' a forecast."
            else:
                continue
            right = [p for p, s in points.items() if s.quantity.usage in counts and s.meter.get("forecast")]
            yield Problem(f"assets[{i}].{key} ({asset.get('id')})", observed, f"one of {some(right, name)}", remedy)
        for key, does in (("tank", "fills"), ("from_tank", "draws from")):
            if isinstance(asset.get(key), str) and asset[key] not in tanks:
                yield Problem(
                    f"assets[{i}].{key} ({asset.get('id')})",
                    f"no tank '{asset[key]}'",
                    f"one of {some(tanks, asset[key])}",
                    f"Name the tank it {does}.",
                )


def _controls(raw: Mapping[str, Any], points: Mapping[str, Seen], kinds: Mapping[str, type[AssetKind] | None]) -> Iterator[Problem]:
    used = Counter(text(control.get("point")) for _, control in tables(raw, "controls"))
    for i, control in tables(raw, "controls"):
        path, kind = f"controls[{i}]", kinds.get(text(control.get("asset")))
        for key in ("quantity", "held_back_by"):
            quantity = control.get(key)
            if kind is not None and isinstance(quantity, str) and quantity not in kind.planned:
                yield Problem(
                    f"{path}.{key}", f"'{quantity}' is not planned for '{control['asset']}'", _one_of(kind.planned), "Correct it."
                )
        seen, quantity = points.get(text(control.get("point"))), text(control.get("quantity"))
        suits = kind is None or quantity in kind.planned
        if seen is not None and suits and quantity in list(Quantity) and Quantity(quantity).unit != seen.quantity.unit:
            observed = f"{quantity} on '{control['point']}', which takes {seen.quantity}"
            yield Problem(f"{path}.quantity", observed, f"a quantity in {seen.quantity.unit}", "Correct the quantity or the point.")
        if used[text(control.get("point"))] > 1 and isinstance(control.get("point"), str):
            yield Problem(f"{path}.point", f"'{control['point']}' has two controls", "one control per point", "Remove one of them.")
            used[control["point"]] = 0


def _states(raw: Mapping[str, Any], kinds: Mapping[str, type[AssetKind] | None]) -> Iterator[Problem]:
    for i, state in tables(raw, "states"):
        kind, quantity = kinds.get(text(state.get("asset"))), state.get("quantity")
        if kind is not None and isinstance(quantity, str) and quantity not in (known := kind.state_needed + kind.state_taken):
            observed = f"'{quantity}' is no state of '{state['asset']}'"
            yield Problem(f"states[{i}].quantity", observed, _one_of(known), "Correct or remove it.")


def _columns(raw: Mapping[str, Any], points: Mapping[str, Seen]) -> Iterator[Problem]:
    for i, entry in tables(raw, "imports"):
        mapping = entry.get("mapping")
        for j, column in tables(mapping, "columns") if isinstance(mapping, dict) else ():
            if isinstance(name := column.get("point"), str) and name not in points:
                near = [point for point in points if point.startswith(name.partition(".")[0] + ".")] or list(points)
                yield Problem(
                    f"imports[{i}].mapping.columns[{j}].point", f"no point '{name}'", f"one of {some(near, name)}", "Correct the name."
                )


def _factors(raw: Mapping[str, Any], points: Mapping[str, Seen], folders: Sequence[Path]) -> Iterator[Problem]:
    """Regions and factors must be in some factor set; that one is valid on the day is the ledger's check."""
    try:
        rows = [row for folder in (factors.SHIPPED, *folders) for _, row in factors.read_rows(folder)]
    except PenstockError as error:
        yield from error.problems
        return
    regions: dict[str, set[str]] = {}
    for row in rows:
        regions.setdefault(row["activity"].casefold(), set()).add(row["region"])
    city, ids = raw.get("city"), {row["id"] for row in rows}
    region = city.get("region") if isinstance(city, dict) else None
    plans = "tariff" in raw and any(tables(raw, "assets"))
    known = regions[GRID_FACTOR] if plans else {row["region"] for row in rows}
    if isinstance(region, str) and region not in known and "edge" not in raw:  # a station posts nothing
        observed = f"no factor for '{GRID_FACTOR}' in '{region}'" if plans else f"no factor for region '{region}'"
        yield Problem(
            "city.region", observed, f"one of {some(known, region)}", "Choose one of them, or put a CSV with its factors into factors/."
        )
    for i, entry in tables(raw, "accounts"):
        try:
            account = account_of(**entry)
        except ValidationError:
            continue  # told already
        path, seen = f"accounts[{i}].", points.get(account.point)
        if seen is not None and seen.stored != account.quantity:
            observed = f"'{account.point}' counts {seen.stored}"
            yield Problem(f"{path}point ({account.id})", observed, f"a point of {account.quantity}", "Correct the point or the kind.")
        if isinstance(account, GridLoss):
            yield from _feeds(path, account, points)
        factor_id = getattr(account, "factor_id", None)
        if factor_id and factor_id not in ids:
            allowed = f"one of {some(ids, factor_id)}"
            yield Problem(f"{path}factor_id ({account.id})", f"no factor '{factor_id}'", allowed, "Correct the id.")
        elif isinstance(account, FromGrid) and not factor_id:
            activity = account.factor_activity or GRID_FACTOR
            if account.region not in (there := regions.get(activity.casefold(), ())):
                observed, allowed = f"no factor for '{activity}' in '{account.region}'", f"one of {some(there, account.region)}"
                yield Problem(f"{path}region ({account.id})", observed, allowed, "Choose one of them, or give factor_id.")


def _feeds(path: str, account: GridLoss, points: Mapping[str, Seen]) -> Iterator[Problem]:
    for key in ("infeed", "outfeed", "generation"):
        for name in getattr(account, key):
            if name in points and points[name].stored != account.quantity:
                observed, allowed = f"'{name}' counts {points[name].stored}", f"points of {account.quantity}"
                yield Problem(f"{path}{key} ({account.id})", observed, allowed, "Name meters of electricity.")


def _water(raw: Mapping[str, Any], points: Mapping[str, Seen]) -> Iterator[Problem]:
    """What can be told of [water] without its files, which `service.water_names` reads: without them there is still a city to run."""
    water = raw.get("water")
    if not isinstance(water, dict):
        return
    panel, zones = water.get("valve_panel"), water.get("zones")
    turning = {str(s.meter["id"]) for s in points.values() if s.quantity == Quantity.OPENING and s.writable}
    if isinstance(panel, str) and panel in {str(s.meter["id"]) for s in points.values()} - turning:
        yield Problem("water.valve_panel", f"'{panel}' moves no valve", f"one of {some(turning)}", "Name a meter with writable openings.")
    if not isinstance(zones, dict):
        return
    dmas = [zone["id"] for _, zone in tables(raw, "zones") if zone.get("kind") == "dma" and isinstance(zone.get("id"), str)]
    first: dict[str, str] = {}
    for zone, junctions in zones.items():
        if zone not in dmas:
            yield Problem(
                f"water.zones.{zone}", f"no DMA '{zone}'", f"one of {some(dmas, str(zone))}", "Correct it, or add the zone to [[zones]]."
            )
        for junction in junctions if isinstance(junctions, list) else ():
            if first.setdefault(str(junction), zone) != zone:
                observed = f"junction '{junction}' is also in '{first[str(junction)]}'"
                yield Problem(f"water.zones.{zone}", observed, "each junction in one DMA", "Remove it from one of them.")


def _one_of(names: Sequence[str]) -> str:
    return f"one of {', '.join(names)}" if names else "nothing: this kind of asset has none"
