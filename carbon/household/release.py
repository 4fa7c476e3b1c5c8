"""What is published of many homes together: groups of at least k, and totals with noise, so that nobody's own number can be told.

Two protections, independent of each other. Suppression: a group of fewer than k households is not shown, and neither is anything from
which it follows by subtraction. Differential privacy: each shown total carries discrete Laplace noise, so that with or without
any one household the same table is nearly as likely: P(table) <= exp(epsilon) x P(table without it).
References: L. Sweeney, k-anonymity, 2002; L. Willenborg and T. de Waal, Elements of Statistical Disclosure Control, 2001, chapter 6
(secondary suppression); C. Dwork and A. Roth, The algorithmic foundations of differential privacy, 2014, section 3.3.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from carbon.household.noise import Below, discrete_laplace
from city.problems import fault


@dataclass(frozen=True)
class Release:
    """A table as it is published: nothing else of the households is kept with it."""

    totals: tuple[tuple[str, int], ...]  # (group, sum with noise [stored units]) of the groups that are shown
    together: int | None  # of all groups, the withheld ones included: shown + withheld add up to it; none: withheld too
    withheld: tuple[str, ...]
    k: int
    epsilon: Fraction
    largest: int  # what a household counted for at most [stored units]

    def detail(self) -> dict[str, Any]:
        """As kept and printed; reading it back gives the same."""
        return {
            **self.__dict__,
            "totals": [list(pair) for pair in self.totals],
            "withheld": list(self.withheld),
            "epsilon": str(self.epsilon),
        }

    @classmethod
    def read(cls, detail: Mapping[str, Any]) -> "Release":
        """What `detail` gave."""
        totals = tuple((str(group), int(total)) for group, total in detail["totals"])
        parts = {"totals": totals, "withheld": tuple(detail["withheld"]), "epsilon": Fraction(detail["epsilon"])}
        return cls(**{**detail, **parts})


def shown(members: Mapping[str, int], k: int) -> tuple[list[str], bool]:
    """The groups that may be shown, in name order, and whether their common total may be.

    `members`: households of each group. A group below k is withheld (empty ones are withheld and hide nobody). While the withheld
    ones together hold somebody, but fewer than k or in one group alone, the smallest shown group is withheld too: the total
    minus the shown groups would be theirs. With fewer than k households in all, nothing is shown.
    """
    left = sorted((name for name, count in members.items() if count >= k), key=lambda name: (members[name], name))
    hidden = [count for name, count in members.items() if name not in left and count]
    while hidden and (sum(hidden) < k or len(hidden) < 2) and left:
        hidden.append(members[left.pop(0)])
    return sorted(left), sum(members.values()) >= k and (not hidden or sum(hidden) >= k)


def release(
    values: Sequence[tuple[str, str, int]], groups: Sequence[str], k: int, epsilon: Fraction, largest: int, below: Below = secrets.randbelow
) -> Release:
    """A publication of one measure over one period.

    `values`: (household, group, amount [stored units, zero or more]), a household once; `groups`: all groups there are, known
    beforehand. `largest` [stored units] > 0: an amount counts for at most that, so a household changes one group's sum by at
    most `largest`, and noise of scale largest / epsilon makes the whole table epsilon-private. The common total is the sum of the
    noisy groups: it costs no further privacy, and printed parts add up to it. Raises `PenstockError` for a household given twice, a
    negative amount, or a group that is not named.
    """
    names = [household for household, _, _ in values]
    foreign = sorted({group for _, group, _ in values} - set(groups))
    if len(set(names)) < len(names) or foreign or any(amount < 0 for _, _, amount in values) or largest < 1 or epsilon <= 0:
        observed = f"groups {', '.join(foreign)} unknown" if foreign else "a household twice, an amount below zero, or no limit"
        allowed = "each household once, in a named group, with zero or more; largest and epsilon above zero"
        raise fault("publication over households", observed, allowed, "Correct what is to be published.")
    sums, members = dict.fromkeys(groups, 0), dict.fromkeys(groups, 0)
    for _, group, amount in values:
        sums[group] += min(amount, largest)
        members[group] += 1
    scale = Fraction(largest) / epsilon
    noisy = {group: total + discrete_laplace(scale, below) for group, total in sums.items()}
    names_shown, together = shown(members, k)
    return Release(
        tuple((group, noisy[group]) for group in names_shown),
        sum(noisy.values()) if together else None,
        tuple(sorted(set(groups) - set(names_shown))),
        k,
        epsilon,
        largest,
    )
