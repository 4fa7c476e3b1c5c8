"""Faults put into sensors on stretches of 2018 in which no leak begins or ends: how many are named right, and what is named wrongly."""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import _ltown, data_folder
from benchmarks._link_states import link_states, moments_at
from networks.leakage.areas import Areas
from networks.leakage.hydraulics import SLOTS, Model, Moments
from networks.leakage.intake import intake
from networks.leakage.scada import Floats, Scada
from networks.leakage.sensor_faults import SensorFault, diagnose
from networks.leakage.watch import Watch

SUMMARY = "sensor faults injected into L-TOWN-R's 2018: named right, missed, and leaks mistaken for faults"
STRETCHES = (("2018-04-03", 28), ("2018-06-13", 15), ("2018-09-03", 31), ("2018-11-10", 50))  # between repairs and the next leak
REFERENCE, SEEN = timedelta(days=7), {"datum": 2, "stuck": 1, "clock": 3, "drift": 8}  # days after which the fault must be named
SIZES = {"datum": (0.3, -0.3), "drift": (0.05, -0.05), "clock": (30.0, -60.0), "stuck": (0.0,)}
GRID = timedelta(minutes=30)  # the watch's step of analysis
CALM_DAYS = 2  # read by the watch before a fault begins
UNUSUAL = 0.04  # of an area's mean inflow: how far a day may be from the reference week's same day [1]


@dataclass(frozen=True)
class Stretch:
    """measured and expected float[t, channels]: sensors, kept meters, inflow in excess of the reference week; the reference's sd."""

    sensors: list[str]
    times: pd.DatetimeIndex
    measured: Floats
    expected: Floats
    sd: Floats
    leaks: Floats
    moments: Moments

    def until(self, last: pd.Timestamp, measured: Floats | None = None) -> list[SensorFault]:
        """What is diagnosed at `last` from the 10 days before."""
        seen = (self.times > last - timedelta(days=10)) & (self.times <= last)
        told = self.measured if measured is None else measured
        return diagnose(self.sensors, self.times[seen], told[seen], self.expected[seen], self.sd, self.leaks)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--every", type=int, default=3, help="every n-th of the 33 sensors gets the faults")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Counts per kind. Raises `PenstockError` when the data are missing."""
    told = _ltown.scada(data_folder("leak/ltown_r"), _ltown.HISTORY)
    stretches = STRETCHES[1:2] if args.quick else STRETCHES
    every = 16 if args.quick else args.every
    kinds = {kind: {"injected": 0, "named_right": 0, "other_kind": 0, "missed": 0, "others_accused": 0} for kind in SIZES}
    quiet = {"days": 0, "faults_named": 0}
    for first, days in stretches:
        stretch = prepared(told, pd.Timestamp(first, tz="UTC"), 11 if args.quick else min(days, 16))
        begin = stretch.times[0] + REFERENCE
        for last in pd.date_range(begin + timedelta(days=1), stretch.times[-1], freq="D"):
            quiet["days"] += 1
            quiet["faults_named"] += len(stretch.until(last))
        for sensor in range(0, len(stretch.sensors), every):
            for kind, last, measured in faulty(stretch, sensor, begin):
                count(kinds[kind], kind, stretch.sensors[sensor], stretch.until(last, measured))
        print(f"sensor_faults: {first} {kinds} {quiet}", file=sys.stderr)
    found: dict[str, Any] = {"kinds": kinds, "quiet": quiet}
    if not args.quick:
        network, at = _ltown.network(data_folder("leak/ltown_r")), moments_at(stretch.moments, stretch.times)
        sd = np.maximum(stretch.sd / 2, 0.01)
        found["leak_onsets"] = onsets(told)
        found["watch"] = through_watch(3 * every)
        found["link_states"] = link_states(network, _ltown.sites(told), at, sd, stretch.leaks, args.seed, 60)
    return found


def faulty(stretch: Stretch, sensor: int, begin: pd.Timestamp) -> Iterator[tuple[str, pd.Timestamp, Floats]]:
    """The measurements with one fault of each kind and sign at one sensor from `begin` on, and when it must be named."""
    after = np.asarray((stretch.times - begin) / timedelta(days=1))
    for kind, sizes in SIZES.items():
        for size in sizes:
            told = stretch.measured.copy()
            told[:, sensor] = spoilt(told[:, sensor], after, kind, size, GRID)
            yield kind, begin + timedelta(days=SEEN[kind]), told


def spoilt(clean: Floats, after: Floats, kind: str, size: float, step: timedelta) -> Floats:
    """One sensor's readings with a fault from `after` 0 days on."""
    if kind == "clock":
        changed = np.roll(clean, round(timedelta(minutes=size) / step))
    elif kind == "stuck":
        changed = np.full_like(clean, clean[np.argmax(after >= 0)])
    else:
        changed = clean + (size if kind == "datum" else size * after)
    return np.where(after >= 0, changed, clean)


