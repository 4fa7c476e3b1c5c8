"""Connectors of ThingsBoard's IoT gateway: `master.slaves[]` with `timeseries` and `attributes`.

Its decoder reverses the words of a long number when `wordOrder` is LITTLE and the bytes of each word when `byteOrder` is; both are LITTLE
where nothing is said.

Reference: ThingsBoard IoT Gateway, Modbus connector configuration; the payload decoder of pymodbus 2 and 3, which it uses.
"""

import json
from typing import Any

from city.problems import PenstockError, fault
from meters.maps.foreign.found import Device, Found, Imported, Link, number, serial, tables, timeout, whole

_TABLE = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
_SLAVE: tuple[str, ...] = (
    "host",
    "port",
    "type",
    "method",
    "unitId",
    "deviceName",
    "timeout",
    "byteOrder",
    "wordOrder",
    "timeseries",
    "attributes",
)
_SLAVE += ("baudrate", "stopbits", "parity", "attributeUpdates", "rpc")
_OWN: tuple[str, ...] = (
    "deviceType",
    "pollPeriod",
    "retries",
    "retryOnEmpty",
    "retryOnInvalid",
    "connectAttemptTimeMs",
    "connectAttemptCount",
    "bytesize",
)
_OWN += (
    "waitAfterFailedAttemptsMs",
    "sendDataOnlyOnChange",
    "reportStrategy",
    "security",
    "tls",
    "strict",
    "repack",
    "delayBetweenRequestsMs",
)
_TAG: tuple[str, ...] = (
    "tag",
    "type",
    "functionCode",
    "objectsCount",
    "registersCount",
    "registerCount",
    "address",
    "divider",
    "multiplier",
    "bit",
)
_TAG += ("byteOrder", "wordOrder", "bitTargetType")
_WRITTEN = ("attributeUpdates", "rpc")


def read(text: str) -> Imported:
    """Every device of a connector. Raises `PenstockError` when it is no JSON or has no slave."""
    made = Imported("thingsboard")
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise fault("ThingsBoard connector", str(error), "JSON", "Give the connector's own file.") from None
    master = raw.get("master") if isinstance(raw, dict) else None
    slaves = tables(master.get("slaves", [])) if isinstance(master, dict) else []
    if not slaves:
        raise fault("ThingsBoard connector", "no master.slaves", "at least one", "Give a Modbus connector.")
    made.leave_keys("connector", raw, ("master",), ("name", "logLevel", "enableRemoteLogging", "id", "configVersion", "reportStrategy"))
    for slave in slaves:
        where = f"slave '{slave.get('deviceName', slave.get('unitId', ''))}'"
        try:
            _slave(slave, made, where)
        except PenstockError as error:
            made.leave(where, f"not carried over: {error}")
    return made


def _slave(slave: dict[str, Any], made: Imported, where: str) -> None:
    link = _link(slave)
    link.keys |= timeout(slave, made, where)
    unit = whole(slave.get("unitId"))
    made.leave_keys(where, slave, _SLAVE, _OWN)
    device = made.device(str(slave.get("deviceName", f"unit-{unit}")), link, unit)
    for section in ("timeseries", "attributes"):
        for entry in tables(slave.get(section, [])):
            _take(entry, slave, device, made, f"{where}, {entry.get('tag', 'a nameless tag')}")
    for section in _WRITTEN:
        for entry in tables(slave.get(section, [])):
            made.leave(
                where, f"{section} '{entry.get('tag', '')}' writes; what may be written here is decided in the map and in [[limits]]"
            )


def _take(entry: dict[str, Any], slave: dict[str, Any], device: Device, made: Imported, where: str) -> None:
    made.leave_keys(where, entry, _TAG, ("reportStrategy", "sendDataOnlyOnChange", "pollPeriod"))
    try:
        found = _found(entry, slave)
        twin = next(
            (r for r in device.registers if (r.name, r.address, r.table, r.bit) == (found.name, found.address, found.table, found.bit)),
            None,
        )
        if twin is None:
            device.registers.append(found)
    except PenstockError as error:
        made.leave(where, f"not carried over: {error}")


def _found(entry: dict[str, Any], slave: dict[str, Any]) -> Found:
    code = whole(entry.get("functionCode"), 3)
    if code not in _TABLE:
        raise fault("functionCode", str(code), "1 to 4 to read", "Correct it.")
    count = whole(entry.get("objectsCount", entry.get("registersCount", entry.get("registerCount"))), 1)
    found = Found(str(entry.get("tag", "")), whole(entry.get("address")), "bool", _TABLE[code])
    if code <= 2:
        if count != 1:
            raise fault(
                "objectsCount", str(count), "1 for a coil or discrete input", "Write one tag per bit: which is which, versions differ in."
            )
        return found
    if entry.get("divider") == 0:
        raise fault("divider", "0", "another number", "Correct it.")
    found.scale = number(entry.get("multiplier"), 1.0) / number(entry.get("divider"), 1.0)
    found.kind, found.bit, found.width, found.length = _kind(str(entry.get("type", "")).lower(), count, entry)
    byte, word = (str(entry.get(key) or slave.get(key) or "LITTLE").lower() for key in ("byteOrder", "wordOrder"))
    if found.bit is None and found.kind != "string":
        found.word_order, found.byte_order = ("little" if order == "little" else "big" for order in (word, byte))
    return found


def _kind(told: str, count: int, entry: dict[str, Any]) -> tuple[str, int | None, int, int | None]:
    """Number format, lowest bit, number of bits, and length of a string."""
    if told in ("string", "bytes"):
        return "string", None, 1, count
    if told in ("bit", "bits"):
        return "u16", whole(entry.get("bit")), 1, None
    if told == "8uint":
        return "u16", 8, 8, None
    size = {
        "int": 16 * count,
        "integer": 16 * count,
        "long": 16 * count,
        "uint": 16 * count,
        "float": 16 * count,
        "double": 16 * count,
    }.get(told)
    letter = {"int": "i", "integer": "i", "long": "i", "uint": "u", "float": "f", "double": "f"}.get(told)
    digits = told.rstrip("abcdefghijklmnopqrstuvwxyz")
    if letter is None:
        letter, size = {"int": "i", "uint": "u", "float": "f"}.get(told[len(digits) :]), int(digits) if digits.isdigit() else None
    ours = f"{letter}{size}"
    if ours not in ("u16", "i16", "u32", "i32", "u64", "i64", "f16", "f32", "f64"):
        raise fault("type", told or "missing", "bits, string, or an integer or float of 16, 32 or 64 bits", "Correct it.")
    return ours, None, 1, None


def _link(slave: dict[str, Any]) -> Link:
    kind, method = str(slave.get("type", "tcp")), str(slave.get("method", "socket"))
    if kind == "serial" and method != "ascii":
        return serial(str(slave.get("port", "")), slave.get("baudrate"), slave.get("parity"), slave.get("stopbits"))
    if kind != "tcp" or method == "ascii":
        raise fault("type and method", f"{kind}, {method}", "tcp, or serial with rtu", "UDP and Modbus ASCII are not spoken here.")
    return Link(f"{'rtu+tcp' if method == 'rtu' else 'tcp'}://{slave.get('host', '')}:{whole(slave.get('port'), 502)}")
