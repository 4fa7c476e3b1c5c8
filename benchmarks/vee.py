"""Validation and estimation: speed, what seeded faults in real weeks are found, and what clean weeks are accused of."""

import argparse
import os
import sys
import time
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._vee_data import HISTORY, Source, Window, sources, windows
from benchmarks._vee_faults import applicable, faulty
from benchmarks._vee_registers import MAKERS as REGISTER_MAKERS
from benchmarks._vee_registers import found_in_registers
from city.frames import Block
from city.quality import VALID, Cause, missing
from city.quantities import Quantity
from forecasting.calendars import Calendar
from meters.vee.estimation import estimate
from meters.vee.norms import learn
from meters.vee.quality import Limits, validate
from meters.vee.usage import from_registers

SUMMARY = "validation: intervals per second, recall on seeded faults in real weeks, false alarms on clean ones"
SIZES = (1.5, 2.0, 3.0, 5.0)  # times the rule's limit
UNSIZED = {"GAP", "ROLLOVER"}  # there or not
CHUNK = 1000  # points judged at a time, as the night does


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="", help="folder of measuring data; PENSTOCK_DATA when not given")
    parser.add_argument("--windows", type=int, default=12, help="weeks drawn from each source")
    parser.add_argument("--points", type=int, default=10_000, help="points of the block whose validation is timed")


def judged(window: Window, values: NDArray[np.int64], quality: NDArray[np.uint16], limits: dict[str, Limits]) -> NDArray[np.uint16]:
    """Causes the product gives the week."""
    block = replace(window.block, values=values, quality=quality)
    return validate(block, limits, learn(window.history, window.past), window.civil).quality >> 8


def _limits(window: Window, rule: str) -> dict[str, Limits]:
    if rule != "LIMIT":
        return {}
    scale = window.block.quantity.scale
    most = np.maximum(window.history.values.max(axis=1), window.block.values.max(axis=1)) * 1.2 / scale
    return {name: Limits(point=name, maximum=float(value)) for name, value in zip(window.block.ids, most, strict=True)}


def recall(window: Window, rng: np.random.Generator, found: dict[str, dict[str, list[int]]]) -> None:
    """Count faults by rule and size: made; found (each of its intervals carries a cause); named (its own rule's among them)."""
    for rule in applicable(window.block.quantity):
        for size in (1.0,) if rule in UNSIZED else SIZES:
            values, faults = faulty(rule, window, size, rng)
            quality = np.full(values.shape, VALID, np.uint16)
            if rule == "GAP":
                for i, columns in faults:
                    quality[i, columns] = 0
            causes = judged(window, values, quality, _limits(window, rule))
            cause = Cause[rule.split(",")[0]]
            counted = found[rule].setdefault(f"{size:g}", [0, 0, 0])
            counted[0] += len(faults)
            counted[1] += sum(bool((causes[i, columns] > 0).all()) for i, columns in faults)
            counted[2] += sum(bool((causes[i, columns] == cause).any()) for i, columns in faults)
    if window.block.quantity.is_period:
        for rule in REGISTER_MAKERS:
            for size in (1.0,) if rule in UNSIZED else SIZES:
                counted = found[rule].setdefault(f"{size:g}", [0, 0, 0])
                made, hits = found_in_registers(rule, window, size, rng)
                for i, number in enumerate((made, hits, hits)):
                    counted[i] += number


def false_alarms(window: Window, counted: dict[str, Any]) -> None:
    """Causes given to the clean week, day by day with the four weeks before each, as the night judges it."""
    for past, day in window.days():
        grid = window.source.calendar.grid
        norms = learn(past, grid(past.start_utc, past.step, past.steps))
        causes = validate(day, {}, norms, grid(day.start_utc, day.step, day.steps)).quality >> 8
        counted["intervals"] += causes.size
        for cause, number in zip(*np.unique(causes[causes > 0], return_counts=True), strict=True):
            counted["by_rule"][Cause(int(cause)).name] += int(number)
            counted["by_source"][window.source.name] += int(number)
        counted["of_source"][window.source.name] += causes.size


