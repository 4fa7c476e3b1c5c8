"""Periods across a change of factor: refused when posted; a bill can be cut at New Year before.

A period is weighed by the rules of the civil day it starts on. Where its last day has other rules, no single factor is right: posting
such a row is refused. Whoever imports bills cuts them first, and the parts are estimates, for nobody read the meter at midnight.
"""

from datetime import date, datetime
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carbon.accounts.account import AccountKind
from city import quality as q
from city.clock import civil_day, local
from city.problems import Problem


def spanning(account: AccountKind, start_utc: datetime, end_utc: datetime, on_first: date, on_last: date) -> Problem:
    """The sentence for usage from `start_utc` to `end_utc` whose first and last civil day have different rules."""
    return Problem(
        f"usage of account '{account.id}', {start_utc:%Y-%m-%dT%H:%MZ} to {end_utc:%Y-%m-%dT%H:%MZ}",
        f"the factor of {on_first} is another one on {on_last}",
        "a period within the time of one factor",
        "Cut the period where the factor changes (bills: carbon.accounts.periods.cut_at_years), and post again.",
    )


def cut_at_years(usage: pd.DataFrame, zone: str) -> pd.DataFrame:
    """A USAGE frame with every row that spans a civil New Year in `zone` cut there, in proportion to time.

    Amounts are whole numbers: the parts of a row add up to it exactly. Parts are marked as estimated; other rows stay as they are.
    """
    starts = local(pd.DatetimeIndex(usage["period_start_utc"]), zone).year.to_numpy()
    last = local(pd.DatetimeIndex(usage["period_end_utc"]) - pd.Timedelta(1, "us"), zone).year.to_numpy()
    over = last > starts
    if not over.any():
        return usage
    made = [usage[~over]]
    for row, first, final in zip(usage[over].itertuples(index=False), starts[over], last[over], strict=True):
        start, end = row.period_start_utc, row.period_end_utc
        edges = [start, *(pd.Timestamp(civil_day(date(int(year), 1, 1), zone)[0]) for year in range(first + 1, final + 1)), end]
        whole = row._asdict()
        for part, amount in enumerate(_shares(int(row.amount), edges)):
            flags = q.code(q.Flag.ESTIMATED_LINEAR) if q.usable(np.array([row.quality]))[0] else row.quality
            cut = {"period_start_utc": edges[part], "period_end_utc": edges[part + 1], "amount": amount, "quality": flags}
            made.append(pd.DataFrame([whole | cut]))
    return pd.concat(made, ignore_index=True).astype(usage.dtypes.to_dict())


def _shares(amount: int, edges: list[pd.Timestamp]) -> list[int]:
    """Whole parts of an amount in proportion to the lengths between edges, adding up to it."""
    micros: NDArray[np.int64] = pd.DatetimeIndex(edges).as_unit("us").asi8
    passed = [int(at - micros[0]) for at in micros]
    upto = [amount * at // passed[-1] for at in passed]
    return [after - before for before, after in pairwise(upto)]
