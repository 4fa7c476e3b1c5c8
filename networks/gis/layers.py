"""Layers of a geographic information system, read from GeoJSON: what each feature is called, where it lies, what it says.

Names of properties are taken as they are, in any case, with their unit in the name (`diameter_mm`, `length_ft`); `fields` gives
others theirs, e.g. {"diameter_mm": "NENNWEITE"}. A layer as wntr writes it (`length`, `diameter` in m, `base_demand` in m3/s) reads too.

References: RFC 7946, The GeoJSON Format (2016). Its member `crs` was dropped there but is still written by most systems. Rossman et al.
(2020), EPANET 2.2 User Manual, Appendix C: an id has at most 31 characters and no space, semicolon or quote.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from city.problems import fault
from networks.findings import Finding
from networks.gis.ground import could_be_degrees

LINES, POINTS = ("pipes", "feeders"), ("valves", "meters", "hydrants", "sources", "nodes", "substations")
_NAMES = ("id", "name", "asset_id", "objectid", "fid")
_LONGEST, _FURTHEST_M = 31, 1e8  # of an id; of a place from the origin of its system [its own units]
# What a property becomes, and times what.
_UNITS: dict[str, dict[str, float]] = {
    "diameter_m": {"diameter_m": 1.0, "diameter_mm": 1e-3, "dn": 1e-3, "diameter_in": 0.0254, "diameter": 1.0},
    "length_m": {"length_m": 1.0, "length_ft": 0.3048, "length": 1.0},
    "elevation_m": {"elevation_m": 1.0, "elevation_ft": 0.3048, "elevation": 1.0},
    "head_m": {"head_m": 1.0, "head_ft": 0.3048, "base_head": 1.0},
    "demand_m3_per_h": {
        "demand_m3_per_h": 1.0,
        "demand_l_per_s": 3.6,
        "demand_m3_per_d": 1 / 24,
        "demand_gpm": 0.2271247,
        "base_demand": 3600.0,
    },
    **{name: {name: 1.0} for name in ("roughness", "minor_loss", "turns", "init_level", "min_level", "max_level", "customers")},
}


@dataclass
class Feature:
    """One feature: `points` float64[k, 2] (one row for a point) in metres on the ground; `says` its properties in lower case."""

    id: str
    points: NDArray[np.float64]
    says: dict[str, Any]

    def number(self, what: str, findings: list[Finding]) -> float | None:
        """A property in the unit of its name here, e.g. `diameter_m`; None when missing, or not a number (a finding)."""
        for name, times in _UNITS[what].items():
            told = self.says.get(name)
            if told is None or told == "":
                continue
            try:
                value = float(told) * times
                if np.isfinite(value):
                    return value
            except (TypeError, ValueError, OverflowError):
                pass
            findings.append(Finding("value-unreadable", (self.id,), f"{name} {str(told)[:40]!r}"))
            return None
        return None

    def word(self, *names: str) -> str:
        """The first of these properties that is there, as text; empty when none is."""
        return next((str(self.says[name]).strip() for name in names if self.says.get(name) not in (None, "")), "")

    def named(self, *names: str) -> str:
        """The same as an id, as features of that name are called here."""
        return as_id(self.word(*names))


def as_id(told: object) -> str:
    """A name as EPANET, a spreadsheet and a terminal take it: no spaces, semicolons, quotes or control characters, no `[` or `=+-@` in
    front; what is longer than EPANET's 31 characters ends in a hash, so that two long names stay two."""
    text = "".join(letter if letter.isprintable() else "_" for letter in "_".join(str(told).split()))
    text = re.sub(r'^[\[=+\-@]|[;"]', "_", text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 7]}_{sha256(text.encode()).hexdigest()[:6]}"


@dataclass
class Layer:
    """The features of one file. `degrees`: its coordinates are longitude and latitude."""

    name: str
    features: list[Feature] = field(default_factory=list)
    degrees: bool = True
    findings: list[Finding] = field(default_factory=list)

    @property
    def points(self) -> NDArray[np.float64]:
        """All coordinates of the layer, float64[n, 2]."""
        return np.concatenate([f.points for f in self.features]) if self.features else np.empty((0, 2))


