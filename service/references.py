"""Names in city.toml that point nowhere, looked for in the TOML itself: so they are told beside the faults of its values."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from city.problems import Problem
from meters.maps.registers import DeviceModel

_NAMED = {
    "site": "sites",
    "sector": "sectors",
    "zone": "zones",
    "link": "links",
    "asset": "assets",
    "meter": "meters",
    "broker": "brokers",
    "programme": "programmes",
    "vtn": "vtns",
    "account": "accounts",
}
_USES = (  # table, key in it, what the key names
    ("sites", "sector", "sector"),
    ("sites", "district", "zone"),
    ("meters", "site", "site"),
    ("meters", "zone", "zone"),
    ("meters", "link", "link"),
    ("meters", "under", "meter"),
    ("accounts", "site", "site"),
    ("accounts", "sector", "sector"),
    ("gdp", "sector", "sector"),
    ("controls", "asset", "asset"),
    ("states", "asset", "asset"),
    ("controls", "point", "point"),
    ("limits", "point", "point"),
    ("reporting", "point", "point"),
    ("accounts", "point", "point"),
    ("loggers", "meter", "meter"),
    ("loggers", "broker", "broker"),
    ("assets", "programme", "programme"),
    ("programmes", "vtn", "vtn"),
)
_LISTS = (  # table, key of a list in it, what its names name
    ("assets", "series", "point"),
    ("assets", "inflow_series", "point"),
    ("accounts", "infeed", "point"),
    ("accounts", "outfeed", "point"),
    ("accounts", "generation", "point"),
    ("measures", "accounts", "account"),
    ("contracts", "accounts", "account"),
    ("suppliers", "accounts", "account"),
    ("enterprises", "accounts", "account"),
    ("buildings", "sites", "site"),
)


def tables(raw: Mapping[str, Any], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The tables of an array of tables with their numbers; whatever else stands there is told as a fault of its type."""
    found = raw.get(name)
    return ((i, entry) for i, entry in enumerate(found if isinstance(found, list) else ()) if isinstance(entry, dict))


def text(value: Any) -> str:
    """A name from the file; what is no text becomes one that names nothing."""
    return value if isinstance(value, str) else ""


