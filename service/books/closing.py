"""Periods of the ledger: a sign-off records root, sums, completeness and materiality, and later restatements are shown against it.

Closing stops nothing: the ledger stays append-only and a late reading is still restated. But the sums that were signed stay as
comparatives, and a change above the materiality threshold asks for a further sign-off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
from sqlalchemy import Engine, select

from carbon import factors
from carbon.gwp import gwp, weighed
from carbon.ledger.ledger import Ledger
from city.clock import civil_day, local_date
from city.problems import fault
from service import schema as t
from service.auditing import decided, outside
from service.books.completeness import completeness
from service.decisions import Person, require
from service.settings import LoadedCity
from service.store import due, operations, writing
from service.store import ledger as stored
from service.turn import turn

BY = ("scope", "activity", "quantity", "kind", "basis", "gas")
_MG_PER_TONNE = Decimal(10) ** 9


@dataclass(frozen=True)
class Standing:
    """A closed period by its last sign-off: what was signed, what the ledger says now [t CO2e], and why it differs."""

    period: str
    closed: Any  # the row of ledger_close
    signed_t: Decimal
    now_t: Decimal
    reasons: tuple[str, ...]

    @property
    def delta_t(self) -> Decimal:
        return self.now_t - self.signed_t

    @property
    def material(self) -> bool:
        """Is the difference above the threshold that was signed?"""
        return abs(self.delta_t) > Decimal(self.closed.materiality) * abs(self.signed_t)

    @property
    def sentence(self) -> str:
        by = f"{self.period}: closed {self.closed.closed_at_utc:%Y-%m-%d} by {self.closed.who}, {self.signed_t:,.3f} t CO2e"
        if not self.reasons:
            return f"{by}; unchanged since"
        again = f"; above {100 * Decimal(self.closed.materiality):g} %: close it again" if self.material else ""
        return f"{by}; restated by {self.delta_t:+,.6f} t to {self.now_t:,.3f} t ({'; '.join(self.reasons)}){again}"


def span(period: str, zone: str) -> tuple[datetime, datetime]:
    """The civil month (2022-06) or year (2022) in `zone`, as [start, end) in UTC. Raises `PenstockError` for another form."""
    try:
        first = date.fromisoformat(f"{period}-01" if len(period) == 7 else f"{period}-01-01")
        if str(first)[: len(period)] != period or len(period) not in (4, 7):
            raise ValueError
        after = (first + timedelta(days=32 if len(period) == 7 else 367)).replace(day=1)
        after = after if len(period) == 7 else after.replace(month=1)
    except (ValueError, OverflowError):
        raise fault(f"period '{period}'", "neither a month nor a year", "2022-06 or 2022", "Correct it.") from None
    return civil_day(first, zone)[0], civil_day(after, zone)[0]


def as_of(engine: Engine, city: LoadedCity, period: str, batch: int) -> Ledger:
    """The ledger of a period up to a batch."""
    found = stored.open_ledger(engine, city.folder, *span(period, city.settings.city.time_zone))
    return Ledger(tuple(one for one in found.batches if one.header.number <= batch))


def sums(ledger: Ledger, city: LoadedCity, period: str) -> dict[str, str]:
    """Exact sums of a period, as text: amounts [stored units] and masses [mg] by scope, activity, kind, basis and gas.

    What was taken back wholly is as if it had not been posted.
    """
    zone = city.settings.city.time_zone
    start, end = span(period, zone)
    book = ledger.book(by=BY, zone=zone, period=None, start=start, end=end)
    keys = ["/".join(map(str, row)) for row in book[list(BY)].itertuples(index=False)]
    told = zip(keys, book["amount"].tolist(), book["mg"].tolist(), strict=True)
    return {key: f"{amount} {mg}" for key, amount, mg in told if amount or mg}


def tonnes(found: dict[str, str], city: LoadedCity) -> Decimal:
    """The city's sum in `sums` [t CO2e] by the warming potentials of [carbon]: what is posted, location-based."""
    rows = [(key.rsplit("/", 3), int(said.split(" ")[1])) for key, said in found.items()]  # an activity may have a slash in it
    posted = [{"gas": gas, "mg": mg} for (_, kind, _, gas), mg in rows if kind == "posting"]
    frame = pd.DataFrame(posted, columns=["gas", "mg"])
    weights = gwp(factors.load(city.factor_folders), city.settings.carbon.gwp)
    return sum(weighed(frame, weights)["co2e_mg"], Decimal(0)) / _MG_PER_TONNE


