"""Cities of feeders that are too many for one model: planned part by part at prices, with the distance from the least cost told."""

from optimisation.decomposed.city import REL_GAP, Round
from optimisation.decomposed.planning import CityPlan, plan

__all__ = ["REL_GAP", "CityPlan", "Round", "plan"]
