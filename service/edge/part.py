"""The part of the central's city.toml that is a station's own, as one bundle of files that its SHA-256 names.

A bundle is JSON: {"city.toml": text, "devices/<name>.toml": text, ...} with sorted keys, so the same settings give the same bytes.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from typing import Any

from service import references
from service.edge.settings import Station
from service.settings import LoadedCity

_OF_POINTS = ("limits", "reporting")


def bundle(city: LoadedCity, station: Station) -> bytes:
    """The bundle of a station: its links with what hangs on them and how it is read, nothing of the plan, the books or other stations."""
    part = _part(city.environment.raw, station)
    files = {"city.toml": toml(part)}
    own = city.beside / "devices"
    for name in sorted({name for _, _, name in references.model_names(part)}):
        if (own / f"{name}.toml").is_file():
            files[f"devices/{name}.toml"] = (own / f"{name}.toml").read_text(encoding="utf-8")
    return json.dumps(files, sort_keys=True, ensure_ascii=False).encode()


def digest(content: bytes) -> str:
    """The name of a bundle."""
    return hashlib.sha256(content).hexdigest()


def point_ids(city: LoadedCity, station: Station) -> frozenset[str]:
    """The points that a station may send readings of."""
    return frozenset(point.id for point in city.points.values() if city.meter[point.meter].link in station.links)


def _part(raw: Mapping[str, Any], station: Station) -> dict[str, Any]:
    meters = [meter for meter in raw.get("meters", ()) if meter.get("link") in station.links]
    ids = {meter["id"] for meter in meters}
    sites = [site for site in raw.get("sites", ()) if site["id"] in {meter.get("site") for meter in meters}]
    part: dict[str, Any] = {"city": raw["city"]}
    part["sectors"] = [sector for sector in raw.get("sectors", ()) if sector["id"] in {site.get("sector") for site in sites}]
    part["zones"] = [zone for zone in raw.get("zones", ()) if zone["id"] in {meter.get("zone") for meter in meters}]
    part["sites"] = sites
    part["links"] = [link for link in raw.get("links", ()) if link["id"] in station.links]
    part["meters"] = [{k: v for k, v in meter.items() if k != "node"} for meter in meters]  # the water network stays at the central
    for table in _OF_POINTS:
        part[table] = [row for row in raw.get(table, ()) if str(row["point"]).rpartition(".")[0] in ids]
    return part


def toml(tables: Mapping[str, Any]) -> str:
    """Settings as TOML 1.0: `tomllib.loads(toml(x)) == x`. Top-level values are tables or lists of tables, as in city.toml."""
    lines: list[str] = []
    for name, value in tables.items():
        for table in value if isinstance(value, list) else (value,):
            lines.append(f"[[{name}]]" if isinstance(value, list) else f"[{name}]")
            lines += [f"{_key(key)} = {_value(one)}" for key, one in table.items()]
            lines.append("")
    text = "\n".join(lines)
    if tomllib.loads(text) != {name: value for name, value in tables.items() if value != []}:
        raise AssertionError("settings changed on their way into TOML")
    return text


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").replace("-", "").isalnum() else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):  # a JSON text is a TOML basic string, but for DEL
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_key(k)} = {_value(v)}' for k, v in value.items())}}}"
    return str(value.isoformat())  # date, time, date-time
