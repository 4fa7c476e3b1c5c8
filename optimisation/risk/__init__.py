"""Guarding a plan against forecasts that turn out wrong, and weighing cost, carbon and peak against each other."""

from optimisation.risk.settings import Risk, Weights

__all__ = ["Risk", "Weights"]