def speed(source: Source, points: int, rng: np.random.Generator) -> float:
    """Intervals per CPU-second of learning, validating and estimating 35 days by registers with 1 % of the readings lost."""
    calendar = Calendar(time_zone="Europe/Rome", country="IT")
    start, days, slots = datetime(2022, 2, 28, 23, tzinfo=UTC), 35, 96
    pool = source.quantity.to_int(np.maximum(source.values, 0).T)
    profile = rng.integers(len(pool), size=points)
    shift = rng.integers(0, pool.shape[1] // slots - HISTORY - days, points) * slots
    cpu = 0.0
    for first in range(0, points, CHUNK):
        some = range(first, min(first + CHUNK, points))
        rows = np.stack([pool[profile[i], shift[i] : shift[i] + (HISTORY + days) * slots] for i in some])
        history, registers = _with_registers(rows, start, HISTORY * slots, tuple(f"p{i}" for i in some), rng)
        began = time.process_time()
        counted = from_registers(registers)
        past, week, both = (
            calendar.grid(at, registers.step, steps)
            for at, steps in ((start, history.steps), (registers.start_utc, days * slots), (start, (HISTORY + days) * slots))
        )
        block = validate(counted.block, {}, learn(history, past), week)
        estimate(block, history, both, counted.gaps)
        cpu += time.process_time() - began
    return points * days * slots / cpu


def _with_registers(
    rows: NDArray[np.int64], start: datetime, cut: int, ids: tuple[str, ...], rng: np.random.Generator
) -> tuple[Block, Block]:
    quarter = timedelta(minutes=15)
    past = Block(ids, start, quarter, Quantity.ENERGY_KWH, rows[:, :cut], np.full((len(ids), cut), VALID, np.uint16))
    shown = np.concatenate([np.zeros((len(ids), 1), np.int64), np.cumsum(rows[:, cut:], axis=1)], axis=1)
    gone = rng.random(shown.shape) < 0.01
    quality = np.where(gone, missing(Cause.TIMEOUT), VALID).astype(np.uint16)
    return past, Block(ids, start + cut * quarter, quarter, Quantity.ENERGY_REGISTER_KWH, np.where(gone, 0, shown), quality)


def run(args: argparse.Namespace) -> dict[str, Any]:
    if args.data:
        os.environ["PENSTOCK_DATA"] = args.data
    rng = np.random.default_rng(args.seed)
    found: dict[str, dict[str, list[int]]] = defaultdict(dict)
    clean: dict[str, Any] = {"intervals": 0, "by_rule": defaultdict(int), "by_source": defaultdict(int), "of_source": defaultdict(int)}
    known = sources()
    for source in known:
        print(source.name, file=sys.stderr)
        for window in windows(source, 1 if args.quick else args.windows, rng):
            false_alarms(window, clean)
            recall(window, rng, found)
    made, hits, named = (sum(counted[i] for sizes in found.values() for counted in sizes.values()) for i in range(3))
    quarters = next(source for source in known if source.name == "simbench, quarters")
    return {
        "intervals_per_cpu_s": round(speed(quarters, 200 if args.quick else args.points, rng)),
        "recall": round(hits / made, 5),
        "recall_by_own_rule": round(named / made, 5),
        "faults": made,
        "recall_by_rule_and_size": {
            rule: {size: round(hit / n, 4) for size, (n, hit, _) in sizes.items() if n} for rule, sizes in found.items()
        },
        "false_alarm_rate": round(sum(clean["by_rule"].values()) / clean["intervals"], 6),
        "clean_intervals": clean["intervals"],
        "false_alarms_by_rule": dict(clean["by_rule"]),
        "false_alarm_rate_by_source": {name: round(clean["by_source"][name] / n, 6) for name, n in clean["of_source"].items()},
    }
