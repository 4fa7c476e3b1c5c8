"""The EPANET model of a pump task: the file's own, with one speed pattern per pump in place of its controls."""

from typing import TYPE_CHECKING, Any

import numpy as np

from networks.pumping.task import PumpTask

if TYPE_CHECKING:
    import wntr


def pattern_of(pump: str) -> str:
    """The name of the pattern that carries a pump's schedule."""
    return f"run:{pump}"


def scheduled(task: PumpTask) -> "wntr.network.WaterNetworkModel":
    """A copy without controls, rules and speed patterns; every pattern starts with the run and lasts whole pattern steps of the task."""
    model: Any = task.network.model()
    for control in list(model.control_name_list):
        model.remove_control(control)
    times = model.options.time
    repeat, shift = int(times.pattern_timestep) // task.pattern_step_s, int(times.pattern_start) // task.pattern_step_s
    for _, pattern in model.patterns():
        pattern.multipliers = np.roll(np.repeat(pattern.multipliers, repeat), -shift)
    times.pattern_timestep, times.pattern_start = task.pattern_step_s, 0
    times.hydraulic_timestep, times.report_timestep = task.hydraulic_step_s, task.report_step_s
    times.duration = task.steps * task.step_s
    per_step = task.step_s // task.pattern_step_s
    for name in task.pumps:
        pump = model.get_link(name)
        model.add_pattern(pattern_of(name), np.zeros(task.steps * per_step).tolist())
        pump.speed_pattern_name = pattern_of(name)
        pump.initial_status = "Open"
    for tank, level in zip(task.tanks, task.initial_level_m, strict=True):
        model.get_node(tank).init_level = float(level)
    if task.demand_m3_per_h is not None:
        _given_demand(model, task, per_step)
    model.options.report.status = "NO"
    return model


def _given_demand(model: Any, task: PumpTask, per_step: int) -> None:
    given: Any = task.demand_m3_per_h
    model.options.hydraulic.demand_multiplier = 1.0
    for name, node in model.junctions():
        node.demand_timeseries_list.clear()
        if name in given.columns:
            mean = float(given[name].mean()) or 1.0
            model.add_pattern(f"take:{name}", np.repeat(given[name].to_numpy(dtype=float) / mean, per_step).tolist())
            node.add_demand(mean / 3600.0, f"take:{name}")
