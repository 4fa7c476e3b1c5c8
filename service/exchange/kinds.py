"""Every table of the store: told by an exported kind, or withheld for a reason. A test holds the two against the schema."""

from sqlalchemy import Date

from city.problems import fault
from service import addresses
from service import schema as t
from service.exchange import tidy
from service.exchange.kind import Kind
from service.exchange.plain import plain
from service.exchange.vectors import VECTORS
from service.utctime import UtcTime

WITHHELD = {
    "session": "who is signed in now: opens the console to whoever has it",
    "second_factor": "sealed secrets of people",
    "sign_in_failure": "hashes of names that were typed, in which a password may stand",
    "lease": "who may write now: means nothing elsewhere",
    "household_consent": "names owners of homes; they alone see it",
    "household_month": "a home's own book; its owner alone reads it",
    "household_spent": "which home was published how often",
    "latest": "the newest of `readings`",
    "slot_quality": "counts of `readings`",
}
_ABOUT = {
    "point": "points with meter, quantity and step",
    "run": "what ran when, with which settings; of web addresses in them the host alone",
    "config_version": "city files that runs were made with; of web addresses in them the host alone",
    "plan": "plans with cost and carbon",
    "audit": "the audit chain, line by line",
    "ledger_batch": "headers, roots and signatures of the carbon ledger; its entries lie in files that `penstock report` proves",
    "conflict": "values that came for a point and time that had another",
    "former_ledger_entry": "the ledger of releases before",
}
_WITHOUT = {  # the path of a webhook's address is often all that a receiver asks for
    "config_version": {"text": addresses.of_city_file},
    "run": {"config_changed": addresses.hosts_alone},
}
_STARTS = ("at_utc", "time_utc", "since_utc", "start_utc", "day_start_utc", "made_at_utc", "started_utc", "hour_utc", "night", "day")

SPECIAL = (
    Kind("readings", "readings as they arrived, hot and archived", ("reading", "cold_day"), tidy.READINGS, tidy.readings),
    Kind("days", "validated days in every version, one interval per row", ("meter_day",), tidy.DAYS, tidy.days),
    *VECTORS,
)


def _plain() -> tuple[Kind, ...]:
    told = {table for kind in SPECIAL for table in kind.tables}
    made = []
    for table in sorted(t.metadata.tables.values(), key=lambda table: table.name):
        if table.name in told or table.name in WITHHELD:
            continue
        timed = next((table.c[name] for name in _STARTS if name in table.c and isinstance(table.c[name].type, (UtcTime, Date))), None)
        made.append(plain(table, _ABOUT.get(table.name, f"the table {table.name} as it stands"), timed, _WITHOUT.get(table.name)))
    return tuple(made)


KINDS: dict[str, Kind] = {kind.name: kind for kind in (*SPECIAL, *_plain())}


def chosen(names: list[str]) -> list[Kind]:
    """The kinds of these names; all of them for none or `all`. Raises `PenstockError` for a name that is none."""
    if not names or names == ["all"]:
        return list(KINDS.values())
    for name in names:
        if name in WITHHELD:
            raise fault(f"kind '{name}'", f"is not exported: {WITHHELD[name]}", "what `penstock export --list` names", "Leave it out.")
        if name not in KINDS:
            raise fault(f"kind '{name}'", "unknown", "what `penstock export --list` names", "Choose among these.")
    return [KINDS[name] for name in dict.fromkeys(names)]
