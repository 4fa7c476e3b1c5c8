"""Isolating a burst: which valves to close, what that costs, how few valves lose how little water."""

from optimisation.isolation.plan import IsolationPlan, plan_isolation

__all__ = ["IsolationPlan", "plan_isolation"]
