"""From one position of the switches to another, one switch at a time: no loop, no fault energised, no limit broken on the way.

Each round takes the closing that gives back most per minute together with the openings it needs, and these first; a section that changes
its feeder goes dark for a moment, for two feeders are never joined. A disconnector turns only where it carries nothing.

References: the ratio rule is Smith, W. E. (1956). Various optimizers for single-stage production. Naval Research Logistics 3, 59-66.
"""

from collections.abc import Sequence

import numpy as np

from optimisation.restoration.state import State, state
from optimisation.restoration.wires import Bools, Floats, Wires

_TRIES = 2000  # states looked at before an order is given up


def ordered(wires: Wires, now: Bools, then: Bools, worth: Floats, minutes: Floats, keep: Bools | None = None) -> list[int] | None:
    """The switches to turn, in their order, from `now` to `then` bool[switches]; None when none is found.

    `worth` float64[buses] of supply; `minutes` float64[switches] to turn each; `keep` bool[buses]: not to go dark, but for a section that
    changes its feeder.
    """
    return _Walk(wires, then, worth, minutes, keep).go(now, np.flatnonzero(now != then).tolist())


class _Walk:
    def __init__(self, wires: Wires, then: Bools, worth: Floats, minutes: Floats, keep: Bools | None) -> None:
        self.wires, self.then, self.worth, self.minutes = wires, then, worth, minutes
        self.keep = np.zeros(len(wires.buses), dtype=bool) if keep is None else keep
        self.tries = 0
        self.seen: dict[bytes, State] = {}

    def go(self, now: Bools, left: list[int]) -> list[int] | None:
        if not left:
            return []
        if self.tries > _TRIES:
            return None
        for steps in self._rounds(now, left):
            after = self.turned(now, steps)
            rest = self.go(after, [s for s in left if s not in steps])
            if rest is not None:
                return [*steps, *rest]
        return None

    def turned(self, now: Bools, steps: Sequence[int]) -> Bools:
        after = now.copy()
        after[list(steps)] = self.then[list(steps)]
        return after

    def at(self, opened: Bools) -> State:
        key = opened.tobytes()
        if key not in self.seen:
            self.tries += 1
            self.seen[key] = state(self.wires, opened)
        return self.seen[key]

    def _rounds(self, now: Bools, left: list[int]) -> list[list[int]]:
        """Ways to go on, the best first: a closing with the openings it needs; at the end openings alone."""
        openings, closings = [s for s in left if self.then[s]], [s for s in left if not self.then[s]]
        found = []
        for close in closings:
            needed = self._needed(now, openings, close)
            if needed is not None:
                steps = [*sorted(needed, key=lambda s: self.minutes[s]), close]
                gain = self._worth(self.turned(now, steps)) - self._worth(now)
                found.append((-gain / max(float(self.minutes[steps].sum()), 1e-3), steps))
        ways = [steps for _, steps in sorted(found, key=lambda one: (one[0], one[1]))]
        if not closings:
            calm = [s for s in openings if self._harmless(now, s)]
            ways = [[s] for s in calm[:1]]
        return ways

    def _worth(self, opened: Bools) -> float:
        return float(self.worth[self.at(opened).tree.energised].sum())

    def _needed(self, now: Bools, openings: list[int], close: int) -> list[int] | None:
        """The fewest openings, by leaving one out after the other, after which `close` may be closed; None when none will do."""
        dark = sorted((s for s in openings if self._harmless(now, s)), key=lambda s: self.minutes[s])
        live = [s for s in openings if s not in dark]
        for more in [[], *[[s] for s in live], live]:
            chosen = [*dark, *more]
            if self._allowed(now, chosen, close):
                for one in [*reversed(more), *reversed(dark)]:
                    fewer = [s for s in chosen if s != one]
                    if self._allowed(now, fewer, close):
                        chosen = fewer
                return chosen
        return None

    def _allowed(self, now: Bools, openings: list[int], close: int) -> bool:
        """May these be opened and then this be closed, every disconnector without current, nobody to be kept left in the dark?"""
        at = now
        for switch in [*openings, close]:
            if self.wires.disconnector[switch] and not self._dead(at, switch):
                return False
            at = self.turned(at, [switch])
        after = self.at(at)
        return after.safe and not (self.keep & ~after.tree.energised).any()

    def _harmless(self, now: Bools, switch: int) -> bool:
        """Does opening it take supply from nobody?"""
        return self._worth(self.turned(now, [switch])) >= self._worth(now)

    def _dead(self, now: Bools, switch: int) -> bool:
        """Is the branch of this switch without current before and after it is turned?"""
        branch = int(self.wires.switch_branch[switch])
        after = now.copy()
        after[switch] = self.then[switch]
        return all(branch not in self.at(opened).tree.carrying for opened in (now, after))
