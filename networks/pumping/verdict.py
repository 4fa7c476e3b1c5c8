"""The judge: EPANET 2.2 says what a pump schedule costs and whether it keeps every limit."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from city.problems import fault
from networks.network import Network
from networks.pumping.age import ages
from networks.pumping.day import Day, PumpDay, Running
from networks.pumping.limits import PumpLimits
from networks.pumping.task import Floats, PumpTask

_TOUCH_M = 1e-6  # EPANET puts a tank that fills or empties exactly on its limit, but for rounding


@dataclass(frozen=True)
class Verdict:
    """`cost` in the currency of the tariff; `violations` are sentences, none when `feasible`.

    `excess` is how far the worst limit is missed [m, switches, turnovers or h; 1 for a tank that runs full or empty]; 0 when feasible.
    `level_m` float[moments, tanks] and `pressure_m` float[moments, watched junctions] are indexed by seconds from the start;
    `energy_kwh` float[pumps]; `starts` int[pumps]; `turnover` float[tanks]: volume that left per day and mean volume [1]; `age_h`: water
    age of the nodes with a limit [h];
    `broken_s`: the first moment at which a level or pressure is outside its limits, the end when there is none [s].
    """

    cost: float
    feasible: bool
    violations: tuple[str, ...]
    excess: float
    warning: int
    energy_kwh: pd.Series
    starts: pd.Series
    turnover: pd.Series
    age_h: pd.Series
    level_m: pd.DataFrame
    pressure_m: pd.DataFrame
    broken_s: int


def broken_s(task: PumpTask, day: Day) -> int:
    """The first moment at which a level or pressure is outside its limits; the end when there is none [s]."""
    low, high = task.level_limits_m.T
    wrong = (day.level_m < low - _TOUCH_M).any(axis=1) | (day.level_m > high + _TOUCH_M).any(axis=1)
    wrong |= (day.pressure_m < task.least_pressure_m).any(axis=1)
    return int(day.time_s[wrong][0]) if wrong.any() else int(day.time_s[-1])


def cost_of(task: PumpTask, day: Day) -> float:
    """Energy times price, and the demand charge on the day's highest power, as EPANET's energy report counts it."""
    at = np.minimum(day.time_s // task.pattern_step_s, task.price.shape[1] - 1)
    return float((day.power_kw * day.hours[:, None] * task.price[:, at].T).sum() + task.demand_charge_per_kw * day.power_kw.sum(1).max())


def switches(running: Running) -> tuple[Floats, Floats]:
    """Starts and stops of each pump, float[pumps] each; the state of the first step is free."""
    change = np.diff(running.astype(int), axis=1)
    return (change > 0).sum(axis=1), (change < 0).sum(axis=1)


def turnover(task: PumpTask, day: Day) -> Floats:
    """float[tanks]: volume that leaves per 24 h, in mean volumes [1]."""
    out = (np.maximum(-day.inflow_m3_per_h, 0.0) * day.hours[:, None]).sum(axis=0)
    mean = np.array([np.average(task.volume_m3(tank, day.level_m[:, i]), weights=day.hours) for i, tank in enumerate(task.tanks)])
    return out / np.maximum(mean, 1e-9) * 24.0 / (day.time_s[-1] / 3600.0)


def margins(task: PumpTask, running: Running, day: Day) -> list[tuple[float, str, str]]:
    """(how far missed, subject, what was asked) for every limit but water age; missed when above 0."""
    limits, found = task.limits, list[tuple[float, str, str]]()
    for i, tank in enumerate(task.tanks):
        (least, most), (bottom, top) = task.level_limits_m[i], task.tank_range_m[i]
        low, high, last = day.level_m[:, i].min(), day.level_m[:, i].max(), day.level_m[-1, i]
        found.append((least - low - _TOUCH_M, f"tank {tank} falls to {low:.3f} m", f"at least {least:.3f} m"))
        found.append((high - most - _TOUCH_M, f"tank {tank} rises to {high:.3f} m", f"at most {most:.3f} m"))
        found.append((task.end_level_m[i] - last, f"tank {tank} ends at {last:.3f} m", f"at least {task.end_level_m[i]:.3f} m"))
        if not limits.may_fill:
            found.append((float(high > top - _TOUCH_M), f"tank {tank} runs full", "room left, or an altitude valve"))
        found.append((float(low < bottom + _TOUCH_M), f"tank {tank} runs empty", "water left"))
    for least, low, junction in zip(task.least_pressure_m, day.pressure_m.min(axis=0), task.watched, strict=True):
        found.append((least - low, f"junction {junction} falls to {low:.2f} m of pressure", f"at least {least:g} m"))
    if limits.starts is not None:
        for count, word in zip(switches(running), ("starts", "stops"), strict=True):
            found += [
                (n - limits.starts, f"pump {p} has {n} {word}", f"at most {limits.starts}") for p, n in zip(task.pumps, count, strict=True)
            ]
    if limits.turnover:
        shares = dict(zip(task.tanks, turnover(task, day), strict=True))
        found += [
            (asked - shares[tank], f"tank {tank} turns over {shares[tank]:.2f} times a day", f"at least {asked:g}")
            for tank, asked in limits.turnover.items()
        ]
    found.append((float(day.warning), f"EPANET warns with code {day.warning}", "no warning"))
    return found


def judged(open_day: PumpDay, running: Running, with_age: bool = True) -> Verdict:
    """The verdict on a schedule int8[pumps, steps], by an open project. Water age takes ten times as long as the rest."""
    task = open_day.task
    day = open_day.run(running)
    missed = [(by, f"{subject}; {asked} is asked.") for by, subject, asked in margins(task, running, day) if by > 0.0]
    age = pd.Series(dtype=float)
    if with_age and task.limits.age_h:
        age = ages(open_day, running, max(task.limits.age_h.values()), tuple(task.limits.age_h))
        missed += [
            (age[node] - most, f"water at {node} is {age[node]:.1f} h old; at most {most:g} h is asked.")
            for node, most in task.limits.age_h.items()
            if age[node] > most
        ]
    pumps, seconds = list(task.pumps), pd.Index(day.time_s, name="seconds")
    return Verdict(
        cost=cost_of(task, day),
        feasible=not missed,
        violations=tuple(sentence for _, sentence in missed),
        excess=max((by for by, _ in missed), default=0.0),
        warning=day.warning,
        energy_kwh=pd.Series((day.power_kw * day.hours[:, None]).sum(axis=0), pumps),
        starts=pd.Series(switches(running)[0], pumps),
        turnover=pd.Series(turnover(task, day), list(task.tanks)),
        age_h=age,
        level_m=pd.DataFrame(day.level_m, seconds, list(task.tanks)),
        pressure_m=pd.DataFrame(day.pressure_m, seconds, list(task.watched)),
        broken_s=broken_s(task, day),
    )


def judge(network: Network, schedule: pd.DataFrame, limits: PumpLimits | None = None, task: PumpTask | None = None) -> Verdict:
    """What EPANET says of a schedule 0/1 [steps, pumps] (one column per pump), hourly and by the file's tariff unless `task` says more.

    Raises `PenstockError` when a pump has no column, or the steps are not those of the task.
    """
    task = task or PumpTask(network, limits or PumpLimits(), steps=len(schedule))
    network.require("pumps", schedule.columns, "pump schedule")
    missing = [pump for pump in task.pumps if pump not in schedule.columns]
    if missing or len(schedule) != task.steps:
        seen = f"no column for pump {', '.join(missing)}" if missing else f"{len(schedule)} steps"
        raise fault("pump schedule", seen, f"one column per pump and {task.steps} steps", "Complete it.")
    with PumpDay(task) as day:
        return judged(day, (schedule[list(task.pumps)].to_numpy(dtype=float) > 0.5).astype(np.int8).T)
