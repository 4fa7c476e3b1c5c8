"""What a unit takes as a convex, piecewise linear function of what it gives: a pump's power by flow, a boiler's fuel by heat.

Where taking costs something, a linear program fills the pieces in order, cheapest first. Where wasting would pay (a negative price, a
surplus), a binary per joint keeps the order: no piece before the one below it is full (the incremental formulation).

Reference: Vielma, Ahmed and Nemhauser, Mixed-Integer Models for Nonseparable Piecewise-Linear Optimization, Operations Research 58
(2010), 303-315.
"""
# ruff: noqa: ARG005 - Pyomo gives every rule its model

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyomo.environ as pyo

    from optimisation.formulation import Formulation

Points = Sequence[tuple[float, float]]  # (given, taken), from least to most


def check_convex(name: str, points: Points) -> None:
    """Raises ValueError with a sentence when the points do not rise, or bend the wrong way."""
    if any(b[0] <= a[0] or b[1] < a[1] for a, b in pairwise(points)):
        raise ValueError(f"{name} must rise from point to point; sort it by its first numbers")
    slopes = _slopes(points)
    for i, (one, other) in enumerate(pairwise(slopes)):
        if other <= one:
            bends = f"{points[i + 1]} has {one:.6g} before and {other:.6g} after it"
            raise ValueError(f"{name} must grow steeper at each point, but {bends}; leave that point out")


def _slopes(points: Points) -> list[float]:
    return [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(points)]


def taken_at(points: Points, given: Any) -> Any:
    """float[...]: what is taken where `given` is given; nothing where nothing is given."""
    x, y = zip(*points, strict=True)
    return np.where(np.asarray(given) > 0, np.interp(given, x, y), 0.0)


def follow(model: "Formulation", name: str, curves: Mapping[str, Points], running: "pyo.Var") -> "tuple[pyo.Var, pyo.Var]":
    """Add `{name}_given` and `{name}_taken` [unit, step]: on the curve while `running`, both nothing while not.

    A kind that uses it declares `opposites = (("{name}_room", "{name}_above"),)`.
    """
    m = model.m
    ids = model.ids(f"{name}_curve_ids", curves)
    given, taken = (model.variable(f"{name}_{part}", ids, m.T) for part in ("given", "taken"))
    lowest = model.variable(f"{name}_lowest", ids, m.T)
    joints = {i: [f"{i}/{k}" for k in range(1, len(points) - 1)] for i, points in curves.items()}
    joint_ids = model.ids(f"{name}_joints", [joint for own in joints.values() for joint in own])
    room, above = (model.variable(f"{name}_{part}", joint_ids, m.T) for part in ("room", "above"))

    def pieces(i: str, t: int) -> list[Any]:
        return [lowest[i, t], *(above[joint, t] for joint in joints[i])]

    def on_line(i: str, t: int, side: int, slopes: Sequence[float]) -> Any:
        return curves[i][0][side] * running[i, t] + sum(slope * piece for slope, piece in zip(slopes, pieces(i, t), strict=True))

    ones = {i: [1.0] * (len(points) - 1) for i, points in curves.items()}
    slopes = {i: _slopes(points) for i, points in curves.items()}
    widths = {i: [b[0] - a[0] for a, b in pairwise(points)] for i, points in curves.items()}
    model.constraint(f"{name}_on_curve", ids, m.T, by_row=True, rule=lambda m, i, t: given[i, t] == on_line(i, t, 0, ones[i]))
    model.constraint(f"{name}_taking", ids, m.T, by_row=True, rule=lambda m, i, t: taken[i, t] == on_line(i, t, 1, slopes[i]))

    def width(i: str, k: int, t: int) -> Any:
        piece = pieces(i, t)[k] - widths[i][k] * running[i, t]
        return piece + room[joints[i][k], t] == 0 if k < len(joints[i]) else piece <= 0

    every = model.ids(f"{name}_pieces", [(i, k) for i in curves for k in range(len(widths[i]))])
    model.constraint(f"{name}_width", every, m.T, by_row=True, rule=lambda m, i, k, t: width(i, k, t))
    below = {joint: widths[i][k] for i, own in joints.items() for k, joint in enumerate(own)}
    beyond = {joint: widths[i][k + 1] for i, own in joints.items() for k, joint in enumerate(own)}
    if below:
        model.one_way(f"{name}_order", joint_ids, model.burning, (f"{name}_room", below), (f"{name}_above", beyond))
    return given, taken
