"""An imported map as TOML: a register map per device, and [[links]] and [[meters]] entries to paste into city.toml."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from pydantic import ValidationError

from city.quantities import Quantity
from meters.maps.foreign.found import Device, Found, Imported
from meters.maps.foreign.measured import by_name, by_unit
from meters.maps.register import Register

_COMMODITY = {"gas": "gas", "heat": "heat", "volume": "water", "flow": "water", "pressure": "water", "level": "water"}


@dataclass(frozen=True)
class Written:
    """`models`: name -> TOML of its file. `entries`: for city.toml. `left`: what could not be carried over, a sentence each."""

    models: dict[str, str]
    entries: str
    left: tuple[str, ...]


def written(imported: Imported) -> Written:
    """TOML for everything that was found; each map loads as it stands. What is wrong with a register goes to `left`."""
    models: dict[str, str] = {}
    links: dict[str, str] = {}
    lines: list[str] = []
    left = list(imported.left)
    for device in imported.devices:
        name = _free(_slug(device.name, "-"), models)
        registers = _registers(device, left)
        if not registers:
            left.append(f"device '{device.name}': no register was left, so it has no map")
            continue
        models[name] = _model(device, registers, imported.tool)
        if device.link.url not in links:
            links[device.link.url] = f"link-{len(links) + 1}"
            lines += _table("links", {"id": links[device.link.url], "url": device.link.url, **device.link.keys})
        lines += _table("meters", {"id": name, "link": links[device.link.url], "unit": device.unit, "model": name})
        words = [str(register.quantity).partition("_")[0] for register, _ in registers]
        commodity = next((_COMMODITY[word] for word in words if word in _COMMODITY), "electricity")
        lines[-1:] = ['site = ""  # yours', 'role = "load"  # check', f'commodity = "{commodity}"  # check', ""]
    return Written(models, "\n".join(lines), tuple(left))


def _registers(device: Device, left: list[str]) -> list[tuple[Register, Quantity | None]]:
    """Registers of our own with, where the unit said nothing, what their name hints at."""
    made: list[tuple[Register, Quantity | None]] = []
    names: dict[str, str] = {}
    taken: dict[tuple[str, int], Register] = {}
    for found in device.registers:
        where = f"device '{device.name}', {found.name or 'a nameless register'}"
        keys, hint = _keys(found, _free(_slug(found.name, "_"), names), where, left)
        try:
            register = Register.model_validate(keys)
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            left.append(f"{where}: not carried over: {reason}")
            continue
        cells = [(register.table, address) for address in range(register.address, register.end)]
        other = next((taken[cell] for cell in cells if cell in taken and not taken[cell].shares(register)), None)
        if other is not None:
            left.append(f"{where}: not carried over: {other.name} and {register.name} overlap at register {register.address}")
            continue
        taken |= dict.fromkeys(cells, register)
        names[register.name] = found.name
        made.append((register, hint))
    return made


def _keys(found: Found, name: str, where: str, left: list[str]) -> tuple[dict[str, Any], Quantity | None]:
    """Keys of a [[registers]] entry, and what its name hints at where its unit says nothing."""
    keys: dict[str, Any] = {"name": name, "address": found.address, "type": found.kind, "table": found.table}
    keys |= {"word_order": found.word_order, "byte_order": found.byte_order, "width": found.width}
    keys |= {"length": found.length, "bit": found.bit, "not_implemented": found.not_implemented}
    keys["description"] = found.name
    if found.kind == "string":
        return keys, None
    if found.scale == 0 or not isfinite(found.scale) or not isfinite(found.offset):
        left.append(f"{where}: scale {found.scale:g} and offset {found.offset:g} were not carried over; allowed: numbers, a scale not zero")
        return keys, None
    keys |= {"scale": found.scale, "offset": found.offset}
    measured = by_unit(found.unit, name)
    if measured is not None:
        return keys | {"quantity": measured[0], "unit": measured[1]}, None
    if found.kind == "bool" or (found.bit is not None and found.width == 1):
        return keys | {"quantity": Quantity.STATE}, None
    told = f"its unit '{found.unit}' has no quantity here" if found.unit else "no unit is told"
    left.append(f"{where}: {told}; give it a quantity and a unit, or it is not read")
    return keys, by_name(name)


def _model(device: Device, registers: list[tuple[Register, Quantity | None]], tool: str) -> str:
    lines = [f"description = {_value(f'{device.name}, imported from {tool}')}", ""]
    for register, hint in registers:
        lines += _table("registers", register.model_dump(exclude_defaults=True, mode="json"))
        if hint is not None:
            lines[-1:] = [f'# quantity = "{hint}"  # a guess by its name; check the unit as well', ""]
    return "\n".join(lines)


def _table(name: str, keys: Mapping[str, Any]) -> list[str]:
    return [f"[[{name}]]", *(f"{key} = {_value(value)}" for key, value in keys.items()), ""]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    text = str(value).encode("utf-8", "replace").decode()  # half a surrogate pair, which JSON may hold, is no text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'


def _slug(text: str, between: str) -> str:
    """The text as a name of ours: ASCII, lower case, a letter in front."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9]+", between, plain).strip(between)[:40]
    return made if made[:1].isalpha() else f"x{made}"


def _free(name: str, taken: Mapping[str, Any]) -> str:
    number, made = 1, name
    while made in taken:
        number += 1
        made = f"{name}{number}"
    return made