def close(engine: Engine, city: LoadedCity, person: Person, period: str, at_utc: datetime, note: str, explained: str = "") -> str:
    """Sign a period off and return the sentence of the sign-off, which stands in the audit too.

    Raises `PenstockError` without the role or a note, for a period that is not over or not posted to its end, when less of it is usable
    than [carbon] completeness asks for and nothing explains that, when nothing changed since it was closed, and while a night runs.
    """
    require(engine, person, "close", f"period {period}", at_utc)
    span(period, city.settings.city.time_zone)
    if not note.strip():
        raise fault(f"period {period}", "no note", "what was looked at, in a few words", "Give --note; it stays with the sign-off.")
    # no batch may come between what is looked at and what is signed
    with turn(engine, city.folder, "closing", f"period {period}") as store:
        head = _complete(engine, city, period)
        ledger, rules = stored.sound(as_of(engine, city, period, head.number), city.folder), city.settings.carbon
        share = _usable(ledger, city, period, explained)
        found, former = sums(ledger, city, period), _last(engine, period)
        if former is not None and former.sums == found:
            raise fault(f"period {period}", f"closed by {former.who} and unchanged since", "something to sign", "Leave it as it is.")
        number = former.number + 1 if former else 1
        total = tonnes(found, city)
        again = f" for the {number}. time" if number > 1 else ""
        sentence = (
            f"{period} closed{again} by {person.name}: {total:,.3f} t CO2e ({rules.gwp}), location-based;"
            f" {100 * share:.2f} % of the time usable; material above {rules.materiality * total:,.3f} t ({100 * rules.materiality:g} %);"
            f" root {head.root[:16]}"
        ) + (f"; incomplete because {explained.strip()}" if explained.strip() else "")
        row = {"period": period, "number": number, "closed_at_utc": at_utc, "who": person.name, "note": note.strip(), "batch": head.number}
        row |= {"root": head.root, "completeness": str(share), "materiality": str(rules.materiality), "sums": found, "statement": sentence}
        with writing(store) as connection:
            connection.execute(t.ledger_close.insert().values(**row))
            said, signed = f"{sentence}; {note.strip()}", decided.sign_off(row)
            operations.record(connection, at_utc, person.name, "close", f"period {period}", said, signed)
    return " ".join([sentence, *map(str, outside.publish(engine, city, person.name, at_utc))])


def _complete(engine: Engine, city: LoadedCity, period: str) -> Any:
    """The head of a ledger in which every version of a period is posted to its end. Raises `PenstockError` for another one."""
    zone = city.settings.city.time_zone
    start, end = span(period, zone)
    head, posted = stored.head(engine), stored.posted_until(engine)
    if head is None or posted is None or civil_day(posted, zone)[1] < end:
        observed = f"posted up to {posted}" if posted else "nothing is posted"
        raise fault(f"period {period}", observed, f"every day before {local_date(end, zone)}", "Wait for its last night.")
    if waiting := sorted({local_date(row.day_start_utc, zone) for row in due.noted(engine) if start <= row.day_start_utc < end}):
        observed = f"newer versions of {', '.join(map(str, waiting[:5]))} are not taken in yet"
        raise fault(f"period {period}", observed, "every version posted", "Wait for the night, or run `penstock carbon restate`.")
    return head


def _usable(ledger: Ledger, city: LoadedCity, period: str, explained: str) -> Decimal:
    """The usable share of a period. Raises `PenstockError` when that is too little and nothing explains it."""
    least = city.settings.carbon.completeness
    covered = completeness(ledger, city, *span(period, city.settings.city.time_zone))
    if covered.decimal < least and not explained.strip():
        observed = f"{100 * covered.decimal:.2f} % of its time is usable; least of {covered.least}"
        remedy = "Look at `penstock status` for silent meters, or say by --explain why it is closed all the same."
        raise fault(f"period {period}", observed, f"{100 * least:g} % or more", remedy)
    return covered.decimal


def closes(engine: Engine) -> Sequence[Any]:
    """Every sign-off, by period and number: rows of ledger_close."""
    with engine.connect() as connection:
        return connection.execute(select(t.ledger_close).order_by(t.ledger_close.c.period, t.ledger_close.c.number)).all()


def _last(engine: Engine, period: str) -> Any | None:
    return next((row for row in reversed(closes(engine)) if row.period == period), None)


def standings(engine: Engine, city: LoadedCity) -> list[Standing]:
    """Every closed period by its last sign-off, against what the ledger says now."""
    zone, rows = city.settings.city.time_zone, stored.heads(engine)
    made = []
    for closed in {row.period: row for row in closes(engine)}.values():
        start, end = span(closed.period, zone)
        first, last = local_date(start, zone), local_date(end, zone)
        later = [row for row in rows if row.number > closed.batch and row.first_day < last and row.last_day >= first]
        now = sums(stored.open_ledger(engine, city.folder, start, end), city, closed.period) if later else closed.sums
        reasons = tuple(dict.fromkeys(row.reason or "posted later" for row in later)) if now != closed.sums else ()
        made.append(Standing(closed.period, closed, tonnes(closed.sums, city), tonnes(now, city), reasons))
    return made


def listed(engine: Engine, city: LoadedCity, now_utc: datetime) -> tuple[list[str], bool]:
    """A line per month of the ledger and per closed year, and whether one needs closing again."""
    zone, found = city.settings.city.time_zone, {one.period: one for one in standings(engine, city)}
    rows = stored.heads(engine)
    months, day = set(found), min((row.first_day for row in rows), default=None)
    last = stored.posted_until(engine)
    while day is not None and last is not None and day <= last:
        months.add(f"{day:%Y-%m}")
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    lines = []
    for period in sorted(months):
        start, end = span(period, zone)
        if period in found:
            lines.append(found[period].sentence)
            continue
        ledger = stored.open_ledger(engine, city.folder, start, end)
        share = completeness(ledger, city, start, min(end, max(now_utc, start + timedelta(hours=1)))).share
        state = "open" if end <= now_utc else "not over"
        lines.append(
            f"{period}: {state}, {tonnes(sums(ledger, city, period), city):,.3f} t CO2e, {100 * float(share):.2f} % of the time usable"
        )
    return lines, any(one.material for one in found.values())
