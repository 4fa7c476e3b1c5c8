"""Usage out of documents: bills, delivery notes, logs; shared out over civil days so that every night posts its part."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, datetime

import pandas as pd

from carbon.accounts.account import AccountKind, Stated
from city.clock import civil_day, local_date
from city.frames import USAGE, checked
from city.quality import Flag

# A document's total is measured; its course over the days is derived.
_QUALITY = {"measured": int(Flag.VALID | Flag.DERIVED), "estimated": int(Flag.ESTIMATED_LINEAR)}


def usage(accounts: Iterable[AccountKind], days: Sequence[tuple[datetime, datetime]], zone: str) -> pd.DataFrame:
    """USAGE rows of the stated amounts on civil days (start and end [UTC]), one per account and day.

    A period's days get whole parts of its amount [Wh, mL, g] that add up to it exactly, whichever days are asked for, and no part
    reaches over midnight: so none spans a change of factor either. Days of a document across New Year are estimates, for nobody read
    at midnight what each year's factor is to weigh.
    """
    rows: list[tuple[object, ...]] = []
    wanted = sorted(local_date(start, zone) for start, _ in days)
    for account in accounts:
        for stated in account.stated:
            whole = round(stated.amount * account.quantity.scale)
            quality = _QUALITY[stated.quality if stated.first.year == stated.last.year else "estimated"]
            for day in wanted[bisect_left(wanted, stated.first) : bisect_right(wanted, stated.last)]:
                amount = _of_day(whole, stated, day)
                rows.append((account.point, *civil_day(day, zone), str(account.quantity), amount, quality, 1))
    return checked(USAGE, pd.DataFrame(rows, columns=list(USAGE.columns)), "stated amounts")


def _of_day(whole: int, stated: Stated, day: date) -> int:
    length, place = (stated.last - stated.first).days + 1, (day - stated.first).days
    return whole * (place + 1) // length - whole * place // length
