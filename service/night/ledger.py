"""Post every civil day that is complete and not posted yet, and restate those that know more by now: sealed batches, signed roots.

A batch's file is on the disk before the transaction that lists it and ends the step. A kill in between leaves a file that nothing
lists; the next run puts it aside and posts the same entries again.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from city.clock import civil_day, local_date
from service.books.posting import Posting
from service.books.restating import spans, touched
from service.books.signing import signer
from service.night import Night, Output
from service.store import due, ledger, meter_days
from service.store.meter_days import Day
from service.store.runs import StepResult


def compute(night: Night) -> Output:
    """The entries of all unposted days before tonight, then those of restated days; nothing to post is nothing written."""
    if not night.city.settings.accounts:
        noted = due.noted(night.engine)
        return Output(StepResult("nothing to post: no [[accounts]]"), lambda connection: due.settle(connection, noted))
    metered = any(not account.stated for account in night.city.settings.accounts)
    if metered and meter_days.first(night.engine) is None:
        return Output(StepResult("nothing to post: no usage in the store yet", status="waiting"))
    ledger.sweep(night.engine, night.city.folder)
    noted = _noted(night)  # before any usage is read: what is noted from here on is seen by the next night
    made = Posting(night.engine, night.city, night.now_utc)
    days = _unposted(night)
    for some in made.chunks(days):
        made.post(some)
    _restate(night, made, [row for row in noted if not days or row.day_start_utc < days[0][0]])
    if "ledger" in night.again:
        _again(night, made, days)
    sign, problems = signer(night.city.environment)

    def write(connection: Connection) -> None:
        made.list(connection, sign)
        due.settle(connection, [row for row in noted if row.day_start_utc < night.today])
        left = {(night.key_of[name], start): 0 for name in sorted(night.left_out) for start, _ in days}
        due.note(connection, left, "its zone was left out when the day was posted")

    return Output(StepResult(*_told(made), [*made.problems, *problems]), write)


def _noted(night: Night) -> list[Any]:
    """What is due, but for points whose zone is left out: that waits for the night that has their data."""
    return [row for row in due.noted(night.engine) if row.point_id not in night.left_out]


def _unposted(night: Night) -> list[Day]:
    """Civil days after the last posted one (or from the first known one), before tonight and not after the last that was validated.

    Days that nobody has heard of yet wait: their readings may come. Amounts from documents alone wait for nothing.
    """
    city, zone = night.city.settings, night.city.settings.city.time_zone
    posted, first, last = ledger.posted_until(night.engine), meter_days.first(night.engine), meter_days.last(night.engine)
    begins = [local_date(first, zone)] if first else []
    begins += [stated.first for account in city.accounts for stated in account.stated]
    end = local_date(last, zone) + timedelta(days=1) if last else night.date
    day = posted + timedelta(days=1) if posted else min(begins, default=end)
    found = [civil_day(day + timedelta(days=n), zone) for n in range((min(end, night.date) - day).days)]
    return [day for day in found if day[1] > day[0]]  # Samoa's 30 December 2011 has no quarters


def _again(night: Night, made: Posting, posted: Sequence[Day]) -> None:
    """The night's own day, held once more against its usage, the accounts and the factors as they are now; what is the same stays."""
    day = civil_day(night.date - timedelta(days=1), night.city.settings.city.time_zone)
    last = ledger.posted_until(night.engine)
    if last is not None and night.date - timedelta(days=1) <= last and day not in posted:
        made.restate([day], "the night was asked to do its ledger again")


def _restate(night: Night, made: Posting, noted: Sequence[Any]) -> None:
    for span in spans(night.city, noted, night.today):
        only = touched(night.city, span.points)
        for days in made.chunks(span.days) if only else ():
            made.restate(days, span.reason, only)


def _told(made: Posting) -> tuple[str, dict[str, Any]]:
    """The step's sentence and its figures."""
    posted, again = ([one for one in made.made if bool(one.header.reason) == late] for late in (False, True))
    entries, gone = sum(one.header.rows for one in posted), sum(one.missing for one in posted)
    tonnes, change = (sum((one.tonnes for one in some), Decimal(0)) for some in (posted, again))
    told = []
    if posted:
        last = posted[-1]
        told.append(
            f"{entries:,} entries for {sum(len(one.days) for one in posted)} days up to {last.days[-1]}: {tonnes:,.1f} t CO2e,"
            f" {last.last_tonnes:,.1f} t of it on the last day; {gone} entries missing"
        )
    if again:
        days = sorted({str(day) for one in again for day in one.days})
        told.append(f"{', '.join(days[:3])}{' and more' if len(days) > 3 else ''} restated: {change:+,.6f} t CO2e")
    sentence = f"{'; '.join(told)}; root {made.root[:12]}" if told else "nothing to post: every day is posted"
    detail = {
        "entries": entries,
        "t_co2e": float(tonnes),
        "missing": gone,
        "restated_batches": len(again),
        "restated_t_co2e": float(change),
    }
    return sentence, {**detail, "root": made.root}
