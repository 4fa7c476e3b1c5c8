"""How much cheaper a schedule could be: the label search with every step taken in EPANET itself.

Nothing is fitted and no limit is slack; only labels whose tanks stand within one cell, with the same switches left, are taken for equal.
So the answer is exact but for what a cell of level is worth. It pays where switches are few: EPANET solves 10,000 steps a second.
"""

import numpy as np

from networks.pumping import PumpDay, PumpTask
from networks.pumping.operating import modes, running
from networks.pumping.task import Floats
from optimisation.pumps.labels import Candidate, Search, candidates
from optimisation.pumps.switching import Switching


class EpanetSteps:
    """EPANET in the place of the operating points."""

    def __init__(self, day: PumpDay) -> None:
        self.day, self.task, self.modes = day, day.task, modes(day.task)

    def known(self, step: int, mode: int) -> bool:  # noqa: ARG002 - EPANET knows every step
        return True

    def terms(self, level_m: Floats) -> Floats:
        """Nothing to prepare: EPANET takes the levels as they are."""
        return level_m

    def after(self, step: int, mode: int, level_m: Floats, terms: Floats) -> tuple[Floats, Floats, Floats]:  # noqa: ARG002
        """As of the operating points, float[n, tanks], float[n], float[n, watched]; one EPANET step per row."""
        run = running(self.task, self.modes[mode])
        found = [self.day.step(step, level, run) for level in level_m]
        tanks, watched = level_m.shape[1], len(self.task.watched)
        return (
            np.array([step.end_level_m for step in found]).reshape(-1, tanks),
            np.array([step.cost for step in found]),
            np.array([step.pressure_m for step in found]).reshape(-1, watched),
        )


def cheapest(task: PumpTask, dearest: float, cell_m: float = 0.002, most: int = 1_000_000) -> Candidate | None:
    """The cheapest schedule of all up to the cost `dearest`, but for cells of level [m]; None when there is none."""
    with PumpDay(task) as day:
        steps = EpanetSteps(day)
        found = candidates(steps, Switching(task, steps.modes), Search(cell_m, 0.0, most=most, dearest=dearest), 1)
    return found[0] if found else None
