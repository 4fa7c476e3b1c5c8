"""Emission factors, standard-coal coefficients and warming potentials: immutable, decimal, cited; found exactly once or not at all."""

from carbon.factors.choosing import Choice, Provisional, by_id, choose, find
from carbon.factors.factor import COLUMNS, Basis, Factor
from carbon.factors.reading import read_rows
from carbon.factors.sets import SHIPPED, FactorSet, load, load_sets

__all__ = [
    "COLUMNS",
    "SHIPPED",
    "Basis",
    "Choice",
    "Factor",
    "FactorSet",
    "Provisional",
    "by_id",
    "choose",
    "find",
    "load",
    "load_sets",
    "read_rows",
]
