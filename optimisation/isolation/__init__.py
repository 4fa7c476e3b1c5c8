"""Isolating a burst: which valves to close, what that costs, how few valves lose how little water."""

from optimisation.isolation.plan import Alternative, IsolationPlan
from optimisation.isolation.planner import Planner, plan_isolation

__all__ = ["Alternative", "IsolationPlan", "Planner", "plan_isolation"]
