"""The tables of the console: what people settle there."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.types import JSON

from service.schema_base import table
from service.utctime import UtcTime

# A stretch of a validated day that a person has settled; it counts for as long as values and quality there give the same digest.
vee_settled = table(
    "vee_settled",
    Column("point_key", Integer, primary_key=True, autoincrement=False),
    Column("day_start_utc", UtcTime, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),  # of the day, as the person saw it
    Column("first_step", Integer, primary_key=True, autoincrement=False),
    Column("steps", Integer, nullable=False),
    Column("digest", String(64), nullable=False),  # of the values and quality of the stretch
    Column("who", String(80), nullable=False),
    Column("at_utc", UtcTime, nullable=False),
    Column("reason", Text, nullable=False),
    rowid=False,
)

# Cases and the shift log are append-only: a case stands where its newest event put it, and a wrong note is corrected by another.
work_case = table(
    "work_case",
    Column("case_id", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),  # leak, outage, meter, alarm
    Column("source_id", String(120), nullable=False),  # of the leak case, the outage, the alarm: it keeps its own truth
    Column("subject", String(120), nullable=False),
    Column("district", String(40), nullable=False),  # empty: the whole city
    Column("priority", Integer, nullable=False),  # 1 now, 2 this hour, 3 this shift
    Column("found_utc", UtcTime, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("facts", JSON, nullable=False),  # what the console says it with in either language
    UniqueConstraint("kind", "source_id"),
)
case_event = table(
    "case_event",
    Column("case_id", Integer, ForeignKey("work_case.case_id"), primary_key=True, autoincrement=False),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),  # 0: found
    Column("at_utc", UtcTime, nullable=False),
    Column("who", String(80), nullable=False),
    Column("step", String(20), nullable=False),
    Column("state", String(20), nullable=False),  # after the step
    Column("owner", String(80)),  # after the step
    Column("note", Text, nullable=False),
    Column("facts", JSON, nullable=False),  # of a rating, of a duplicate
)
Index("case_event_by_time", case_event.c.at_utc)
shift_note = table(
    "shift_note",
    Column("note_id", Integer, primary_key=True),
    Column("at_utc", UtcTime, nullable=False),
    Column("who", String(80), nullable=False),
    Column("about", String(120), nullable=False),
    Column("text", Text, nullable=False),
    Column("corrects", Integer, ForeignKey("shift_note.note_id")),
)
Index("shift_note_by_time", shift_note.c.at_utc)
hand_over = table(
    "hand_over",
    Column("hand_over_id", Integer, primary_key=True),
    Column("since_utc", UtcTime, nullable=False),  # what it tells of begins here
    Column("at_utc", UtcTime, nullable=False),
    Column("outgoing", String(80), nullable=False),
    Column("text", Text, nullable=False),
    Column("changes", JSON, nullable=False),  # {group: how many}, as they stood when it was written
)
hand_over_signed = table(
    "hand_over_signed",
    Column("hand_over_id", Integer, ForeignKey("hand_over.hand_over_id"), primary_key=True, autoincrement=False),
    Column("at_utc", UtcTime, nullable=False),
    Column("incoming", String(80), nullable=False),
)
