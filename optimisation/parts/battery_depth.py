"""Wear by the depth of cycles: the charge lies in slices, and energy out of a deeper slice wears more.

A slice is a range of depth below the last peak. Every convex life curve gives slices with rising prices, and the least price at which a
charge curve can be laid into such slices is its rainflow count; it depends on the charge alone, so that a finished plan is
priced without knowing how it was found.

References: Xu et al., IEEE Trans. Power Systems 33 (2018), 2248-2259. They write a charge and a discharge for each slice; here a
slice has only what leaves it, which costs the same: moving energy between slices never saves.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from optimisation.assets.battery import Battery
    from optimisation.formulation import Formulation

Cycles = Sequence[tuple[float, float]]


def marginal_prices(cycles_at_depth: Cycles, replacement_price_per_kwh: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Width of each slice, part of the size [1], and price of each kWh that leaves it [currency/kWh].

    One cycle of depth d takes 1/cycles(d) of the life; the last slice reaches down to empty.
    """
    depth, life = np.array(cycles_at_depth, dtype=float).T
    price = replacement_price_per_kwh * np.diff(1.0 / life, prepend=0.0) / np.diff(depth, prepend=0.0)
    return np.diff(np.append(depth[:-1], 1.0), prepend=0.0), price


def depth_cost(stored_kwh: NDArray[np.float64], energy_kwh: float, width: NDArray[np.float64], price: NDArray[np.float64]) -> float:
    """What the cycles of a charge curve float[instants] [kWh] wear [currency].

    The sum over slices of price x outflow is, slice by slice, the rise in price times what leaves it and all deeper ones; the
    content of those follows the charge only when it must, like a stick pushed in a gap.
    """
    gap = energy_kwh * np.concatenate([[0.0], np.cumsum(width)[:-1]])
    deeper, out = np.maximum(stored_kwh[0] - gap, 0.0), np.zeros(len(gap))
    for charge in stored_kwh[1:]:
        moved = np.clip(deeper, np.maximum(charge - gap, 0.0), charge)
        out += np.maximum(deeper - moved, 0.0)
        deeper = moved
    return float(np.diff(price, prepend=0.0) @ out)


def by_depth(model: "Formulation", group: Sequence["Battery"]) -> None:
    """Add the slices of the batteries that wear by depth, and their price to the costs."""
    if not group:
        return
    m, most = model.m, max(len(b.cycles_at_depth) for b in group)
    size, price = np.zeros((len(group), most)), np.zeros((len(group), most))
    for i, b in enumerate(group):
        width, each = marginal_prices(b.cycles_at_depth, b.replacement_price_per_kwh)
        size[i, : len(width)], price[i, : len(each)] = b.energy_kwh * width, each
        size[i, len(width) - 1] = np.inf  # the charge itself is bounded already
    slices = model.ids("SLICE", range(most))
    model.ids("BATTERY_BY_DEPTH", (b.id for b in group))
    model.variable("battery_slice_kwh", m.BATTERY_BY_DEPTH, m.T1, slices, upper=size[:, None, :])
    model.variable("battery_out_of_slice_kwh", m.BATTERY_BY_DEPTH, m.T, slices)
    model.parameter("battery_slice_price", model.ids("BATTERY_SLICE", m.BATTERY_BY_DEPTH * slices), price)
    model.constraint(
        "battery_slices",
        m.BATTERY_BY_DEPTH,
        m.T1,
        rule=lambda m, b, t: sum(m.battery_slice_kwh[b, t, j] for j in m.SLICE) == m.battery_stored_kwh[b, t],
    )
    model.constraint(
        "battery_leaves_slice",
        m.BATTERY_BY_DEPTH,
        m.T,
        slices,
        rule=lambda m, b, t, j: m.battery_out_of_slice_kwh[b, t, j] >= m.battery_slice_kwh[b, t, j] - m.battery_slice_kwh[b, t + 1, j],
    )
    model.costs.append(
        lambda m: sum(
            m.battery_slice_price[b, j] * m.battery_out_of_slice_kwh[b, t, j] for b in m.BATTERY_BY_DEPTH for t in m.T for j in m.SLICE
        )
    )
