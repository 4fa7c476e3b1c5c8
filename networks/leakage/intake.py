"""Readings brought to the step of analysis: channels that leaks show in, and moments that drive the model."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.clock import local
from city.frames import Block
from networks.leakage.areas import Areas
from networks.leakage.hydraulics import SLOTS, Moments
from networks.leakage.scada import Floats, Scada, Sites, per_hour


@dataclass(frozen=True)
class Intake:
    """`times` start of each step; `seen` float[t, channels]: pressures [m], flows of kept meters [m3/h], then the inflow of metered
    areas [m3/h]; `moments` what drives the model; `inflow` float[t, areas] [m3/h], `used` float[t, areas] metered consumption; `usual`
    float[SLOTS, meters] what a silent meter's share was taken from, None without meters [m3/h]."""

    times: pd.DatetimeIndex
    seen: Floats
    moments: Moments
    inflow: Floats
    used: Floats
    usual: Floats | None


def intake(scada: Scada, sites: Sites, areas: Areas, step: timedelta, before: Floats | None = None, usual: Floats | None = None) -> Intake:
    """`scada` in whole steps of analysis. `before` float[tanks] is the mean level of the step before, for what tanks took up; `usual`
    float[SLOTS, meters] what meters used to read, from these readings themselves where None [m3/h]."""
    pressure = _steps(scada.pressure, tuple(sites.pressure), step)
    flow = _steps(scada.flow, tuple(sites.flow), step)
    level = _steps(scada.level, tuple(sites.level), step)
    times = pd.date_range(scada.start_utc, periods=len(pressure), freq=step)
    clock = local(times, sites.zone)
    slot = np.asarray((clock.weekday * 48 + clock.hour * 2 + clock.minute // 30) % SLOTS)
    read, used = None, np.zeros((len(pressure), len(areas.names)))
    if scada.consumption is not None and areas.metered.any():
        at = areas.of_junctions(sites.consumption.values())
        own = (at >= 0) & areas.metered[at]
        meters = _steps(scada.consumption, tuple(sites.consumption), step)[:, own]
        usual = _usual(meters, slot) if usual is None else usual
        read = _filled(meters, usual[slot])
        used = read @ (at[own][:, None] == np.arange(len(areas.names))) * areas.unmetered
    running = _steps(scada.running, tuple(sites.running), step) if scada.running is not None else np.zeros((len(pressure), 0))
    stored = np.diff(level, axis=0, prepend=level[:1] if before is None else before[None]) / (step / timedelta(hours=1))
    inflow = flow @ areas.flow_sign.T - stored @ areas.tank_area.T
    demand = np.where(areas.metered, used, inflow)
    kept = [list(sites.flow).index(name) for name in areas.kept]
    cut = flow * np.any(areas.boundary != 0, axis=0)
    moments = Moments(demand, cut, level, np.round(running), slot, read)
    return Intake(times, np.hstack([pressure, flow[:, kept], (inflow - used)[:, areas.metered]]), moments, inflow, used, usual)


def _usual(meters: Floats, slot: NDArray[np.int64]) -> Floats:
    """float[SLOTS, meters]: the mean of what each meter read in every half hour of the week, of all of them where it never did then."""
    sums, counts = np.zeros((SLOTS, meters.shape[1])), np.zeros((SLOTS, meters.shape[1]))
    known = np.isfinite(meters)
    np.add.at(sums, slot, np.where(known, meters, 0.0))
    np.add.at(counts, slot, known)
    whole = sums.sum(axis=0) / np.maximum(counts.sum(axis=0), 1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), whole).astype(np.float32).astype(float)  # as it is stored


def _filled(meters: Floats, usual: Floats) -> Floats:
    """float[t, meters]: a silent meter takes its usual share float[t, meters] of what the others read; unknown where meters of more than
    half of the usual consumption are silent."""
    known = np.isfinite(meters)
    seen, whole = np.where(known, usual, 0.0).sum(axis=1), usual.sum(axis=1)
    factor = np.where(known, meters, 0.0).sum(axis=1) / np.where(2 * seen > whole, seen, np.nan)
    return np.where(known, meters, factor[:, None] * usual)


def _steps(block: Block, ids: tuple[str, ...], step: timedelta) -> Floats:
    """float[t, ids]: means of the usable values in each step of analysis, or the values of coarser blocks repeated."""
    values = per_hour(block.select(ids)).T if ids else np.zeros((block.steps, 0))
    if block.step > step:
        return np.repeat(values, round(block.step / step), axis=0)
    parts = round(step / block.step)
    whole = len(values) // parts
    cut = values[: whole * parts].reshape(whole, parts, values.shape[1])
    known: NDArray[np.int64] = np.isfinite(cut).sum(axis=1)
    return np.where(2 * known >= parts, np.nansum(cut, axis=1) / np.maximum(known, 1), np.nan)
