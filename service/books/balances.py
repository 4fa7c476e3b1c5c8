"""Do the books of a period close: city = districts = sites = accounts, and electricity used and lost = what came in and was generated."""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
from sqlalchemy import Engine

from carbon.accounts import GridLoss
from carbon.accounts.balance import electricity, levels
from city.clock import civil_day
from city.problems import Problem, fault
from service.books.closing import span
from service.settings import LoadedCity
from service.store import ledger, meter_days

_LEVELS = {"city": (), "district": ("district",), "site": ("site",), "account": ("account_id",)}


def balances(engine: Engine, city: LoadedCity, period: str) -> tuple[list[str], list[Problem]]:
    """What was compared in a month or year, and a problem for each sum that does not agree, to the watt-hour and the milligram.

    Raises `PenstockError` when nothing of the period is posted.
    """
    zone = city.settings.city.time_zone
    start, end = span(period, zone)
    last = ledger.posted_until(engine)
    end = min(end, civil_day(last, zone)[1]) if last else start
    if end <= start:
        raise fault(f"balance of {period}", f"posted up to {last}" if last else "nothing is posted", "a period with entries", "Wait.")
    found = ledger.open_ledger(engine, city.folder, start, end)
    books = {
        name: found.book(by=by, zone=zone, period="M" if len(period) == 7 else "Y", start=start, end=end) for name, by in _LEVELS.items()
    }
    posted = books["account"][books["account"]["kind"] == "posting"]
    counts = ", ".join(f"{name} ({books[name][column].nunique()})" for name, (column,) in list(_LEVELS.items())[1:])
    told = [f"{period}: the sums by city, {counts} compared; {int(posted['mg'].sum()):,} mg of all gases in the city's sum"]
    problems = levels(books)
    for account in city.settings.accounts:
        if isinstance(account, GridLoss) and account.infeed:
            line, some = _electricity(engine, city, account, period, books["account"], start, end)
            told.append(line)
            problems += some
    return told, problems


def _electricity(
    engine: Engine, city: LoadedCity, account: GridLoss, period: str, book: pd.DataFrame, start: datetime, end: datetime
) -> tuple[str, list[Problem]]:
    infeed = _stored_wh(engine, city, (*account.infeed, *account.generation), start, end)
    outfeed = _stored_wh(engine, city, account.outfeed, start, end)
    lost = int(book.loc[book["account_id"] == account.id, "amount"].sum())
    line = f"electricity of {period}: {infeed / 1000:,.3f} kWh came in, {outfeed / 1000:,.3f} went out, {lost / 1000:,.3f} lost"
    return line, electricity(book, city.settings.accounts, {period: infeed}, {period: outfeed})


def _stored_wh(engine: Engine, city: LoadedCity, names: Sequence[str], start: datetime, end: datetime) -> int:
    """Usable energy of some points as it is stored now [Wh]."""
    total = 0
    for name in names:  # their steps may differ
        block = meter_days.block(engine, [city.points[name]], start, end)
        total += int(block.values[block.usable()].sum())
    return total
