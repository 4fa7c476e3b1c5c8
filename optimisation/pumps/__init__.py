"""Pump schedules that EPANET has judged: `best(task)` finds one, `judge` checks any."""

from networks.pumping import PumpLimits, PumpTask, Verdict, judge
from optimisation.pumps.planning import Effort, Schedule, best

__all__ = ["Effort", "PumpLimits", "PumpTask", "Schedule", "Verdict", "best", "judge"]
