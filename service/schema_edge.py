"""Tables of readings on their way: what the store refused, and where a forwarded batch came from."""

from sqlalchemy import Column, Integer, LargeBinary, String, Text

from service.schema_base import table
from service.utctime import UtcTime

dead_letter = table(
    "dead_letter",
    Column("letter_id", String(64), primary_key=True),  # SHA-256 of the content, as of a batch
    Column("readings", Integer, nullable=False),  # 0 where the content cannot be read
    Column("origin", String(120), nullable=False),  # `<station>/<config hash>`, or '' for readings of this machine
    Column("reason", Text, nullable=False),
    Column("at_utc", UtcTime, nullable=False),
    Column("content", LargeBinary, nullable=False),  # as the spool kept it
)
batch_origin = table(
    "batch_origin",
    Column("batch_id", String(64), primary_key=True),
    Column("origin", String(120), nullable=False),
)
