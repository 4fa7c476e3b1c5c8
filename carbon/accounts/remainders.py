"""A main meter and its sub-meters: the sub-meters' accounts post what they saw, the main one what remains.

So the sum over a main meter and everything `within` it is what the main meter saw, whether or not a sub-meter is in the books.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from carbon.accounts.account import AccountKind
from city import quality as q
from city.frames import Block
from city.problems import Problem
from city.quality import Cause, Flag


def net(block: Block, accounts: Sequence[AccountKind]) -> tuple[Block, list[Problem]]:
    """The Block (int64[n, t], ids are points) with main meters less their direct sub-meters, step by step.

    A sub-meter's value that is not usable is left in the remainder, which is then an estimate, as it is where a sub-meter's value is one.
    A remainder below zero is questionable:
    it weighs nothing, is counted as missing, and a problem says since when. A sub-meter whose main meter is not in the Block (or the
    other way round) cannot be taken off: its values are made questionable too, so that nothing counts twice.
    """
    named = {account.id: account for account in accounts}
    row = {name: i for i, name in enumerate(block.ids)}
    values, quality = block.values.copy(), block.quality.copy()
    usable, measured, problems = block.usable(), q.measured(block.quality), []
    mains: dict[str, list[str]] = {}
    for account in accounts:
        main = named.get(account.within or "")
        if main is not None and main.kind == account.kind and account.quantity == block.quantity:
            if account.point in row and main.point in row:
                mains.setdefault(main.id, []).append(account.point)
            elif account.point in row:
                quality[row[account.point]] = q.questionable(Cause.SUM_CHECK)
                problems.append(_apart(account, main))
    for name, points in mains.items():
        i, inner = row[named[name].point], [row[point] for point in points]
        values[i] = block.values[i] - np.where(usable[inner], block.values[inner], 0).sum(axis=0)
        unsure = usable[i] & measured[i] & ~measured[inner].all(axis=0)
        quality[i, unsure] = q.code(Flag.ESTIMATED_LIKE_DAY, Cause.SUM_CHECK)
        below = usable[i] & (values[i] < 0)
        quality[i, below] = q.questionable(Cause.SUM_CHECK)
        if below.any():
            problems.append(_below(named[name], points, block, int(np.argmax(below)), int(below.sum())))
    return replace(block, values=values, quality=quality), problems


def _below(main: AccountKind, points: Sequence[str], block: Block, first: int, times: int) -> Problem:
    since = block.start_utc + first * block.step
    observed = f"less than its sub-meters {', '.join(points[:3])} together in {times} steps, first {since:%Y-%m-%dT%H:%MZ}"
    remedy = "Check what is connected where, the transformers' ratios and the meters' clocks."
    return Problem(f"account '{main.id}'", observed, "at least the sum of what is within it", remedy)


def _apart(account: AccountKind, main: AccountKind) -> Problem:
    observed = f"within '{main.id}', whose meter is not read in the same steps"
    return Problem(f"account '{account.id}'", observed, "a main and a sub-meter of one step_s", "Give both meters the same step_s.")
