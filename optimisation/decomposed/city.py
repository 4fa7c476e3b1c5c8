"""A city of feeders planned part by part: prices of what feeders and root exchange, the plans that go with them, and how far from least.

At prices of the shared balance every part has its own cheapest answer; the sum of what these cost at the least is a bound that no plan
of the city can be below, whatever the prices. The best mix of the answers so far is a plan, and its prices ask the next question. These
prices swing, so they are kept in a box around those with the best bound, that grows when it was too small and shrinks when the bound
got worse. A first round of a few feeders, each of which stands for many, finds where the box should be.

At the end each feeder plans for itself what the mix asks of it, and the root what is left: so the answer is a plan of the whole city,
with integers and one-way flows, and its gap to the bound is what is told.

References: Dantzig and Wolfe, Decomposition principle for linear programs, Operations Research 8 (1960), 101-111; Geoffrion,
Lagrangean relaxation for integer programming, Mathematical Programming Study 2 (1974), 82-114; Marsten, Hogan and Blankenship, The
boxstep method for large-scale optimization, Operations Research 23 (1975), 389-405; Pessoa, Sadykov, Uchoa and Vanderbeck, Automation
and combination of linear-programming based stabilization techniques in column generation, INFORMS J. on Computing 30 (2018), 339-360
(why prices need a centre; here the box is the only stabilisation).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from optimisation.arrays import Floats
from optimisation.decomposed.feeder import Answer, Question, answers
from optimisation.decomposed.master import Master, Mix

Fanout = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]

REL_GAP = 2e-3
MAX_ROUNDS = 60
BOX = 0.03  # how far from the centre prices may lie at first [currency/kWh]
SAMPLED_BOX = BOX / 4  # the same around prices that a sample of feeders has found
GROWS, SHRINKS = 1.5, 0.5
AS_HOPED = 0.3  # part of what the mix hoped the bound would gain: above it the box was too small
SAMPLE = 24  # feeders that find the first prices for all; cities of fewer than four times as many begin at once
TOGETHER = 8  # feeders in one task


@dataclass(frozen=True)
class Round:
    """`bound` and `cost` are the best so far [currency]; `missing_kw` what the mix of answers lacks or has too much at worst."""

    feeders: int
    bound: float
    cost: float
    missing_kw: float
    box_per_kwh: float
    iterations: int
    wall_s: float

    @property
    def gap(self) -> float:
        return (self.cost - self.bound) / max(abs(self.cost), 1e-9)


@dataclass
class City:
    """Feeders in a folder, and the root that they share `balance` with."""

    folder: Path
    balance: str
    names: tuple[str, ...]
    step_h: float
    ceiling: float
    master: Master
    fanout: Fanout
    rounds: list[Round] = field(default_factory=list)
    reasons: tuple[str, ...] = ()

    def asked(self, names: Sequence[str], prices: Floats) -> list[Answer]:
        """What these feeders answer to prices [currency/kW over a step]."""
        questions = [Question(self.folder, self.balance, tuple(part), prices) for part in together(names)]
        return [answer for part in self.fanout(answers, questions) for answer in part]

    def mixed(self, weights: Mapping[str, float], integers: bool = False) -> Mix:
        """The best mix at a price of what is missing that no plan would pay."""
        dearest = np.full(self.master.root.steps, self.ceiling * self.step_h)
        return self.master.mix(weights, -dearest, dearest, integers)

    def priced(self, names: Sequence[str], prices: Floats, box_per_kwh: float, rel_gap: float, most: int) -> tuple[Floats, float]:
        """Rounds until the mix of these feeders, who stand for all, is within the gap; the prices with the best bound, and that bound.

        Ends early, with `reasons`, when a feeder has no answer at all.
        """
        weights = dict.fromkeys(names, len(self.names) / len(names))
        centre, best, box, hoped, closed = prices, -np.inf, box_per_kwh * self.step_h, np.inf, False
        for _ in range(most):
            began = monotonic()
            given = self.asked(names, prices)
            self.reasons = tuple(reason for answer in given for reason in answer.reasons)
            if self.reasons:
                break
            self.master.add(given)
            bound = self.master.bound(prices) + sum(weights[answer.name] * answer.bound for answer in given)
            gain = bound - best
            if gain > 0:
                centre, best = prices, bound
            mix = self.mixed(weights)
            if mix.closes and not closed:  # what was missing has made it wide
                closed, box = True, box_per_kwh * self.step_h
            elif gain > AS_HOPED * hoped or not closed:
                box *= GROWS
            elif gain <= 0:
                box *= SHRINKS
            boxed = self.master.mix(weights, centre - box, centre + box)
            prices, hoped = boxed.prices, boxed.cost - best
            self.master.forget()
            missing, iterations = float(np.abs(mix.missing_kw).max()), sum(answer.iterations for answer in given)
            self.rounds.append(Round(len(names), best, mix.cost, missing, box / self.step_h, iterations, monotonic() - began))
            if mix.closes and self.rounds[-1].gap <= rel_gap:
                break
        return centre, best


def together(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """A task each; what a feeder answers does not depend on who else is asked in its task."""
    return (names[at : at + TOGETHER] for at in range(0, len(names), TOGETHER))


def sample(names: Sequence[str]) -> list[str]:
    """A few feeders, evenly spread; all when a few would not stand for them."""
    return list(names[:: len(names) // SAMPLE]) if len(names) >= 4 * SAMPLE else list(names)
