"""Fewer valves against more water lost: a mixed-integer program over the segments to be cut.

    min   sum_v worth z_v + sum_c loss_c (1 - w_c)
    z_v  >= |y_a - y_b|           a valve between a cut group of segments and one that is not gets closed
    w_c  <= 1 - y_group(c)        what is cut has no supply
    w_c  <= sum w_tail            over the ways into a set of cells that holds c and no source: added while an answer breaks it
    y_burst = 1, y = 0 where a source is outside the burst's own group; segments joined by stuck valves are one group

A cell is a set of nodes in one segment between which water goes both ways: supply is decided there, as in the plan, with one-way links
and links closed in the INP. Only y is integer: with y given, z and w are at their bounds.

References: the cut without the supply rows is the minimum cut of Jun, H., Loganathan, G. (2007). Valve-controlled segments in water
distribution systems. J. Water Resources Planning and Management 133(2); the supply rows count what Walski's segments leave out.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csc_array
from scipy.sparse.csgraph import connected_components

from city.problems import fault
from optimisation import solve
from optimisation.arrays import Arrays
from optimisation.isolation.plan import IsolationPlan
from optimisation.isolation.planner import Planner

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_REACHED = 1e-6
Row = tuple[list[int], list[float], float]  # columns, coefficients, upper bound


def fewest(
    planner: Planner,
    pipe: str,
    stuck: Collection[str] = (),
    *,
    valve_m3_per_h: float = 1.0,
    customer_m3_per_h: float = 0.0,
    most_valves: int | None = None,
) -> IsolationPlan:
    """The plan that loses least, a valve to close counted as `valve_m3_per_h` of water lost and a customer cut off as
    `customer_m3_per_h` [m3/h], with at most `most_valves` valves.

    With a very small `valve_m3_per_h` it is the fewest valves among the plans that lose the least water.
    Raises `PenstockError` for an unknown pipe, worths below zero, and when so few valves cannot isolate the pipe.
    """
    if valve_m3_per_h < 0 or customer_m3_per_h < 0:
        raise fault("worth of a valve or customer", f"{valve_m3_per_h}, {customer_m3_per_h}", "0 or more", "Correct it.")
    planner.network.require("pipes", [pipe], "burst")
    problem = _Problem(planner, pipe, stuck, valve_m3_per_h, customer_m3_per_h, most_valves)
    while True:
        found = solve.solved(problem.arrays(), rel_gap=0.0)
        if found.ended == "infeasible":
            raise fault(f"pipe {pipe}", f"not isolated by {most_valves} valves", "more valves", "Allow more valves.")
        groups, cells = problem.answer(found.x)
        if not problem.tighten(groups, cells):
            cut = groups[problem.group]
            core = planner.parts.reach(np.array([planner.pipe_segment[pipe]]), np.all(cut[planner.parts.sides], axis=1))
            return planner.told(pipe, core, problem.closed, problem.group)


@dataclass(frozen=True)
class _Ways:
    """Ways of supply between cells: from `tail` to `head`, through a link of group `group`."""

    tail: Ints
    head: Ints
    group: Ints


class _Problem:
    """Columns: y of every group, w of every cell, z of every valve that can be closed. Rows grow by `tighten`."""

    def __init__(
        self, planner: Planner, pipe: str, stuck: Collection[str], valve_m3_per_h: float, customer_m3_per_h: float, most_valves: int | None
    ) -> None:
        blocked = planner.blocked(stuck)
        self.closed, self.group = planner.closed & ~blocked, planner.parts.joined(blocked)
        self.groups = int(self.group.max()) + 1
        burst = int(self.group[planner.pipe_segment[pipe]])
        self.cell, self.ways = _cells(planner, self.group, self.closed)
        self.cells = int(self.cell.max()) + 1
        sides = self.group[planner.parts.sides]
        self.pairs, counts = np.unique(
            np.sort(sides[~blocked & ~self.closed & (sides[:, 0] != sides[:, 1])], axis=1), axis=0, return_counts=True
        )
        self.group_of_cell = np.zeros(self.cells, dtype=np.int64)
        self.group_of_cell[self.cell] = self.group[planner.node_segment]
        own = planner.wet_before * (planner.demand + customer_m3_per_h * planner.customers)
        self.loss = np.bincount(self.cell, own, self.cells)
        at_source = planner.supply.sources[self.group[planner.source_segment] != burst]
        self.source_cells = np.unique(self.cell[at_source])
        self._bounds(burst, self.group[planner.node_segment[at_source]])
        self.worth = valve_m3_per_h * counts
        self.rows = self._first_rows(counts, most_valves)

    def _bounds(self, burst: int, fed: Ints) -> None:
        self.low, self.high = np.zeros(self.columns), np.ones(self.columns)
        self.low[burst] = 1.0
        self.high[fed] = 0.0

    @property
    def columns(self) -> int:
        return self.groups + self.cells + len(self.pairs)

    def _first_rows(self, counts: Ints, most_valves: int | None) -> list[Row]:
        first = self.groups + self.cells
        rows: list[Row] = []
        for at, (a, b) in enumerate(self.pairs.tolist()):
            rows += [([a, b, first + at], [1.0, -1.0, -1.0], 0.0), ([b, a, first + at], [1.0, -1.0, -1.0], 0.0)]
        rows += [([self.groups + c, g], [1.0, 1.0], 1.0) for c, g in enumerate(self.group_of_cell.tolist())]
        if most_valves is not None:
            rows.append((list(range(first, self.columns)), counts.astype(float).tolist(), float(most_valves)))
        return rows

    def arrays(self) -> Arrays:
        sizes = [len(row[0]) for row in self.rows]
        at = np.repeat(np.arange(len(self.rows)), sizes)
        column, value = (np.concatenate([row[part] for row in self.rows]) for part in (0, 1))
        matrix = csc_array(coo_array((value, (at, column)), shape=(len(self.rows), self.columns)))
        integer = np.arange(self.columns) < self.groups
        upper = np.array([row[2] for row in self.rows])
        cost = np.concatenate([np.zeros(self.groups), -self.loss, self.worth])
        start, index = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)
        lower = np.full(len(upper), -np.inf)
        return Arrays(cost, float(self.loss.sum()), start, index, matrix.data, lower, upper, self.low, self.high, integer)

    def answer(self, x: Floats) -> tuple[NDArray[np.bool_], Floats]:
        """bool[groups] cut, float64[cells] with supply."""
        return x[: self.groups] > 0.5, x[self.groups : self.groups + self.cells]

    def tighten(self, cut: NDArray[np.bool_], wet: Floats) -> bool:
        """Add a row for each set of cells that the answer calls supplied though no way leads there; False when there is none."""
        ways = self.ways
        passing = ~cut[ways.group] & ~cut[self.group_of_cell[ways.tail]] & ~cut[self.group_of_cell[ways.head]]
        reached = np.zeros(self.cells, dtype=bool)
        reached[self.source_cells] = True
        while True:
            new = passing & reached[ways.tail] & ~reached[ways.head]
            if not new.any():
                break
            reached[ways.head[new]] = True
        wrong = (wet > _REACHED) & ~reached & (self.loss > 0)
        if not wrong.any():
            return False
        dry = ~reached & ~cut[self.group_of_cell]
        inner = passing & dry[ways.tail] & dry[ways.head]
        label = connected_components(coo_array((np.ones(inner.sum()), (ways.tail[inner], ways.head[inner])), shape=(self.cells,) * 2))[1]
        for cell in np.flatnonzero(wrong):
            self.rows.append(self._supply_row(int(cell), label == label[cell], cut))
        return True

    def _supply_row(self, cell: int, inside: NDArray[np.bool_], cut: NDArray[np.bool_]) -> Row:
        """The cell has supply only when a way into its set has; a way through a cut link only when that is not cut."""
        ways = self.ways
        into = np.flatnonzero(inside[ways.head] & ~inside[ways.tail])
        by_link = cut[ways.group[into]]
        tails, links = np.unique(ways.tail[into[~by_link]]), np.unique(ways.group[into[by_link]])
        columns = [self.groups + cell, *(self.groups + tails).tolist(), *links.tolist()]
        return columns, [1.0, *([-1.0] * len(tails)), *([1.0] * len(links))], float(len(links))


def _cells(planner: Planner, group: Ints, closed: NDArray[np.bool_]) -> tuple[Ints, _Ways]:
    """Cell of every node, int64[nodes], and the ways between cells that are no valve shut already."""
    supply = planner.supply
    usable = supply.usable.copy()
    usable[supply.valve_link[closed]] = False
    valved = np.zeros(len(usable), dtype=bool)
    valved[supply.valve_link] = True
    both = usable & ~supply.one_way & ~valved
    count = len(planner.node_ids)
    graph = coo_array((np.ones(both.sum()), (supply.start[both], supply.end[both])), shape=(count, count))
    cell = connected_components(graph, directed=False)[1].astype(np.int64)
    link, back = np.flatnonzero(usable & ~both), np.flatnonzero(usable & ~both & ~supply.one_way)
    tail, head = np.append(supply.start[link], supply.end[back]), np.append(supply.end[link], supply.start[back])
    return cell, _Ways(cell[tail], cell[head], group[planner.link_segment[np.append(link, back)]])
