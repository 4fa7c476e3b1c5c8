"""Where the lines of a feeder diagram run: along the tree in right angles, ties around it; or straight between coordinates."""

from dataclasses import dataclass

import numpy as np

from service.grid.view import Diagram

Place = tuple[float, float]
_TRUNK, _SWITCH, _ROOM = 0.75, 0.26, 0.28  # of a step: back from a bus to its trunk, along a line to a switch, beside the tree for a tie


@dataclass(frozen=True)
class Geometry:
    """`buses`: bus -> place; `branches`: branch -> corners from its from bus to its to bus; `switches`: switch -> place."""

    buses: dict[str, Place]
    branches: dict[str, list[Place]]
    switches: dict[str, Place]
    rows: float


def geometry(diagram: Diagram) -> Geometry:
    """The drawing of a diagram: its own coordinates straight, the tidy tree in right angles."""
    places = {row.bus: (float(row.x), float(row.y)) for row in diagram.buses.itertuples()}
    tidy = bool(np.allclose(diagram.buses["x"], diagram.buses["x"].round()))
    normal = set(diagram.switches.loc[~diagram.switches["closed"], "branch"])
    branches, ties = {}, 0
    for row in diagram.branches.itertuples():
        a, b = places[row.from_bus], places[row.to_bus]
        if not tidy:
            branches[row.branch] = [a, b]
        elif row.branch in normal or abs(a[0] - b[0]) != 1:
            ties += row.branch in normal
            branches[row.branch] = _around(a, b, ties)
        else:
            branches[row.branch] = _angled(a, b) if a[0] < b[0] else _angled(b, a)[::-1]
    ends = diagram.branches.set_index("branch")["from_bus"]
    switches = {}
    for row in diagram.switches.itertuples():
        corners = branches[row.branch]
        switches[row.switch] = _along(corners if ends[row.branch] == row.bus else corners[::-1])
    ys = [y for _, y in places.values()]
    return Geometry(places, branches, switches, max(ys) - min(ys) + 1)


def _angled(a: Place, b: Place) -> list[Place]:
    """From a bus to one further out: along, then up or down, then along."""
    if a[1] == b[1]:
        return [a, b]
    return [a, (b[0] - _TRUNK, a[1]), (b[0] - _TRUNK, b[1]), b]


def _around(a: Place, b: Place, number: int) -> list[Place]:
    """A tie: out of the tree, along beside it, back; each on a track of its own."""
    if a[0] == b[0] and abs(a[1] - b[1]) <= 1:
        return [a, b]
    beside = max(a[0], b[0]) + _ROOM + 0.09 * (number % 5)
    return [a, (beside, a[1]), (beside, b[1]), b]


def _along(corners: list[Place]) -> Place:
    """The place of a switch: a short way from the first corner, before the next one."""
    (x, y), (to_x, to_y) = corners[0], corners[1]
    length = max(abs(to_x - x), abs(to_y - y)) or 1.0
    share = min(_SWITCH / length, 0.4)
    return x + share * (to_x - x), y + share * (to_y - y)
