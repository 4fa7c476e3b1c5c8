"""Exact masses: amount times a fraction, rounded once, half to even."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from carbon.ledger.batch import Rule
from city.problems import fault

_SAFE = 1 << 62
_FEW = 64  # changes of rule in a chunk
CHUNK = 1 << 15  # rows at a time: the intermediate results stay in the cache


def masses(amounts: NDArray[np.int64], rule: NDArray[np.int32], rules: Sequence[Rule]) -> NDArray[np.int64]:
    """int64[n] [mg] of amounts int64[n] [Wh, mL, g] under `rules[rule]`, each rounded once, half to even.

    Rules whose products are proved to fit 64 bits are computed in int64, all others in Python's unbounded integers.
    Raises `PenstockError` when a mass does not fit 64 bits.
    """
    made = np.zeros(len(amounts), np.int64)
    if not len(amounts):
        return made
    largest = max(int(amounts.max()), -int(amounts.min()))
    plain = np.array([_fits(one, largest) for one in rules])
    over = np.array([one.numerator if fits else 0 for one, fits in zip(rules, plain, strict=True)], np.int64)
    under = np.array([one.denominator if fits else 1 for one, fits in zip(rules, plain, strict=True)], np.int64)
    for first in range(0, len(amounts), CHUNK):
        some = slice(first, first + CHUNK)
        which = rule[some]
        edges = np.flatnonzero(which[1:] != which[:-1]) + 1
        if len(edges) > _FEW:
            made[some] = _rounded(amounts[some], over[which], under[which])
            continue
        # Entries of one rule stand together: dividing by one number is several times as fast as by a column.
        for begin, end in pairwise([0, *edges.tolist(), len(which)]):
            part = slice(first + begin, first + end)
            made[part] = _rounded(amounts[part], over[which[begin]], under[which[begin]])
    for number in np.flatnonzero(~plain).tolist():
        rows = np.flatnonzero(rule == number)
        made[rows] = _unbounded(amounts[rows], rules[number])
    return made


def _fits(rule: Rule, largest: int) -> bool:
    """Is every step of `_rounded` below 2^62 for amounts up to `largest`?"""
    over, under = abs(rule.numerator), rule.denominator
    return under * max(over, 2) < _SAFE and largest < _SAFE and (largest // under + 1) * over < _SAFE


def _rounded(amounts: NDArray[np.int64], over: NDArray[np.int64] | np.int64, under: NDArray[np.int64] | np.int64) -> NDArray[np.int64]:
    """amount = q under + r, so amount over / under = q over + r over / under: no product is larger than the result or under x over."""
    quotient = amounts // under
    product = (amounts - quotient * under) * over
    part = product // under
    rest = product - part * under
    whole = quotient * over + part
    twice = 2 * rest
    return whole + ((twice > under) | ((twice == under) & ((whole & 1) == 1)))


def _unbounded(amounts: NDArray[np.int64], rule: Rule) -> NDArray[np.int64]:
    made = []
    for amount in amounts.tolist():
        whole, rest = divmod(amount * rule.numerator, rule.denominator)
        made.append(whole + (2 * rest > rule.denominator or (2 * rest == rule.denominator and whole % 2 == 1)))
    if made and max(max(made), -min(made)) >= 1 << 63:
        most = max(amounts.tolist(), key=abs)
        observed = f"an amount of {most} at {rule.numerator}/{rule.denominator} mg each"
        raise fault(f"rule '{rule.rule_id}'", observed, "a mass below 2^63 mg", "Check the amount's unit.")
    return np.array(made, np.int64)
