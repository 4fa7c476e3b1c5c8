"""Usage across a change of factor: refused when posted.

A period is weighed by the rules of the civil day it starts on. Where its last day has other rules, no single factor is right.
"""

from datetime import date, datetime

from carbon.accounts.account import AccountKind
from city.problems import Problem


def spanning(account: AccountKind, start_utc: datetime, end_utc: datetime, on_first: date, on_last: date) -> Problem:
    """The sentence for usage from `start_utc` to `end_utc` whose first and last civil day have different rules."""
    return Problem(
        f"usage of account '{account.id}', {start_utc:%Y-%m-%dT%H:%MZ} to {end_utc:%Y-%m-%dT%H:%MZ}",
        f"the factor of {on_first} is another one on {on_last}",
        "a period within the time of one factor",
        "Import shorter periods, or state a bill as a document of the account (`stated`), which is shared out over its days.",
    )
