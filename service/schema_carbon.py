"""Tables of the carbon ledger: headers and roots of its batches (the entries lie in files), what is due again, closed periods."""

from sqlalchemy import BigInteger, Column, Date, Integer, String, Text
from sqlalchemy.types import JSON

from service.schema_base import table
from service.utctime import UtcTime

ledger_batch = table(
    "ledger_batch",
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("first_day", Date, nullable=False),  # civil days whose usage it posts or restates
    Column("last_day", Date, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("known_at_utc", UtcTime, nullable=False),
    Column("reason", Text, nullable=False),  # empty: posted for the first time
    Column("start_us", BigInteger, nullable=False),  # of the earliest and to the latest of its periods [us since 1970 UTC]
    Column("end_us", BigInteger, nullable=False),
    Column("merkle", String(64), nullable=False),  # root of the tree over its content; names its file
    Column("previous", String(64), nullable=False),
    Column("root", String(64), nullable=False, unique=True),
    Column("public_key", String(64)),  # Ed25519, hex; none: unsigned
    Column("signature", String(128)),
)
# A version of a day that is newer than its entries may be. Written with the version, taken away with the entries that restate it.
ledger_due = table(
    "ledger_due",
    Column("point_key", Integer, primary_key=True, autoincrement=False),
    Column("day_start_utc", UtcTime, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
)
ledger_close = table(
    "ledger_close",
    Column("period", String(10), primary_key=True),  # 2022-06, or 2022
    Column("number", Integer, primary_key=True, autoincrement=False),  # 1, then one more for each time it was closed again
    Column("closed_at_utc", UtcTime, nullable=False),
    Column("who", String(80), nullable=False),
    Column("note", Text, nullable=False),
    Column("batch", Integer, nullable=False),  # the last batch it rests on
    Column("root", String(64), nullable=False),
    Column("completeness", String(40), nullable=False),  # exact decimal [1]
    Column("materiality", String(40), nullable=False),  # exact decimal [1]
    Column("sums", JSON, nullable=False),  # {scope, gas and kind: mg} and {activity: stored units}, exact, as text
    Column("statement", Text, nullable=False),
)

# Certificates come in lots of serial numbers in a row. Nothing here is changed or deleted: a retirement and a sale are acts, and each
# certificate and each month of a contract has one use at most, which the key of `instrument_use` holds against any two writers.
instrument_lot = table(
    "instrument_lot",
    Column("lot_id", String(80), primary_key=True),
    Column("detail", JSON, nullable=False),  # carbon.instruments.certificates.Lot
    Column("scheme", String(20), nullable=False),
    Column("count", Integer, nullable=False),
    Column("at_utc", UtcTime, nullable=False),
    Column("who", String(80), nullable=False),
    Column("source", Text, nullable=False),  # name and SHA-256 of the file
)
instrument_act = table(
    "instrument_act",
    Column("act_id", Integer, primary_key=True),
    Column("act", String(10), nullable=False),  # retired, sold
    Column("kind", String(20), nullable=False),  # certificate, contract
    Column("instrument", String(80), nullable=False),  # lot or contract
    Column("accounts", JSON, nullable=False),  # that claim it; none of a sale
    Column("start_utc", UtcTime),  # of the use; none of a sale
    Column("end_utc", UtcTime),
    Column("skip", Integer, nullable=False),  # certificates of the lot before the first of these
    Column("count", Integer, nullable=False),  # certificates; 0 for a contract
    Column("wh", BigInteger, nullable=False),
    Column("beneficiary", Text, nullable=False),
    Column("who", String(80), nullable=False),
    Column("at_utc", UtcTime, nullable=False),
    Column("reason", Text, nullable=False),
)
instrument_use = table(
    "instrument_use",
    Column("use_id", String(120), primary_key=True),  # scheme and serial of a certificate; contract, its id and a month
    Column("act_id", Integer, nullable=False),
    rowid=False,
)
household_consent = table(
    "household_consent",
    Column("consent_id", Integer, primary_key=True),
    Column("household", String(80), nullable=False),  # site id
    Column("owner", String(80), nullable=False),
    Column("event", String(10), nullable=False),  # given, withdrawn
    Column("since", String(7), nullable=False),  # first civil month of the owner's book
    Column("at_utc", UtcTime, nullable=False),
    Column("who", String(80), nullable=False),
    Column("note", Text, nullable=False),
)
household_month = table(
    "household_month",
    Column("household", String(80), primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("measure", String(20), primary_key=True),
    Column("amount", BigInteger, nullable=False),  # stored units: Wh, mL, mg
    Column("missing", Integer, nullable=False),  # entries without a usable value
    rowid=False,
)
household_release = table(
    "household_release",
    Column("release_id", String(64), primary_key=True),  # hash of what was asked: the same question has one answer
    Column("measure", String(20), nullable=False),
    Column("period", String(7), nullable=False),
    Column("detail", JSON, nullable=False),  # what is published, noise included; no true sum
    Column("at_utc", UtcTime, nullable=False),
    Column("who", String(80), nullable=False),
)
household_spent = table(
    "household_spent",
    Column("household", String(80), primary_key=True),
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("release_id", String(64), primary_key=True),
    Column("epsilon_millionths", Integer, nullable=False),
    rowid=False,
)

# The ledger of releases before: rows in SQL, a batch per night. Nothing is added; its last root is where the chain above begins.
former_ledger_batch = table(
    "former_ledger_batch",
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("day", Date, nullable=False, unique=True),
    Column("entries", Integer, nullable=False),
    Column("columns", JSON, nullable=False),  # [[name, SHA-256 of the column]], in the order they were hashed
    Column("previous", String(64), nullable=False),
    Column("root", String(64), nullable=False),
)
former_ledger_entry = table(
    "former_ledger_entry",
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("entry_id", String(64), nullable=False, unique=True),
    Column("account_id", String(80), nullable=False),
    Column("period_start_utc", UtcTime, nullable=False),
    Column("period_end_utc", UtcTime, nullable=False),
    Column("scope", Integer, nullable=False),
    Column("activity", String(120), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("factor_id", String(120), nullable=False),
    Column("mg_by_gas", BigInteger, nullable=False),
    Column("quality", Integer, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("supersedes", String(64)),
    Column("known_at_utc", UtcTime, nullable=False),
)