def model_names(raw: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(TOML path, meter id, register map) of every map that a meter has or had."""
    for i, meter in tables(raw, "meters"):
        if isinstance(meter.get("model"), str):
            yield f"meters[{i}].model", text(meter.get("id")), meter["model"]
        for j, entry in tables(meter, "history"):
            if isinstance(entry.get("model"), str):
                yield f"meters[{i}].history[{j}].model", text(meter.get("id")), entry["model"]


def dangling(raw: Mapping[str, Any], models: Mapping[str, DeviceModel]) -> Iterator[Problem]:
    """Names that point nowhere, ids given twice, meters on a link without a unit, and controls that cannot be written."""
    ids = {kind: {e["id"] for _, e in tables(raw, name) if isinstance(e.get("id"), str)} for kind, name in _NAMED.items()}
    model_of = {text(e.get("id")): str(e.get("model")) for _, e in tables(raw, "meters")}
    uses = [(f"{table}[{i}].{key}", kind, e[key]) for table, key, kind in _USES for i, e in tables(raw, table) if key in e]
    for i, entry in tables(raw, "states"):
        weights = entry.get("weights")
        uses += [(f"states[{i}].weights", "point", point) for point in (weights if isinstance(weights, dict) else ())]
    for table, key, kind in _LISTS:
        for i, entry in tables(raw, table):
            names = entry.get(key)
            uses += [(f"{table}[{i}].{key}", kind, name) for name in (names if isinstance(names, list) else ())]
    uses += _of_targets(raw)
    water = raw.get("water")
    if isinstance(water, dict) and "valve_panel" in water:
        uses.append(("water.valve_panel", "meter", water["valve_panel"]))
    uses += _of_losses(water.get("losses") if isinstance(water, dict) else None)
    uses += _of_grid(raw.get("grid"))
    losses = {f"{zone}.{what}" for zone in ids["zone"] for what in ("loss", "loss_energy")}
    totals = {text(entry.get("id")) for _, entry in tables(raw, "totals")}
    for path, kind, name in uses:
        derived = losses if path.startswith("accounts") and path.endswith(".point") else totals if path.startswith("assets") else ()
        if not isinstance(name, str) or name in derived:
            continue
        if kind == "point":
            yield from _point(path, name, ids["meter"], model_of, models)
        elif name not in ids[kind]:
            yield Problem(path, f"no {kind} '{name}'", f"one of {some(ids[kind], name)}", "Correct the name.")
    for i, meter in tables(raw, "meters"):
        if meter.get("link") and "unit" not in meter:
            yield Problem(f"meters[{i}].unit ({meter.get('id')})", "missing", "0 to 255 for a meter on a link", "Give its Modbus unit id.")
    yield from _histories(raw, ids["meter"], models)
    for table in (
        "meters",
        "sites",
        "zones",
        "sectors",
        "links",
        "assets",
        "accounts",
        "targets",
        "measures",
        "contracts",
        "suppliers",
        "enterprises",
        "buildings",
        "stations",
        "brokers",
        "totals",
        "programmes",
        "vtns",
        "notify",
    ):
        names = Counter(entry["id"] for _, entry in tables(raw, table) if isinstance(entry.get("id"), str))
        for name in sorted(name for name, times in names.items() if times > 1):
            yield Problem(table, f"id '{name}' given {names[name]} times", "each id once", "Rename one of them.")


def _of_targets(raw: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(TOML path, kind, name) of what the basis of each target names."""
    for i, entry in tables(raw, "targets"):
        basis = entry.get("basis")
        names = basis.get("feedstock_accounts") if isinstance(basis, dict) else None
        yield from ((f"targets[{i}].basis.feedstock_accounts", "account", name) for name in (names if isinstance(names, list) else ()))


def _of_losses(losses: Any) -> Iterator[tuple[str, str, Any]]:
    """(TOML path, kind, name) of what [water.losses] names."""
    if not isinstance(losses, dict):
        return
    energy, areas = losses.get("energy"), losses.get("areas")
    yield from (("water.losses.energy", "point", point) for point in (energy if isinstance(energy, list) else ()))
    yield from ((f"water.losses.areas.{zone}", "zone", zone) for zone in (areas if isinstance(areas, dict) else ()))
    yield from ((f"water.losses.targets[{i}].zone", "zone", e["zone"]) for i, e in tables(losses, "targets") if "zone" in e)


def _of_grid(grid: Any) -> Iterator[tuple[str, str, Any]]:
    """(TOML path, kind, name) of what [grid] names in the city; what it names in the network is told when that is read."""
    for key, kind in (("meters", "meter"), ("switch_points", "point")):
        names = grid.get(key) if isinstance(grid, dict) else None
        yield from ((f"grid.{key}.{one}", kind, name) for one, name in (names.items() if isinstance(names, dict) else ()))


def _histories(raw: Mapping[str, Any], meters: Collection[str], models: Mapping[str, DeviceModel]) -> Iterator[Problem]:
    """Registers of exchanges that the map does not have, and former ids that are still somebody's."""
    taken: dict[str, str] = {}
    for i, meter in tables(raw, "meters"):
        name, model = text(meter.get("id")), models.get(text(meter.get("model")))
        known = [r.name for r in model.registers if r.quantity is not None and r.quantity.is_register] if model else []
        for j, entry in tables(meter, "history"):
            given = [(key, one) for key in ("final", "first") if isinstance(entry.get(key), dict) for one in entry[key]]
            for key, one in given if model else ():
                if one not in known:
                    path = f"meters[{i}].history[{j}].{key}.{one} ({name})"
                    yield Problem(path, f"'{one}' is no register that counts", f"one of {some(known, one)}", "Correct the name.")
        formerly = meter.get("formerly")
        for former in formerly if isinstance(formerly, list) else ():
            other = former if former in meters else taken.setdefault(text(former), name)
            if other != name or former in meters:
                observed = f"'{former}' is a meter of today" if former in meters else f"'{former}' was also '{other}'"
                yield Problem(f"meters[{i}].formerly ({name})", observed, "an id that no meter has any more", "Correct the name.")


def _point(
    path: str, name: str, meters: Collection[str], model_of: Mapping[Any, str], models: Mapping[str, DeviceModel]
) -> Iterator[Problem]:
    """The fault of one point id, where there is one; a meter whose model is unknown is told there already."""
    meter, _, register = name.rpartition(".")
    if meter not in meters:
        yield Problem(path, f"no meter '{meter or name}'", f"one of {some(meters, meter)}", "Write it as <meter>.<register>.")
        return
    model = models.get(model_of[meter])
    if model is None:
        return
    known = {r.name: r for r in model.registers if r.quantity is not None}
    if register not in known:
        yield Problem(
            path, f"no point '{name}'", f"one of {some([f'{meter}.{one}' for one in known], name)}", "Correct the register's name."
        )
    elif path.startswith(("controls", "grid.switch_points")) and not known[register].writable:
        writable = [f"{meter}.{one}" for one, r in known.items() if r.writable]
        yield Problem(path, f"'{name}' cannot be written", f"one of {some(writable)}", "Name a writable register.")


def some(names: Iterable[str], like: str = "") -> str:
    """A dozen of the names for a sentence, those most like the one that was meant first."""
    known = sorted(set(names))
    near = get_close_matches(like, known, 3) if like else []
    return ", ".join([*near, *(name for name in known if name not in near)][:12]) or "none defined"
