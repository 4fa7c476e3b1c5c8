"""Modbus hubs of Home Assistant: the `modbus:` list of its configuration in YAML.

Reference: Home Assistant, Modbus integration (configuration, data_type, swap, structure).
"""

from typing import Any

import yaml

from city.problems import PenstockError, fault
from meters.maps.foreign.found import Device, Found, Imported, Link, number, serial, tables, timeout, whole
from meters.maps.foreign.structs import kind_of

_SWAP = {"none": ("big", "big"), "byte": ("big", "little"), "word": ("little", "big"), "word_byte": ("little", "little")}
_TABLE = {"holding": "holding", "input": "input", "coil": "coil", "discrete_input": "discrete", "coils": "coil", "holdings": "holding"}
_HUB: tuple[str, ...] = (
    "name",
    "type",
    "host",
    "port",
    "baudrate",
    "method",
    "parity",
    "stopbits",
    "timeout",
    "sensors",
    "binary_sensors",
    "switches",
)
_HUB += ("lights", "fans", "climates", "covers")
_HUB_OWN = ("close_comm_on_error", "delay", "message_wait_milliseconds", "retries", "retry_on_empty", "bytesize")
_SENSOR: tuple[str, ...] = (
    "name",
    "address",
    "slave",
    "device_address",
    "input_type",
    "data_type",
    "count",
    "structure",
    "swap",
    "scale",
    "offset",
)
_SENSOR += ("unit_of_measurement", "slave_count", "virtual_count", "nan_value", "write_type")
_SENSOR_OWN = ("scan_interval", "precision", "unique_id", "device_class", "state_class", "lazy_error_count", "icon")


def read(text: str) -> Imported:
    """Every device of a configuration. Raises `PenstockError` when it is no YAML, has tags such as !secret, or no Modbus hub."""
    made = Imported("homeassistant")
    try:
        raw = yaml.safe_load(text)
        if _size(raw, {}) > len(text):
            raise ValueError("aliases that write out to more than the file")
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        remedy = "Replace tags such as !secret and !include by what they stand for."
        raise fault("Home Assistant configuration", reason, "plain YAML", remedy) from None
    hubs = tables(raw.get("modbus", [])) if isinstance(raw, dict) else tables(raw)
    if not any("type" in hub for hub in hubs):
        raise fault("Home Assistant configuration", "no modbus: hub with a type", "at least one", "Give the file that has it.")
    for hub in hubs:
        where = f"hub '{hub.get('name', 'modbus_hub')}'"
        try:
            _hub(hub, made, where)
        except PenstockError as error:
            made.leave(where, f"not carried over: {error}")
    return made


