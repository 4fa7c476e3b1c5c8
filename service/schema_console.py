"""The tables of the console: what people settle there."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.types import JSON

from service.schema_base import table
from service.utctime import UtcTime

# Days of points of which validation asks something; their newest version says what.
vee_open = table(
    "vee_open",
    Column("day_start_utc", UtcTime, primary_key=True, autoincrement=False),
    Column("point_key", Integer, primary_key=True, autoincrement=False),
    Column("intervals", Integer, nullable=False),
    rowid=False,
)
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

# --- who is signed in ------------------------------------------------------------------------------------------------------
session = table(
    "session",
    Column("digest", String(64), primary_key=True),  # SHA-256 of what nobody but the signed-in session holds
    Column("name", String(80), nullable=False),
    Column("origin", String(10), nullable=False),  # local: an account of the city; oidc: the identity provider
    Column("confirmed", Boolean, nullable=False),  # a second factor was shown
    Column("began_utc", UtcTime, nullable=False),
    Column("seen_utc", UtcTime, nullable=False),
    Column("ends_utc", UtcTime, nullable=False),
    Column("ended", String(20), nullable=False),  # empty while it runs; signed out, idle, over, removed
)
sign_in_failure = table(
    "sign_in_failure",
    Column("subject", String(64), primary_key=True),  # SHA-256 of the name that was typed, in which a password may stand; all: everybody
    Column("failures", Integer, nullable=False),
    Column("last_utc", UtcTime, nullable=False),
    Column("until_utc", UtcTime, nullable=False),
)
second_factor = table(
    "second_factor",
    Column("name", String(80), primary_key=True),
    Column("sealed", Text, nullable=False),  # secret and digests of the recovery codes, encrypted by a key outside of the store
    Column("last_step", Integer, nullable=False),  # time step of the newest code that was accepted: none is accepted twice
    Column("since_utc", UtcTime, nullable=False),
)

# One occurrence of an alarm, from its annunciation until it is back to normal (ISA-18.2); `ended_utc` is null while it lasts.
DISTRICT_CHARS = 200  # of the districts of an alarm in one text
alarm = table(
    "alarm",
    Column("alarm_id", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(40), nullable=False),
    Column("source", String(160), nullable=False),  # with the kind: which alarm it is, of all there may be
    Column("subject", String(120), nullable=False),
    Column("priority", Integer, nullable=False),  # 1 act now, 2 this hour, 3 this shift
    Column("state", String(24), nullable=False),
    Column("active", Boolean, nullable=False),  # the condition is there, also while shelved
    Column("pending_utc", UtcTime),  # since when the condition is other than `active`: an on-delay or off-delay runs
    Column("since_utc", UtcTime, nullable=False),  # when the condition began, as far as known
    Column("annunciated_utc", UtcTime),
    Column("acknowledged_utc", UtcTime),
    Column("acknowledged_by", String(80)),
    Column("until_utc", UtcTime),  # shelved until
    Column("reason", Text, nullable=False),  # of shelving, of putting out of service
    Column("follows", String(160), nullable=False),  # the alarm it is a consequence of, e.g. `link_down field`; '' for none
    Column("district", String(DISTRICT_CHARS), nullable=False),  # zones, with commas between; '' for what is of the whole city
    Column("facts", JSON, nullable=False),
    Column("ended_utc", UtcTime),
)
Index("alarm_by_end", alarm.c.ended_utc, alarm.c.priority)
alarm_event = table(  # append-only: every change of state of every alarm
    "alarm_event",
    Column("event_id", Integer, primary_key=True),
    Column("alarm_id", Integer, ForeignKey("alarm.alarm_id"), nullable=False),
    Column("at_utc", UtcTime, nullable=False),
    Column("event", String(24), nullable=False),
    Column("state", String(24), nullable=False),  # after it
    Column("who", String(80), nullable=False),  # '' where the system did it
    Column("reason", Text, nullable=False),
)
Index("alarm_event_by_time", alarm_event.c.at_utc)
Index("alarm_event_by_alarm", alarm_event.c.alarm_id)