def read(path: Path, name: str, fields: Mapping[str, str] | None = None, coordinates: str = "") -> Layer:
    """The layer `name` (one of `LINES` or `POINTS`) of a GeoJSON file, coordinates as in the file.

    `coordinates`: `degrees` or `metres` when the file does not say it itself. Raises `PenstockError` when it is no GeoJSON.
    """
    remedy = "Export the layer as GeoJSON (RFC 7946)."
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        kind, features = document["type"], document["features"]
    except OSError as error:
        raise fault(f"layer {path}", error.strerror or "cannot be opened", "a GeoJSON file", "Correct the path.") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise fault(f"layer {path}", "no GeoJSON FeatureCollection", "type and features", remedy) from None
    if kind != "FeatureCollection" or not isinstance(features, list):
        raise fault(f"layer {path}", f"type {kind}", "a FeatureCollection", remedy)
    layer, seen = Layer(name), set[str]()
    renamed = {theirs.lower(): ours for ours, theirs in (fields or {}).items()}
    for number, raw in enumerate(features, start=1):
        for feature in _features(layer, raw if isinstance(raw, dict) else {}, number, renamed):
            if feature.id in seen:
                layer.findings.append(Finding("feature-twice", (feature.id,), f"feature {number} of {name} has an id that came before"))
            else:
                seen.add(feature.id)
                layer.features.append(feature)
    _system(layer, document, coordinates)
    return layer


def merged(layers: Iterable[Layer]) -> Layer:
    """Layers of one kind as one: a GIS may keep reservoirs apart from tanks. Raises `PenstockError` when one is in degrees and one not."""
    first, *others = layers
    for other in others:
        if other.degrees != first.degrees:
            raise fault(f"layers of {first.name}", "one in degrees, one not", "one system", "Export them alike.")
        ids = {feature.id for feature in first.features}
        twice = [feature for feature in other.features if feature.id in ids]
        first.findings += [*other.findings, *(Finding("feature-twice", (feature.id,), "in two files of its kind") for feature in twice)]
        first.features += [feature for feature in other.features if feature.id not in ids]
    return first


def _features(layer: Layer, raw: dict[str, Any], number: int, renamed: Mapping[str, str]) -> Iterator[Feature]:
    told = raw.get("properties")
    says = {renamed.get(str(k).lower(), str(k).lower()): v for k, v in (told if isinstance(told, dict) else {}).items()}
    own = [told for told in (*(says.get(key) for key in _NAMES), raw.get("id")) if told not in (None, "")]
    name = as_id(own[0]) if own else f"{layer.name}-{number}"
    if own and name != (given := "_".join(str(own[0]).split())):
        layer.findings.append(Finding("id-changed", (name,), f"called {given[:60]!a} in layer {layer.name}"))
    if not own:
        layer.findings.append(Finding("feature-without-id", (name,), f"feature {number} of {layer.name}"))
    parts = _parts(raw.get("geometry"), layer.name in LINES)
    if not parts:
        shape = (raw.get("geometry") or {}).get("type") if isinstance(raw.get("geometry"), dict) else None
        layer.findings.append(Finding("geometry-unusable", (name,), f"{shape or 'no geometry'} in layer {layer.name}"))
    if len(parts) > 1:
        layer.findings.append(Finding("geometry-several-parts", (name,), f"{len(parts)} parts"))
    for at, points in enumerate(parts, start=1):
        yield Feature(name if at == 1 else as_id(f"{name}_{at}"), points, says)


def _parts(geometry: Any, lines: bool) -> list[NDArray[np.float64]]:
    """The lines or points of a geometry, without height and repeated points; none when it is of another kind or not finite."""
    try:
        kind, at = geometry["type"], geometry["coordinates"]
        many = {"LineString": [at], "MultiLineString": at} if lines else {"Point": [[at]], "MultiPoint": [[p] for p in at]}
        parts = [np.array([point[:2] for point in part], dtype=float).reshape(-1, 2) for part in many[kind]]
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return []
    if not all(len(part) and (np.abs(part) < _FURTHEST_M).all() for part in parts):
        return []
    parts = [part[np.r_[True, (np.diff(part, axis=0) != 0).any(axis=1)]] for part in parts]
    return parts if all(len(part) > lines for part in parts) else []


def _system(layer: Layer, document: dict[str, Any], coordinates: str) -> None:
    crs = document.get("crs")
    told = crs.get("properties") if isinstance(crs, dict) else None
    name = str(told.get("name", "")) if isinstance(told, dict) else ""
    in_range = could_be_degrees(layer.points)
    if coordinates:
        layer.degrees = coordinates == "degrees"
    elif name:
        layer.degrees = name.endswith(("CRS84", ":4326", ":4258", ":4490"))  # WGS 84, ETRS 89, CGCS 2000
    else:
        layer.degrees = in_range
        if not in_range:
            layer.findings.append(Finding("coordinates-unclear", (layer.name,), "beyond 180 and 90 degrees; taken for metres"))
    if layer.degrees and not in_range:
        layer.findings.append(Finding("coordinates-unclear", (layer.name,), f"beyond 180 and 90 degrees, said to be {name or 'degrees'}"))
        layer.degrees = False
