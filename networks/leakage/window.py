"""The last weeks of readings on one grid, kept with a watch so that it can learn from them again, and the leaks that ran in them."""

import base64
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from city import quality as q
from city.clock import grid
from city.frames import Block
from city.quantities import Quantity
from networks.baseline import on_grid
from networks.leakage.digs import Dig
from networks.leakage.reports import ActiveLeak
from networks.leakage.scada import Floats, Scada, Sites

PARTS = {
    "pressure": Quantity.PRESSURE_M,
    "flow": Quantity.FLOW_M3_PER_H,
    "level": Quantity.LEVEL_M,
    "running": Quantity.RUNNING,
}

_ACTIVE = ("leak_id", "kind", "size_m3_per_h", "size_sd_m3_per_h", "pipe")
_ACTIVE_TIMES = ("start_utc", "reported_utc")
_OWN = ("district", "usual", "low_days", "peak_m3_per_h")
_TIMES = ("sized_utc", "end_utc", "located_utc")


@dataclass
class DistrictLeak:
    """A leak with what is needed to follow it: `usual` is the night flow without a slow one [m3/h], `sized_utc` until when it has grown."""

    active: ActiveLeak
    district: str
    sized_utc: datetime
    usual: float = 0.0
    digs: list[Dig] = field(default_factory=list)
    end_utc: datetime | None = None
    located_utc: datetime | None = None
    low_days: int = 0
    peak_m3_per_h: float = 0.0

    def course(self, times: pd.DatetimeIndex) -> Floats:
        """float64[t] flow at the times [m3/h]: a slow leak has grown in a straight line."""
        start, end = pd.Timestamp(self.active.start_utc), None if self.end_utc is None else pd.Timestamp(self.end_utc)
        flow = np.where(times >= start, self.active.size_m3_per_h, 0.0)
        if self.active.kind == "slow":
            grown = max((pd.Timestamp(self.sized_utc) - start) / pd.Timedelta(days=1), 1.0)
            flow = flow * np.clip(np.asarray((times - start) / pd.Timedelta(days=1)) / grown, 0, 1)
        return flow if end is None else np.where(times < end, flow, 0.0)

    def state(self) -> dict[str, Any]:
        """Everything of the leak, JSON-able."""
        active = self.active
        own = {name: getattr(active, name) for name in _ACTIVE} | {name: getattr(self, name) for name in _OWN}
        times = {name: _text(getattr(self, name)) for name in _TIMES} | {name: _text(getattr(active, name)) for name in _ACTIVE_TIMES}
        digs = [[dig.pipe, _text(dig.at_utc), dig.found] for dig in self.digs]
        return {**own, "times": times, "digs": digs, "posterior": {str(pipe): float(share) for pipe, share in active.posterior.items()}}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> "DistrictLeak":
        times: dict[str, Any] = {name: datetime.fromisoformat(text) if text else None for name, text in state["times"].items()}
        posterior = pd.Series(state["posterior"], dtype=float).rename_axis("pipe")
        active = ActiveLeak(**{name: state[name] for name in _ACTIVE}, **{name: times[name] for name in _ACTIVE_TIMES}, posterior=posterior)
        digs = [Dig(pipe, datetime.fromisoformat(at), found) for pipe, at, found in state["digs"]]
        return cls(active, digs=digs, **{name: state[name] for name in _OWN}, **{name: times[name] for name in _TIMES})


def _text(time: datetime | None) -> str | None:
    return time.isoformat() if time is not None else None


@dataclass
class Window:
    """float32[t, n] per part from `start_utc` on in steps of `step`; flows in m3/h."""

    start_utc: datetime
    step: timedelta
    ids: dict[str, tuple[str, ...]]
    values: dict[str, Floats]

    @classmethod
    def of(cls, scada: Scada, sites: Sites) -> "Window":
        districts = tuple(dict.fromkeys(sites.flow.values()))
        ids = {"pressure": tuple(sites.pressure), "flow": districts, "level": tuple(sites.level), "running": tuple(sites.running)}
        empty: dict[str, Any] = {name: np.empty((0, len(ids[name])), np.float32) for name in PARTS}
        made = cls(scada.start_utc, scada.step, ids, empty)
        made.append(scada)
        return made

    @property
    def steps(self) -> int:
        return len(self.values["pressure"])

    @property
    def end_utc(self) -> datetime:
        return self.start_utc + self.steps * self.step

    @property
    def times(self) -> pd.DatetimeIndex:
        return grid(self.start_utc, self.steps, self.step)

    def append(self, scada: Scada) -> None:
        """Readings at or after the end; what lies between is missing."""
        gap = round((scada.start_utc - self.end_utc) / self.step)
        times = grid(self.end_utc, gap + scada.pressure.steps, self.step)
        for name, ids in self.ids.items():
            new = on_grid(getattr(scada, name), ids, times).astype(np.float32)
            self.values[name] = np.vstack([self.values[name], new])

    def cut(self, start_utc: datetime, end_utc: datetime) -> "Window":
        a, b = (min(max(round((time - self.start_utc) / self.step), 0), self.steps) for time in (start_utc, end_utc))
        return Window(self.start_utc + a * self.step, self.step, self.ids, {name: part[a:b].copy() for name, part in self.values.items()})

    def block(self, name: str) -> Block:
        values = self.values[name].T
        quality = np.where(np.isfinite(values), np.uint16(q.VALID), np.uint16(q.missing(q.Cause.TIMEOUT)))
        return Block(self.ids[name], self.start_utc, self.step, PARTS[name], np.nan_to_num(values), quality)

    def hourly(self) -> Block:
        """Inflows as means over whole hours."""
        frame = pd.DataFrame(self.values["flow"], self.times).resample("h").mean()
        values = frame.to_numpy(np.float32).T
        quality = np.where(np.isfinite(values), np.uint16(q.VALID), np.uint16(q.missing(q.Cause.TIMEOUT)))
        return Block(
            self.ids["flow"], frame.index[0].to_pydatetime(), timedelta(hours=1), Quantity.FLOW_M3_PER_H, np.nan_to_num(values), quality
        )

    def state(self) -> dict[str, Any]:
        packed = {name: base64.b64encode(zlib.compress(part.astype("<f4").tobytes())).decode() for name, part in self.values.items()}
        return {"start": self.start_utc.isoformat(), "step_s": self.step.total_seconds(), "ids": self.ids, "values": packed}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> "Window":
        ids = {name: tuple(own) for name, own in state["ids"].items()}
        raw = {name: np.frombuffer(zlib.decompress(base64.b64decode(text)), "<f4") for name, text in state["values"].items()}
        steps = len(raw["pressure"]) // max(len(ids["pressure"]), 1)
        values = {name: part.reshape(steps, len(ids[name])).copy() for name, part in raw.items()}
        return cls(datetime.fromisoformat(state["start"]), timedelta(seconds=state["step_s"]), ids, values)
