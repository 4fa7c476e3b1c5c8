"""Maps of Telegraf's Modbus plugin: `[[inputs.modbus]]` in its register, request and metric styles.

Reference: Telegraf, plugins/inputs/modbus (configuration and data types).
"""

import tomllib
from typing import Any

from city.problems import PenstockError, fault
from meters.maps.foreign.found import ORDERS, Found, Imported, Link, number, serial, tables, whole

_STYLE = {"register": ("discrete_inputs", "coils", "holding_registers", "input_registers"), "request": ("request",), "metric": ("metric",)}
_TABLE = {"discrete_inputs": "discrete", "coils": "coil", "holding_registers": "holding", "input_registers": "input"}
_OWN: tuple[str, ...] = (
    "timeout",
    "busy_retries",
    "busy_retries_wait",
    "debug_connection",
    "workarounds",
    "optimization",
    "optimization_max_register_fill",
)
_OWN += ("exclude_register_type_tag", "interval", "data_bits", "rs485", "string_register_location")
_BYTES = {"INT8L": None, "INT8H": None, "UINT8L": 0, "UINT8H": 8}


def read(text: str) -> Imported:
    """Every device of a Telegraf configuration. Raises `PenstockError` when it is no TOML or has no Modbus input."""
    made = Imported("telegraf")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise fault("Telegraf configuration", str(error), "TOML", "Give the file as Telegraf reads it.") from None
    inputs = raw.get("inputs")
    plugins = tables(inputs.get("modbus")) if isinstance(inputs, dict) else []
    if not plugins:
        raise fault("Telegraf configuration", "no [[inputs.modbus]]", "at least one", "Give the file that has it.")
    for plugin in plugins:
        try:
            _plugin(plugin, made)
        except PenstockError as error:
            made.leave(f"inputs.modbus {plugin.get('name', '')}", f"not carried over: {error}")
    return made


def _plugin(plugin: dict[str, Any], made: Imported) -> None:
    name, style = str(plugin.get("name", "modbus")), str(plugin.get("configuration_type", "register"))
    where = f"inputs.modbus '{name}'"
    link = _link(plugin)
    if style not in _STYLE:
        raise fault("configuration_type", style, "register, request or metric", "Correct it.")
    used = {"name", "slave_id", "controller", "configuration_type", "transmission_mode", "baud_rate", "parity", "stop_bits", *_STYLE[style]}
    made.leave_keys(where, plugin, used, _OWN)
    if style == "register":
        device = made.device(name, link, whole(plugin.get("slave_id"), 0))
        for section in _STYLE[style]:
            for entry in tables(plugin.get(section, [])):
                found = _carried(made, where, entry, lambda e, s=section: _registered(e, _TABLE[s]))
                device.registers += found
        return
    for block in tables(plugin.get(style, [])):
        unit = whole(block.get("slave_id"), 0)
        device = made.device(f"{name}-{unit}", link, unit)
        shared = {"slave_id", "byte_order", "register", "fields"}
        made.leave_keys(f"{where} {style}", block, shared, ("optimization", "optimization_max_register_fill", "measurement"))
        order, table = str(block.get("byte_order", "ABCD")), str(block.get("register", "holding"))
        for entry in tables(block.get("fields", [])):
            if entry.get("omit") is True:
                continue  # a gap that Telegraf reads and throws away
            device.registers += _carried(made, where, entry, lambda e, o=order, t=table: _field(e, str(e.get("register", t)), o))


def _carried(made: Imported, where: str, entry: dict[str, Any], as_found: Any) -> list[Found]:
    place = f"{where}, {entry.get('name', 'a nameless field')}"
    made.leave_keys(place, entry, _KEYS, ("output", "measurement"))
    try:
        return [as_found(entry)]
    except PenstockError as error:
        made.leave(place, f"not carried over: {error}")
        return []


_KEYS = ("name", "address", "byte_order", "data_type", "type", "scale", "register", "omit", "length", "bit")


def _registered(entry: dict[str, Any], table: str) -> Found:
    """An entry of the register style: its addresses are a list, its type may be a fixed-point number."""
    listed = entry.get("address")
    addresses = [whole(one) for one in (listed if isinstance(listed, list) else [listed])]
    if not addresses or addresses != list(range(addresses[0], addresses[0] + len(addresses))):
        raise fault("address", str(listed), "addresses one after the other", "Give them in order.")
    kind = str(entry.get("data_type", "UINT16")).upper().removesuffix("-IEEE")
    if table in ("coil", "discrete"):
        kind = "BOOL"
    elif kind in ("FIXED", "UFIXED") or (kind == "FLOAT32" and not str(entry["data_type"]).upper().endswith("-IEEE")):
        kind = ("INT" if kind == "FIXED" else "UINT") + str(16 * len(addresses))
    return _found(entry, table, kind, str(entry.get("byte_order", "ABCD")), addresses[0], len(addresses))


def _field(entry: dict[str, Any], table: str, order: str) -> Found:
    kind = "BOOL" if table in ("coil", "discrete") else str(entry.get("type", "")).upper()
    return _found(entry, table, kind, order, whole(entry.get("address")), whole(entry.get("length"), 1))


def _found(entry: dict[str, Any], table: str, kind: str, order: str, address: int, length: int) -> Found:
    letters = order.upper()
    swapped = {"AB": "ABCD", "BA": "BADC", "ABCDEFGH": "ABCD", "HGFEDCBA": "DCBA", "BADCFEHG": "BADC", "GHEFCDAB": "CDAB"}
    word, byte = ORDERS.get(swapped.get(letters, letters), (None, None))
    if word is None or byte is None or table not in ("coil", "discrete", "holding", "input"):
        raise fault(
            "byte_order or register", f"{order}, {table}", "ABCD, DCBA, BADC or CDAB; coil, discrete, holding or input", "Correct it."
        )
    found = Found(str(entry.get("name", "")), address, "u16", table, word, byte, number(entry.get("scale"), 1.0))
    if kind in ("BOOL", "STRING"):
        found.kind, found.length = ("bool", None) if kind == "BOOL" else ("string", length)
        found.word_order, found.byte_order = ("big", "big") if kind == "BOOL" else (found.word_order, found.byte_order)
    elif kind == "BIT":
        found.bit = whole(entry.get("bit"), 0)
    elif kind in _BYTES:
        if _BYTES[kind] is None:
            raise fault("type", kind, "unsigned bytes", "A signed byte has no word here.")
        found.bit, found.width = _BYTES[kind], 8
    else:
        ours = kind.replace("UINT", "u").replace("INT", "i").replace("FLOAT", "f")
        if ours not in ("u16", "i16", "u32", "i32", "u64", "i64", "f16", "f32", "f64"):
            raise fault("type", kind or "missing", "an integer of 16, 32 or 64 bits, or a float", "Correct it.")
        found.kind = ours
    return found


def _link(plugin: dict[str, Any]) -> Link:
    controller, mode = str(plugin.get("controller", "")), str(plugin.get("transmission_mode", "auto")).lower()
    if "ascii" in mode:
        raise fault("transmission_mode", mode, "TCP or RTU", "Modbus ASCII is not spoken here.")
    if controller.startswith("tcp://"):
        return Link(controller.replace("tcp://", "rtu+tcp://") if mode == "rtuovertcp" else controller)
    if controller.startswith("file://"):
        return serial(controller.removeprefix("file://"), plugin.get("baud_rate"), plugin.get("parity"), plugin.get("stop_bits"))
    raise fault("controller", controller or "missing", "tcp://host:port or file:///dev/...", "Correct it.")