def _size(value: Any, known: dict[int, float]) -> float:
    """How many parts a value has with its aliases written out; what holds itself has no end."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = float("inf")
        known[id(value)] = 1 + sum(_size(one, known) for one in (value.values() if isinstance(value, dict) else value))
    return known[id(value)]


def _hub(hub: dict[str, Any], made: Imported, where: str) -> None:
    link, name = _link(hub), str(hub.get("name", "modbus-hub"))
    link.keys |= timeout(hub, made, where)
    made.leave_keys(where, hub, _HUB, _HUB_OWN)
    for section, read_entry in (
        ("sensors", _sensor),
        ("binary_sensors", _binary),
        ("switches", _switch),
        ("lights", _switch),
        ("fans", _switch),
    ):
        for entry in tables(hub.get(section, [])):
            place = f"{where}, {section} '{entry.get('name', '')}'"
            try:
                unit = whole(entry.get("slave", entry.get("device_address")), 0)
                found = read_entry(entry, made, place)
                device: Device = made.device(f"{name}-{unit}", link, unit)
                device.registers += found
                made.leave_keys(place, entry, (*_SENSOR, "verify", "command_on", "command_off"), _SENSOR_OWN)
            except PenstockError as error:
                made.leave(place, f"not carried over: {error}")
    for section in ("climates", "covers"):
        for entry in tables(hub.get(section, [])):
            made.leave(
                where, f"{section} '{entry.get('name', '')}' is a thing with rules of its own; its registers are to be written down by hand"
            )


def _sensor(entry: dict[str, Any], _made: Imported, _place: str) -> list[Found]:
    swap = str(entry.get("swap", "none")).lower()
    if swap not in _SWAP:
        raise fault("swap", swap, ", ".join(_SWAP), "Correct it.")
    kind, count, order = _kind(entry)
    word, byte = _SWAP[swap]
    if order == "<":  # the bytes of the structure itself run backwards
        word, byte = ("little" if word == "big" else "big"), ("little" if byte == "big" else "big")
    table = _table(entry.get("input_type", "holding"))
    if table in ("coil", "discrete"):
        raise fault("input_type", str(entry["input_type"]), "holding or input", "A sensor reads registers.")
    found = Found(str(entry.get("name", "")), whole(entry.get("address")), kind, table, word, byte)
    found.scale, found.offset = number(entry.get("scale"), 1.0), number(entry.get("offset"), 0.0)
    found.unit, found.length = str(entry.get("unit_of_measurement") or ""), count if kind == "string" else None
    if entry.get("nan_value") is not None:
        found.not_implemented = (whole(entry["nan_value"]) % (1 << (16 * count)),)
    return _series(found, entry, count)


def _kind(entry: dict[str, Any]) -> tuple[str, int, str]:
    """Number format, registers, and the order of a structure."""
    told, count = str(entry.get("data_type", "int16")).lower(), entry.get("count")
    if told in ("custom", "structure") or (entry.get("structure") is not None and "data_type" not in entry):
        kind, order = kind_of(str(entry.get("structure", ">f")), None if count is None else whole(count))
        return kind, int(kind[1:]) // 16, order
    if told == "string":
        return "string", whole(count, 1), ">"
    letter = told.rstrip("0123456789")
    size = int(told[len(letter) :] or 16 * whole(count, 2 if letter == "float" else 1))
    ours = {"int": "i", "uint": "u", "float": "f"}.get(letter, "?") + str(size)
    if ours not in ("i16", "u16", "i32", "u32", "i64", "u64", "f16", "f32", "f64"):
        raise fault("data_type", told, "int, uint or float of 16, 32 or 64 bits, string, custom", "Correct it.")
    return ours, size // 16, ">"


def _binary(entry: dict[str, Any], _made: Imported, _place: str) -> list[Found]:
    table = _table(entry.get("input_type", "coil"))
    found = Found(str(entry.get("name", "")), whole(entry.get("address")), "bool", table)
    if table in ("holding", "input"):
        found.kind, found.bit = "u16", 0
    return _series(found, entry, 1)


def _switch(entry: dict[str, Any], made: Imported, place: str) -> list[Found]:
    """What can be read of something that switches; that it may be written is not carried over."""
    made.leave(place, "it writes; what may be written here is decided in the map and in [[limits]]")
    verify = entry.get("verify") if isinstance(entry.get("verify"), dict) else {}
    table = _table((verify or {}).get("input_type", entry.get("write_type", "holding")))
    found = Found(str(entry.get("name", "")), whole((verify or {}).get("address", entry.get("address"))), "bool", table)
    found.kind = "bool" if table in ("coil", "discrete") else "u16"
    return [found]


def _series(found: Found, entry: dict[str, Any], count: int) -> list[Found]:
    """The register and, with virtual_count or slave_count, as many more behind it."""
    more = whole(entry.get("virtual_count", entry.get("slave_count")), 0)
    if not 0 <= more <= 1000:
        raise fault("virtual_count", str(more), "0 to 1000", "Correct it.")
    copies = [Found(**{**vars(found), "name": f"{found.name}_{i}", "address": found.address + i * count}) for i in range(1, more + 1)]
    return [found, *copies]


def _table(told: Any) -> str:
    if str(told) not in _TABLE:
        raise fault("input_type", str(told), ", ".join(_TABLE), "Correct it.")
    return _TABLE[str(told)]


def _link(hub: dict[str, Any]) -> Link:
    kind, port = str(hub.get("type")), hub.get("port")
    if kind == "serial" and str(hub.get("method", "rtu")) == "rtu":
        return serial(str(port), hub.get("baudrate"), hub.get("parity"), hub.get("stopbits"))
    if kind not in ("tcp", "rtuovertcp"):
        raise fault("type", f"{kind} {hub.get('method', '')}".strip(), "tcp, rtuovertcp or serial with rtu", "It is not spoken here.")
    return Link(f"{'tcp' if kind == 'tcp' else 'rtu+tcp'}://{hub.get('host', '')}:{whole(port, 502)}")
