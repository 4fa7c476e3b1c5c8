"""Known events: entered by people, checked and audited here, never deleted; and handed to the forecast with the series they are about."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

import pandas as pd
from sqlalchemy import Connection, Engine, or_, select

from city.clock import as_utc
from city.problems import PenstockError, Problem, fault
from forecasting.events import LIKE_DAYS, Effect, Event
from service import schema as t
from service.settings import LoadedCity
from service.store import writing
from service.store.operations import record
from service.store.results import replace_rows

Kind = Literal["shutdown", "festival", "outage", "works", "other"]
EVERYTHING = "all"
LONGEST = timedelta(days=28)
"""What an event did is not learned: after a longer one nothing ordinary would be left to forecast from."""
MOST_FACTOR = 10.0
LONGEST_REASON = 500
YEARS = range(1970, 2200)
_MOST_NUMBER = 2**31 - 1  # that the column holds


@dataclass(frozen=True)
class Entry:
    """What a person tells: exactly one of `factor` [1], `level` [kW or m3/h] and `like` (a day type) says how it acts."""

    kind: str
    subject: str
    start: datetime
    end: datetime
    reason: str
    factor: float | None = None
    level: float | None = None
    like: str | None = None

    @property
    def effect(self) -> Effect:
        return "factor" if self.factor is not None else "level" if self.level is not None else "like"


def series_of(city: LoadedCity, subject: str) -> tuple[str, ...]:
    """Ids of the forecast series a subject is about: a point, a meter, a zone, a kind of forecast, or all; the narrowest that fits."""
    kind = {meter.id: str(meter.forecast) for meter in city.settings.meters if meter.forecast is not None}
    points = [p for p in city.points.values() if p.meter in kind and p.quantity.is_register]
    for fits in (
        lambda p: p.id == subject,
        lambda p: p.meter == subject,
        lambda p: city.meter[p.meter].zone == subject,
        lambda p: kind[p.meter] == subject or subject == EVERYTHING,
    ):
        if found := tuple(p.id for p in points if fits(p)):
            return found
    return ()


def subjects(city: LoadedCity) -> list[str]:
    """What an event may be about: everything, kinds of forecast, zones, meters."""
    meters = [meter for meter in city.settings.meters if meter.forecast is not None]
    groups = (sorted({str(m.forecast) for m in meters}), sorted({m.zone for m in meters if m.zone}), sorted(m.id for m in meters))
    return list(dict.fromkeys([EVERYTHING, *(name for group in groups for name in group)]))


def enter(engine: Engine, city: LoadedCity, entry: Entry, who: str, at_utc: datetime) -> int:
    """Store an event with its audit line; returns its number. Raises `PenstockError` with everything that is wrong with it."""
    problems = problems_of(city, entry)
    if problems:
        raise PenstockError(problems)
    with writing(engine) as connection:
        return add(connection, city, entry, who, at_utc)


def add(connection: Connection, city: LoadedCity, entry: Entry, who: str, at_utc: datetime) -> int:
    """Store an event that was found right, in a transaction that is open for writing; returns its number."""
    row = {
        "kind": entry.kind,
        "subject": entry.subject,
        "start_utc": as_utc(entry.start),
        "end_utc": as_utc(entry.end),
        "effect": entry.effect,
        "amount": entry.factor if entry.effect == "factor" else entry.level,
        "like_day": entry.like,
        "reason": entry.reason.strip(),
        "who": who,
        "at_utc": at_utc,
    }
    made = connection.execute(t.known_event.insert().values(**row))
    event_id = int((made.inserted_primary_key or (0,))[0])
    told = f"{who} entered event {event_id}, {_said(row, city.settings.city.time_zone)}: {row['reason']}"
    record(connection, at_utc, who, "event", str(event_id), told)
    return event_id


def entered(connection: Connection) -> list[Entry]:
    """Every event as it was told; of those that were cancelled while they acted the part that did, of the others nothing."""
    k = t.known_event.c
    rows = connection.execute(select(t.known_event).where(or_(k.ended_utc.is_(None), k.ended_utc > k.start_utc)))
    return [
        Entry(
            row.kind,
            row.subject,
            row.start_utc,
            row.ended_utc or row.end_utc,
            row.reason,
            row.amount if row.effect == "factor" else None,
            row.amount if row.effect == "level" else None,
            row.like_day,
        )
        for row in rows
    ]


def key(entry: Entry) -> Entry:
    """The entry with its times in UTC and its reason trimmed: equal keys are the same event."""
    return replace(entry, start=as_utc(entry.start), end=as_utc(entry.end), reason=entry.reason.strip())


def problems_of(city: LoadedCity, entry: Entry) -> list[Problem]:
    """What is wrong with an event."""
    found = []
    if entry.kind not in get_args(Kind):
        found.append(Problem("event kind", f"'{entry.kind}'", ", ".join(get_args(Kind)), "Write one of these."))
    series = series_of(city, entry.subject)
    if not series:
        known = ", ".join(subjects(city)[:12])
        found.append(Problem("event subject", f"no forecast is of '{entry.subject}'", f"{known} ... or a point", "Correct the name."))
    if entry.start.tzinfo is None or entry.end.tzinfo is None:
        found.append(Problem("event times", "no time zone", "ISO 8601 with offset", "Write them like 2025-05-01T18:00+08:00."))
    elif not timedelta(0) < entry.end - entry.start <= LONGEST:
        observed = f"from {entry.start.isoformat()} to {entry.end.isoformat()}"
        remedy = "Correct the times; let a state that lasts longer be learned."
        found.append(Problem("event times", observed, f"an end after the start, at most {LONGEST.days} days later", remedy))
    elif entry.start.year not in YEARS or entry.end.year not in YEARS:
        observed = f"the years {entry.start.year} and {entry.end.year}"
        found.append(Problem("event times", observed, f"{YEARS[0]} to {YEARS[-1]}", "Correct the times."))
    given = [name for name in ("factor", "level", "like") if getattr(entry, name) is not None]
    if len(given) != 1:
        found.append(Problem("event effect", ", ".join(given) or "none", "one of factor, level and like", "Give exactly one."))
    if entry.factor is not None and not 0 <= entry.factor <= MOST_FACTOR:
        found.append(
            Problem("event factor", f"{entry.factor:g}", f"0 (nothing left) to {MOST_FACTOR:g}", "Correct it; 0.8 is a fifth less.")
        )
    if entry.level is not None and (len(series) > 1 or not 0 <= entry.level < 1e9):
        observed = f"{entry.level:g} for {len(series)} series"
        found.append(Problem("event level", observed, "0 or more [kW or m3/h], for one series", "Give a factor, or one event per series."))
    if entry.like is not None and entry.like not in LIKE_DAYS:
        found.append(Problem("event like", f"'{entry.like}'", ", ".join(LIKE_DAYS), "Write one of these; sunday is a holiday too."))
    return [*found, *_unreadable("event reason", entry.reason)]


def _unreadable(subject: str, reason: str) -> list[Problem]:
    """What is wrong with a reason: it stands in lists, problems and the audit trail, one line each."""
    told, remedy = reason.strip(), "Say why, for the audit trail."
    if not told:
        return [Problem(subject, "missing", "a reason in a few words", remedy)]
    if len(told) > LONGEST_REASON or not told.isprintable():
        observed = f"{len(told)} characters" if told.isprintable() else "more than one line, or signs that cannot be printed"
        return [Problem(subject, observed, f"one line of at most {LONGEST_REASON} characters", remedy)]
    return []


def subject_of(engine: Engine, event_id: int) -> str:
    """What an event is about; empty for an unknown one."""
    if not 0 < event_id <= _MOST_NUMBER:
        return ""
    with engine.connect() as connection:
        found = connection.execute(select(t.known_event.c.subject).where(t.known_event.c.event_id == event_id)).scalar()
    return str(found or "")


def cancel(engine: Engine, event_id: int, who: str, at_utc: datetime, reason: str, *, never_happened: bool = False) -> str:
    """End an event now, or before it began; returns what that means, as a sentence. The row stays.

    What it did until now stays unlearned; with `never_happened` (entered by mistake) the past counts as ordinary again.
    """
    k = t.known_event
    if problems := _unreadable(f"reason to cancel event {event_id}", reason):
        raise PenstockError(problems)
    with writing(engine) as connection:
        row = connection.execute(select(k).where(k.c.event_id == event_id)).first() if 0 < event_id <= _MOST_NUMBER else None
        if row is None:
            raise fault(f"event {event_id}", "unknown", "a number that `penstock forecast event list --all` shows", "Check the number.")
        if row.ended_utc is not None or (row.end_utc <= at_utc and not never_happened):
            observed = f"cancelled by {row.ended_by}" if row.ended_utc is not None else f"over since {row.end_utc:%Y-%m-%d %H:%M} UTC"
            remedy = "Nothing is to be done, unless it never happened: then say so."
            raise fault(f"event {event_id}", observed, "one that is still to come or acting", remedy)
        ended = row.start_utc if never_happened else max(row.start_utc, at_utc)
        connection.execute(
            k.update().where(k.c.event_id == event_id).values(ended_utc=ended, ended_at_utc=at_utc, ended_by=who, ended_why=reason.strip())
        )
        void = ended <= row.start_utc
        told = f"event {event_id} is cancelled" + ("" if void else "; it acted until now, which is not learned")
        record(connection, at_utc, who, "event cancel", str(event_id), f"{told}: {reason.strip()}")
    return told + "; the next forecast is made without it"


def told(engine: Engine, city: LoadedCity, known_utc: datetime, after_utc: datetime | None = None) -> list[Event]:
    """Every event entered by `known_utc` that happened or is to happen, in order of entry, cut at where it was ended by then; with
    `after_utc` only those that end later."""
    k = t.known_event.c
    late = [k.end_utc > after_utc] if after_utc is not None else []
    with engine.connect() as connection:
        rows = connection.execute(select(t.known_event).where(k.at_utc <= known_utc, *late).order_by(k.event_id)).all()
    found = []
    for row in rows:
        ended = row.ended_utc is not None and row.ended_at_utc <= known_utc
        end = min(row.end_utc, row.ended_utc) if ended else row.end_utc
        if end > row.start_utc:
            series = series_of(city, row.subject)
            found.append(
                Event(
                    row.event_id, row.kind, series, row.start_utc, end, row.effect, row.amount, row.like_day, f"{row.reason}, by {row.who}"
                )
            )
    return found


def store_changes(connection: Connection, night: date, changes: Sequence[pd.DataFrame]) -> None:
    """Store beside the forecasts of a night which event changed what (`forecasting.events.EFFECTS`)."""
    rows = [{"night": night, **row} for frame in changes for row in frame.to_dict("records")]
    for row in rows:
        row |= {name: pd.Timestamp(row[name]).to_pydatetime() for name in ("first_utc", "until_utc")}
    replace_rows(connection, t.forecast_event, t.forecast_event.c.night == night, rows)


def changes(engine: Engine, night: date | None) -> pd.DataFrame:
    """series_id, event_id, sentence: what events changed in the forecasts of a night."""
    e = t.forecast_event.c
    with engine.connect() as connection:
        rows = connection.execute(
            select(e.series_id, e.event_id, e.sentence).where(e.night == night).order_by(e.event_id, e.series_id)
        ).all()
    return pd.DataFrame([tuple(row) for row in rows], columns=["series_id", "event_id", "sentence"])


def listed(engine: Engine, at_utc: datetime, *, everything: bool = False) -> pd.DataFrame:
    """Those to come or acting, or all, the next first: event_id, kind, subject, start_utc, end_utc, state, who, reason; effect in words
    and as stored: how, amount, like_day.
    """
    k = t.known_event.c
    statement = select(t.known_event).order_by(k.start_utc, k.event_id)
    if not everything:
        statement = statement.where(k.end_utc > at_utc, k.ended_utc.is_(None))
    with engine.connect() as connection:
        rows = connection.execute(statement).all()
    names = ["event_id", "kind", "subject", "start_utc", "end_utc", "who", "reason", "amount", "like_day"]
    made = pd.DataFrame([tuple(getattr(row, name) for name in names) for row in rows], columns=names)
    for name in ("start_utc", "end_utc"):
        made[name] = pd.to_datetime(made[name], utc=True).astype("datetime64[us, UTC]")
    return made.assign(
        how=[row.effect for row in rows], effect=[_effect(row._mapping) for row in rows], state=[_state(row, at_utc) for row in rows]
    )


def _state(row: Any, at_utc: datetime) -> str:
    if row.ended_utc is not None:
        return "cancelled"
    return "to come" if at_utc < row.start_utc else "acting" if at_utc < row.end_utc else "over"


def _effect(row: Any) -> str:
    if row["effect"] == "like":
        return f"like a {row['like_day']}"
    return f"times {row['amount']:g}" if row["effect"] == "factor" else f"at {row['amount']:g} per hour"


def _said(row: Any, zone: str) -> str:
    """An event in words, with local times."""
    start, end = (row[name].astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M") for name in ("start_utc", "end_utc"))
    return f"{row['kind']} of {row['subject']} from {start} to {end}, {_effect(row)}"
