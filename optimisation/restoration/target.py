"""The position of the switches that is worth most: the program solved, judged by the power flow, cut and solved again."""

from dataclasses import dataclass

import numpy as np
import pyomo.environ as pyo

from city.problems import PenstockError
from optimisation.restoration.program import Forest, planes, solved
from optimisation.restoration.state import State, state, too_much
from optimisation.restoration.wires import Bools, Floats, Wires

REL_GAP = 1e-6
MAX_NODES = 20_000
ROUNDS = 60


@dataclass(frozen=True)
class Asked:
    """What a target is asked of: `now` bool[switches] open; `may` bool[switches] can be turned; `must` bool[buses] stay energised;
    `worth` float64[buses] of having supply; `toll` float64[switches] of turning."""

    wires: Wires
    now: Bools
    may: Bools
    must: Bools
    worth: Floats
    toll: Floats


@dataclass(frozen=True)
class Target:
    """The position found; `proved_best` when nothing can be worth more; `refused` answers the power flow did not accept."""

    state: State
    proved_best: bool
    refused: int


class Search:
    """The program of one question, with what the power flow and the order of switching have refused so far."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.forest, self.refused = asked, Forest(asked.wires), 0

    def best(self) -> Target | None:
        """The position worth most of those not refused; None when none is found, as staying as it is may be refused too."""
        while self.refused < ROUNDS:
            found = self._solved()
            if found is None:
                return None
            answer, proved = found
            if answer.tree.loop or answer.tree.touches:  # in the dark part only: not the program's to keep apart
                self.bar(answer.opened)
            elif answer.breaches:
                self.forest.refused.append(too_much(answer))
                self.forest.planes += planes(answer.swept) if answer.swept.held else []
                self.refused += 1
            else:
                return Target(answer, proved, self.refused)
        return None

    def bar(self, opened: Bools) -> None:
        """Never answer with this position again."""
        self.forest.barred.append(opened)
        self.refused += 1

    def _solved(self) -> tuple[State, bool] | None:
        a = self.asked
        m = self.forest.model(a.may, a.now, a.must)
        scale = max(float(a.worth.sum()), 1e-9)
        gain = sum(float(a.worth[n]) / scale * m.alive[n] for n in m.N if a.worth[n])
        price = sum(float(a.toll[s]) / scale * (1 - m.open[s] if a.now[s] else m.open[s]) for s in m.S if a.may[s])
        m.cost = pyo.Objective(expr=price - gain)
        try:
            found = solved(m, REL_GAP, MAX_NODES)
        except PenstockError:  # the nodes ended before the first answer
            return None
        if found is None:
            return None
        opened = np.array([m.open[s].value > 0.5 for s in m.S], dtype=bool)
        return state(a.wires, opened), found.ended == "gap"
