"""Isolating a burst: which valves to close, what that costs, how few valves lose how little water."""

from optimisation.isolation.fewest import fewest
from optimisation.isolation.plan import Alternative, IsolationPlan
from optimisation.isolation.planner import Planner, plan_isolation
from optimisation.isolation.verify import Verification, verified

__all__ = ["Alternative", "IsolationPlan", "Planner", "Verification", "fewest", "plan_isolation", "verified"]
