"""A watch as JSON and back, so that the night goes on where it stopped."""

import base64
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from networks.leakage.calibration import Calibration
from networks.leakage.digs import Dig
from networks.leakage.events import Search
from networks.leakage.scada import Sites
from networks.leakage.sensor_faults import SensorFault
from networks.leakage.sensor_watch import SensorWatch
from networks.leakage.settings import LeakSettings
from networks.leakage.signatures import Signatures
from networks.leakage.tracks import Tape, Track
from networks.network import Network

if TYPE_CHECKING:
    from networks.leakage.watch import Watch


def _packed(values: np.ndarray, kind: str) -> dict[str, Any]:
    raw = zlib.compress(np.ascontiguousarray(values, dtype=kind).tobytes())
    return {"kind": kind, "shape": list(values.shape), "zlib": base64.b64encode(raw).decode()}


def _unpacked(told: dict[str, Any]) -> np.ndarray:
    raw = zlib.decompress(base64.b64decode(told["zlib"]))
    return np.frombuffer(raw, dtype=told["kind"]).reshape(told["shape"]).copy()


def told(watch: "Watch") -> dict[str, Any]:
    """JSON-able, about 2 MB for a thousand pipes; bulk arrays are packed (float32, zlib, base64)."""
    return {
        "settings": watch.settings.model_dump(mode="json"),
        "sites": {name: dict(value) if isinstance(value, Mapping) else value for name, value in vars(watch.sites).items()},
        "origin": watch.origin.isoformat(),
        "calibration": watch.calibration.state(),
        "level": watch.signatures.level.tolist(),
        "pattern": _packed(watch.signatures.pattern, "<f4"),
        "ends": _packed(watch.signatures.ends, "<i4"),
        "first": watch.tape.first,
        "residual": _packed(watch.tape.residual, "<f4"),
        "levels": _packed(watch.tape.level, "<i2"),
        "sensors": _sensors(watch.sensors),
        "running": [track.state() for track in watch.running],
        "over": [track.state() for track in watch.over],
        "digs": {leak: [vars(dig) | {"at_utc": dig.at_utc.isoformat()} for dig in digs] for leak, digs in watch.digs.items()},
        "count": watch.count,
        "last_event": watch.last_event,
        "level_before": None if watch.level_before is None else watch.level_before.tolist(),
        "usual": None if watch.usual is None else _packed(watch.usual, "<f4"),
    }


def restored(kind: "type[Watch]", network: Network, state: dict[str, Any]) -> "Watch":
    """The watch that `told` wrote."""
    watch = kind(network, Sites(**state["sites"]), LeakSettings(**state["settings"]))
    watch.origin = pd.Timestamp(state["origin"])
    pattern, ends = (_unpacked(state[name]) for name in ("pattern", "ends"))
    watch.signatures = Signatures(np.array(state["level"]), pattern.astype(float), ends.astype(np.int64))
    watch.calibration = Calibration.restore(state["calibration"])
    watch.search = Search(watch.calibration.covariance, watch.signatures.pattern, watch.per_day, watch.settings)
    watch.tape = Tape(pattern.shape[2], state["first"])
    watch.tape.add(_unpacked(state["residual"]).astype(float), _unpacked(state["levels"]).astype(np.int64))
    watch.sensors = _restored_sensors(list(watch.sites.pressure), pattern.shape[2], watch.per_day, state["sensors"])
    watch.running, watch.over = ([Track.restore(one) for one in state[name]] for name in ("running", "over"))
    watch.digs = {
        leak: [Dig(**{**dig, "at_utc": datetime.fromisoformat(dig["at_utc"])}) for dig in digs] for leak, digs in state["digs"].items()
    }
    watch.count, watch.last_event = state["count"], state["last_event"]
    watch.level_before = None if state["level_before"] is None else np.array(state["level_before"])
    usual = state.get("usual")  # a state of before it was kept has none
    watch.usual = None if usual is None else _unpacked(usual).astype(float)
    return watch


def _sensors(sensors: SensorWatch) -> dict[str, Any]:
    return {
        "first": sensors.tape.first,
        "residual": _packed(sensors.tape.residual, "<f4"),
        "levels": _packed(sensors.tape.level, "<i2"),
        "measured": _packed(sensors.measured, "<f4"),
        "out": sorted(sensors.out.items()),
        "faults": [vars(one) | {"since_utc": one.since_utc.isoformat()} for one in sensors.faults],
    }


def _restored_sensors(names: list[str], channels: int, per_day: int, state: dict[str, Any]) -> SensorWatch:
    sensors = SensorWatch(names, channels, per_day)
    sensors.tape = Tape(channels, state["first"])
    sensors.tape.add(_unpacked(state["residual"]).astype(float), _unpacked(state["levels"]).astype(np.int64))
    sensors.measured = _unpacked(state["measured"]).astype(float)
    sensors.out = {int(place): int(since) for place, since in state["out"]}
    sensors.faults = [SensorFault(**{**one, "since_utc": datetime.fromisoformat(one["since_utc"])}) for one in state["faults"]]
    return sensors
