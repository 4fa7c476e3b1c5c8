"""Points of MyEMS: JSON with an `address` in each point, and Python's struct letters for number formats.

Taken are a list of points, or an object with `points` and perhaps the `connection` of their data source.

Reference: MyEMS, myems-modbus-tcp (point address, byte_swap).
"""

import json
from typing import Any

from city.problems import PenstockError, fault
from meters.maps.foreign.found import ORDERS, Found, Imported, Link, number, tables, whole
from meters.maps.foreign.structs import kind_of

_TABLE = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
_OWN = (
    "id",
    "uuid",
    "is_trend",
    "is_in_alarm",
    "description",
    "data_source_id",
    "data_source",
    "faults",
    "definitions",
    "last_seen_datetime",
)


def read(text: str) -> Imported:
    """Every device of an export. Raises `PenstockError` when it is no JSON or has no point."""
    made = Imported("myems")
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise fault("MyEMS points", str(error), "JSON", "Export the points again.") from None
    points = tables(raw.get("points", raw) if isinstance(raw, dict) else raw)
    if not points or not any("address" in point for point in points):
        raise fault("MyEMS points", "no point with an address", "a list of points", "Export the points of a Modbus data source.")
    source = raw if isinstance(raw, dict) else {}
    if isinstance(raw, dict) and "points" in raw:
        made.leave_keys("data source", raw, ("points", "connection", "name"), ("id", "uuid", "protocol", "gateway", "gateway_id"))
    for point in points:
        where = f"point '{point.get('name', point.get('id', ''))}'"
        try:
            _point(point, source, made, where)
        except PenstockError as error:
            made.leave(where, f"not carried over: {error}")
    return made


def _point(point: dict[str, Any], source: dict[str, Any], made: Imported, where: str) -> None:
    if point.get("is_virtual"):
        raise fault("is_virtual", "computed from other points", "a register", "Make it a computed series here.")
    address = _object(point.get("address"))
    own = point.get("data_source") if isinstance(point.get("data_source"), dict) else {}
    connection = _object(source.get("connection") or (own or {}).get("connection") or {})
    link = Link(f"tcp://{connection.get('host', 'host.invalid')}:{whole(connection.get('port'), 502)}")
    if "host" not in connection:
        made.leave(where, "its data source's connection is not in the file; the link's address is to be filled in")
    made.leave_keys(where, point, ("name", "object_type", "units", "ratio", "offset_constant", "address", "is_virtual"), _OWN)
    made.leave_keys(f"{where}, address", address, ("slave_id", "function_code", "offset", "number_of_registers", "format", "byte_swap"))
    unit = whole(address.get("slave_id"))
    device = made.device(f"{(own or source).get('name', 'myems')}-{unit}", link, unit)
    device.registers.append(_found(point, address))


def _found(point: dict[str, Any], address: dict[str, Any]) -> Found:
    code, size = whole(address.get("function_code")), whole(address.get("number_of_registers"))
    if code not in _TABLE:
        raise fault("function_code", str(code), "1 to 4", "Correct it.")
    found = Found(str(point.get("name", "")), whole(address.get("offset")), "bool", _TABLE[code], unit=str(point.get("units") or ""))
    found.scale, found.offset = number(_decimal(point.get("ratio")), 1.0), number(_decimal(point.get("offset_constant")), 0.0)
    if code <= 2:
        return found
    kind, order = kind_of(str(address.get("format", "")), size)
    # byte_swap exchanges neighbouring bytes of the number that was made, so "<f" swapped is CDAB.
    swap = address.get("byte_swap") is True and size in (2, 4)
    letters = {(">", False): "ABCD", ("<", False): "DCBA", (">", True): "BADC", ("<", True): "CDAB"}[order, swap]
    found.kind, (found.word_order, found.byte_order) = kind, ORDERS[letters]
    return found


def _object(value: Any) -> dict[str, Any]:
    """A JSON object, or the text of one."""
    try:
        made = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        made = None
    if not isinstance(made, dict):
        raise fault("address or connection", repr(value)[:60], "a JSON object", "Correct it.")
    return made


def _decimal(value: Any) -> Any:
    """A number that an export may write as text."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