def count(row: dict[str, int], kind: str, sensor: str, found: list[SensorFault]) -> None:
    mine = [fault.kind for fault in found if fault.sensor == sensor]
    row["injected"] += 1
    row["named_right"] += kind in mine
    row["other_kind"] += bool(mine) and kind not in mine
    row["missed"] += not mine
    row["others_accused"] += len(found) - len(mine)


def through_watch(every: int) -> dict[str, dict[str, int]]:
    """The same faults from 3 January 2019 on, read by the watch that learnt on 2018: named, and leaks and reports that a reading of the
    same days without the fault does not have. No leak begins in these days."""
    folder = data_folder("leak/ltown_r")
    network, history, year = _ltown.network(folder), _ltown.scada(folder, _ltown.HISTORY), _ltown.scada(folder, _ltown.EVALUATION)
    state = Watch.calibrate(network, history, _ltown.sites(history)).state()
    rows = {kind: {"injected": 0, "named": 0, "leaks_made": 0, "reports_made": 0} for kind in SIZES}
    for kind, sizes in SIZES.items():
        days = year.window(year.start_utc, year.start_utc + timedelta(days=CALM_DAYS + SEEN[kind] + 1))
        calm = Watch.restore(network, state)
        calm_reports = len(calm.read(days))
        for sensor in range(0, len(days.pressure.ids), every):
            watch, row = Watch.restore(network, state), rows[kind]
            reports = len(watch.read(_with_fault(days, sensor, kind, sizes[0])))
            row["injected"] += 1
            row["named"] += any((f.sensor, f.kind) == (days.pressure.ids[sensor], kind) for f in watch.sensor_faults)
            row["leaks_made"] += max(0, len(watch.active) - len(calm.active))
            row["reports_made"] += max(0, reports - calm_reports)
    print(f"sensor_faults: watch {rows}", file=sys.stderr)
    return rows


def _with_fault(days: Scada, sensor: int, kind: str, size: float) -> Scada:
    values, after = days.pressure.values.copy(), np.arange(float(days.pressure.steps)) * (days.step / timedelta(days=1)) - CALM_DAYS
    values[sensor] = spoilt(values[sensor], after, kind, size, days.step)
    return replace(days, pressure=replace(days.pressure, values=values))


def onsets(told: Scada) -> dict[str, int]:
    """True leaks of 2018, three days after they reached their peak, at most a month after they began: how often a sensor is accused."""
    seen = {"leaks": 0, "faults_named": 0}
    folder = data_folder("leak/battledim_official")
    for leak in pd.read_csv(folder / "2018_leaks.csv", parse_dates=["startTime", "endTime", "peakTime"]).itertuples():
        began = pd.Timestamp(leak.startTime, tz="UTC").floor("D")
        full = min(pd.Timestamp(leak.peakTime, tz="UTC").ceil("D"), began + timedelta(days=30))
        stretch = prepared(told, began - REFERENCE, 0, full + timedelta(days=3))
        seen["leaks"] += 1
        found = stretch.until(stretch.times[-1])
        seen["faults_named"] += len(found)
        print(f"sensor_faults: leak {leak.linkID}: {[f.sentence for f in found]}", file=sys.stderr)
    return seen


def prepared(told: Scada, first: pd.Timestamp, days: int, last: pd.Timestamp | None = None) -> Stretch:
    """Solve the nominal model through the stretch; the sensors' mean misfit in its first week is taken off."""
    first = max(first, pd.Timestamp(told.start_utc))
    part = told.window(first, min(last or first + timedelta(days=days), pd.Timestamp(told.end_utc)))
    network, sites = _ltown.network(data_folder("leak/ltown_r")), _ltown.sites(told)
    areas = Areas.of(network, sites)
    model = Model(network, areas, sites)
    took = intake(part, sites, areas, GRID)
    times, moments, open_areas = took.times, took.moments, np.flatnonzero(~areas.metered)
    reference = np.asarray(times < times[0] + REFERENCE)
    slot, inflow = moments.slot[reference], took.inflow[:, open_areas]
    usual = np.array([np.nanmedian(inflow[reference][slot == s], axis=0) for s in range(SLOTS)])[moments.slot]
    measured = np.hstack([took.seen, inflow])
    solved = model.solve(moments, np.zeros(model.junctions))
    expected = np.hstack([solved, np.zeros((len(times), areas.metered.sum())), usual])
    expected += np.nanmean((measured - expected)[reference], axis=0)
    hourly = pd.DataFrame((measured - expected)[reference], times[reference]).resample("h").median()
    sd = np.maximum(hourly.std().to_numpy(), 0.01)
    sd[solved.shape[1] :] = 1.0  # of excess inflow where customers' meters see all use: twice 0.5 m3/h a day
    sd[-len(open_areas) :] = 2 * UNUSUAL * np.nanmean(inflow[reference], axis=0)
    patterns = model.sensitivity(moments[[len(moments) // 2]], np.zeros(model.junctions), 5.0)
    model.close()
    order = [*np.flatnonzero(areas.metered), *open_areas]
    witness = (areas.area_of[:, None] == order).astype(float)
    return Stretch(list(part.pressure.ids), times, measured, expected, sd, np.hstack([patterns, witness]), moments)
