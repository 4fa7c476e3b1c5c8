"""What changed since the last shift, as lines of text and as comma-separated values."""

import csv as comma
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from city.spreadsheets import neutral
from service.settings import LoadedCity
from service.shifts.changes import GROUPS, Change, since_last, since_utc
from service.shifts.log import notes

COLUMNS = ("at_utc", "group", "what", "subject", "who", "sentence")


def lines(engine: Engine, city: LoadedCity, at_utc: datetime, name: str) -> Iterator[str]:
    """What changed by group, the newest first within one; then the notes."""
    zone = ZoneInfo(city.settings.city.time_zone)
    since = since_utc(engine, city, at_utc, name)
    changes, said = since_last(engine, city, at_utc, name), notes(engine, since, at_utc)
    yield f"since {since.astimezone(zone):%Y-%m-%d %H:%M %Z}: {len(changes)} changes, {len(said)} notes"
    for group in GROUPS:
        own = [change for change in changes if change.group == group]
        if own:
            yield f"{group} ({len(own)})"
        for change in own:
            who, what = f" ({change.who})" if change.who else "", change.key.replace("_", " ")
            yield f"  {change.at_utc.astimezone(zone):%m-%d %H:%M}  {what}  {change.subject}: {change.sentence}{who}"
    for note in said:
        instead = f" (corrected by note {note.corrected_by})" if note.corrected_by else ""
        about = f"{note.about}: " if note.about else ""
        yield f"note {note.note_id}  {note.at_utc.astimezone(zone):%m-%d %H:%M} {note.who}{instead}: {about}{note.text}"


def csv(engine: Engine, city: LoadedCity, at_utc: datetime, name: str) -> Iterator[str]:
    """The same as comma-separated values, times in UTC."""
    yield from table(since_last(engine, city, at_utc, name)).splitlines()


def table(changes: Sequence[Change]) -> str:
    """Changes as comma-separated values (RFC 4180), the newest first."""
    out = io.StringIO()
    writer = comma.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in changes:
        at = one.at_utc.astimezone(UTC).isoformat(timespec="seconds")
        writer.writerow([neutral(text) for text in (at, one.group, one.key, one.subject, one.who, one.sentence)])
    return out.getvalue()
