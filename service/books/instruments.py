"""Certificates and contracts in the store: imported, retired or sold once, each act with who, when and why; nothing is changed later."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import IntegrityError

from carbon.instruments.certificates import WH, Lot, clashes, read_lots
from carbon.instruments.contracts import Contract
from city.clock import HOUR, civil_day, local_date, parse_utc
from city.problems import PenstockError, Problem, fault
from service import schema as t
from service.decisions import Person, require
from service.settings import LoadedCity, path_of
from service.store import alone, operations, writing

_ONE_LOT = ("each certificate in one lot with a name of its own", "Correct the file.")
MONTH = re.compile(r"(19|20|21)\d\d-(0[1-9]|1[0-2])")


def lots(engine: Engine, known_utc: datetime | None = None) -> dict[str, Lot]:
    """The imported lots by id; of those alone that were known at a time."""
    with engine.connect() as connection:
        rows = connection.execute(select(t.instrument_lot).order_by(t.instrument_lot.c.lot_id)).all()
    return {row.lot_id: Lot.model_validate(row.detail) for row in rows if known_utc is None or row.at_utc <= known_utc}


def acts(engine: Engine | Connection, instrument: str | None = None) -> list[Any]:
    """Retirements and sales in their order, of one lot or contract or of all."""
    statement = select(t.instrument_act).order_by(t.instrument_act.c.act_id)
    if instrument is not None:
        statement = statement.where(t.instrument_act.c.instrument == instrument)
    if isinstance(engine, Connection):
        return list(engine.execute(statement))
    with engine.connect() as connection:
        return list(connection.execute(statement))


def take_in(engine: Engine, city: LoadedCity, person: Person, path: Path, at_utc: datetime, source: str = "") -> list[str]:
    """Import a registry's CSV, the whole file or nothing of it. Returns a sentence per lot; a lot that is there already stays.

    `source` is name and SHA-256 of what the registry wrote, where that was no CSV.

    Raises `PenstockError` without the role, for faults of the file, for a lot that is there with other contents, for serials that
    another lot lists, and for a lot that has a contract's name.
    """
    require(engine, person, "certificate", path.name, at_utc)
    found = read_lots(path)
    source = source or f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    named = {contract.id for contract in city.settings.contracts}
    with writing(engine) as connection:
        alone(connection, t.instrument_lot)
        _in_order(connection, f"import of {path.name}", at_utc)
        there = {row.lot_id: Lot.model_validate(row.detail) for row in connection.execute(select(t.instrument_lot))}
        told = [f"{lot.id}: imported before, nothing changed" for lot in found if there.get(lot.id) == lot]
        new = [lot for lot in found if there.get(lot.id) != lot]
        problems = [
            Problem(f"lot '{one.id}'", f"lot '{other.id}' lists some of its serials, or is it with other contents", *_ONE_LOT)
            for one, other in clashes([*there.values(), *new])
        ]
        problems += [Problem(f"lot '{lot.id}'", "a contract's id", *_ONE_LOT) for lot in new if lot.id in named]
        if problems:
            raise PenstockError(problems)
        for lot in new:
            row = {"lot_id": lot.id, "detail": lot.model_dump(mode="json"), "scheme": lot.scheme, "count": lot.count}
            connection.execute(t.instrument_lot.insert().values(**row, at_utc=at_utc, who=person.name, source=source))
            sentence = f"{lot.id}: {lot.count:,} certificates of {lot.plant}, produced {lot.produced_from} to {lot.produced_to}"
            operations.record(connection, at_utc, person.name, "import certificates", lot.id, f"{sentence}; from {source}")
            told.append(sentence)
    return told


@dataclass(frozen=True)
class Use:
    """What somebody asks for: retire certificates or a contract's month for an account and period, or sell certificates."""

    instrument: str  # lot or contract
    reason: str
    account: str = ""  # whose use certificates cover; a contract names its own
    period: str = ""  # civil year 2023, month 2023-05, or an hour such as 2023-05-01T10:00+08:00; none: sold
    count: int | None = None  # certificates, the lowest free serials; none: all between `first` and `last`
    first: str = ""
    last: str = ""
    beneficiary: str = ""  # for whom; the buyer of a sale


def use(engine: Engine, city: LoadedCity, person: Person, asked: Use, at_utc: datetime) -> str:
    """Retire or sell, once and for ever. Returns it as a sentence.

    Two keys protect it: `require` the role, `instrument_use` the certificate: of two that use the same one, at whatever time and in
    whatever process, the second fails whole. Raises `PenstockError`, audited, for that and for all that does not fit.
    """
    require(engine, person, "certificate", asked.instrument, at_utc)
    try:
        if not asked.reason.strip():
            raise fault(f"use of '{asked.instrument}'", "no reason", "a reason in a few words", "Say why, for the audit trail.")
        if not f"{asked.reason}{asked.beneficiary}".isprintable():
            raise fault(f"use of '{asked.instrument}'", "control characters", "text in one line", "Write reason and beneficiary plainly.")
        with writing(engine) as connection:
            alone(connection, t.instrument_act)
            _in_order(connection, f"use of '{asked.instrument}'", at_utc)
            return _used(connection, city, person, asked, at_utc)
    except IntegrityError:
        observed = "a certificate or month of it was retired or sold before"
        error = fault(f"use of '{asked.instrument}'", observed, "each once", "See `penstock carbon certificates list`.")
    except PenstockError as refused:
        error = refused
    operations.record_refusal(engine, at_utc, person.name, "certificate", error)
    raise error


def _in_order(connection: Connection, subject: str, at_utc: datetime) -> None:
    """Refuse an act dated before one that is there: what was known at a time must stay what was known then."""
    times = (connection.execute(select(func.max(table.c.at_utc))).scalar() for table in (t.instrument_lot, t.instrument_act))
    last = max((one for one in times if one is not None), default=at_utc)
    if at_utc < last:
        raise fault(subject, f"at {at_utc:%Y-%m-%dT%H:%M:%SZ}", f"not before {last:%Y-%m-%dT%H:%M:%SZ}, the last act", "Correct --now.")


def _used(connection: Connection, city: LoadedCity, person: Person, asked: Use, at_utc: datetime) -> str:
    contract = next((one for one in city.settings.contracts if one.id == asked.instrument), None)
    span = _span(city, asked, at_utc) if asked.period else None
    if contract is not None:
        made, uses, told = _of_contract(city, contract, asked, span)
    else:
        made, uses, told = _of_lot(connection, city, asked, span, at_utc)
    for row, names in zip(made, uses, strict=True):
        row |= {"instrument": asked.instrument, "act": "retired" if span else "sold", "beneficiary": asked.beneficiary}
        row |= {"start_utc": span[0] if span else None, "end_utc": span[1] if span else None, "who": person.name}
        key = connection.execute(t.instrument_act.insert().values(**row, at_utc=at_utc, reason=asked.reason)).inserted_primary_key[0]  # type: ignore[index]
        rows = ({"use_id": name, "act_id": key} for name in names)
        while some := list(islice(rows, 10_000)):  # a lot may hold millions
            connection.execute(t.instrument_use.insert(), some)
    action = "retire" if span else "sell"
    operations.record(connection, at_utc, person.name, action, asked.instrument, f"{told}: {asked.reason}")
    return told


_Made = tuple[list[dict[str, Any]], list[Iterable[str]], str]


def _of_contract(city: LoadedCity, contract: Contract, asked: Use, span: tuple[datetime, datetime] | None) -> _Made:
    subject = f"contract '{contract.id}'"
    if span is None or not MONTH.fullmatch(asked.period):
        raise fault(subject, asked.period or "no period", "a civil month such as 2023-05", "A contract is retired month by month.")
    if asked.account or asked.count or asked.first:
        raise fault(subject, "an account or serials", "its month alone", "Its accounts stand in city.toml.")
    wh = sum(volume for _, volume in month_hours(city, contract, span)) if contract.hours_file else contract.month_wh(asked.period)
    row = {"kind": "contract", "accounts": list(contract.accounts), "skip": 0, "count": 0, "wh": wh}
    told = f"{contract.id} {asked.period}: {wh / WH:,.6f} MWh retired for {', '.join(contract.accounts)}"
    return [row], [[f"contract {contract.id} {asked.period}"]], told


def month_hours(city: LoadedCity, contract: Contract, span: tuple[datetime, datetime]) -> tuple[tuple[Any, int], ...]:
    """(hour, Wh) of a contract by the hour that start in [start, end). Raises `PenstockError` when the file has none."""
    from carbon.instruments.volumes import read_hours

    subject = f"contract '{contract.id}'"
    rows = read_hours(path_of(city.beside, contract.hours_file or ""), subject)
    inside = tuple((hour, wh) for hour, wh in rows if span[0] <= hour < span[1])
    if not inside:
        allowed = f"hours from {span[0]:%Y-%m-%dT%HZ}"
        raise fault(subject, f"{contract.hours_file} has no hour of that month", allowed, "Complete the file.")
    return inside


def _of_lot(connection: Connection, city: LoadedCity, asked: Use, span: tuple[datetime, datetime] | None, at_utc: datetime) -> _Made:
    found = connection.execute(select(t.instrument_lot.c.detail).where(t.instrument_lot.c.lot_id == asked.instrument)).scalar()
    if found is None:
        there = [*connection.execute(select(t.instrument_lot.c.lot_id).limit(12)).scalars(), *(c.id for c in city.settings.contracts)]
        raise fault(f"'{asked.instrument}'", "no lot and no contract", ", ".join(there) or "none imported", "Correct the name.")
    lot = Lot.model_validate(found)
    _suits(city, lot, asked, span, at_utc)
    taken = [(row.skip, row.skip + row.count) for row in acts(connection, lot.id)]
    ranges = _ranges(lot, asked, taken)
    row = {"kind": "certificate", "accounts": [asked.account] if span else []}
    made = [{**row, "skip": skip, "count": count, "wh": count * WH} for skip, count in ranges]
    names: list[Iterable[str]] = [lot.serials(skip, count) for skip, count in ranges]
    total = sum(count for _, count in ranges)
    shown = ", ".join(f"{next(lot.serials(skip, 1))} to {next(lot.serials(skip + count - 1, 1))}" for skip, count in ranges)
    done = f"retired for {asked.account}, {asked.period}" if span else f"sold to {asked.beneficiary}"
    return made, names, f"{lot.id}: {total:,} certificates ({shown}) {done}"


def _suits(city: LoadedCity, lot: Lot, asked: Use, span: tuple[datetime, datetime] | None, at_utc: datetime) -> None:
    subject = f"use of '{lot.id}'"
    if span is None and not asked.beneficiary:
        raise fault(subject, "no period and no buyer", "a period to retire for, or a buyer to sell to", "Give --period or --to.")
    known = [account.id for account in city.settings.accounts if account.kind in ("grid-electricity", "grid-loss")]
    if span is not None and asked.account not in known:
        raise fault(subject, f"account '{asked.account}'", f"one of {', '.join(known)}", "Name an account of electricity.")
    today = local_date(at_utc, city.settings.city.time_zone)
    if lot.expires_on and today > lot.expires_on:
        raise fault(subject, f"it expired on {lot.expires_on}", "a certificate in force", "Use another lot.")
    if bool(asked.first or asked.last) == bool(asked.count) or bool(asked.last and not asked.first) or (asked.count or 1) < 1:
        raise fault(subject, "a count and serials, or neither", "a count above zero, or first and last serial", "Give one of the two.")


def _ranges(lot: Lot, asked: Use, taken: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """(certificates before it, certificates in it) of each stretch: the serials that were named, or the lowest free ones.

    `taken`: (from, up to) of what was used before. That named ones are free is what the key of the table says.
    """
    if asked.first:
        skip, end = lot.place(asked.first), lot.place(asked.last or asked.first) + 1
        if end <= skip:
            observed, allowed = f"serials {asked.first} to {asked.last}", "the first one first"
            raise fault(f"use of '{lot.id}'", observed, allowed, "Correct the serials.")
        return [(skip, end - skip)]
    left, found, at = asked.count or 0, [], 0
    for begin, end in [*sorted(taken), (lot.count, lot.count)]:
        if (some := min(begin - at, left)) > 0:
            found.append((at, some))
            left -= some
        at = max(at, end)
    if left:
        free = (asked.count or 0) - left
        raise fault(f"use of '{lot.id}'", f"{asked.count:,} certificates", f"{free:,}, as many as are free", "Use fewer, or another lot.")
    return found


def _span(city: LoadedCity, asked: Use, at_utc: datetime) -> tuple[datetime, datetime]:
    """Start and end [UTC] of a civil year, month or hour that has ended."""
    subject, zone = f"use of '{asked.instrument}'", city.settings.city.time_zone
    start: datetime | None
    end: datetime | None
    year = len(asked.period) == 4
    if MONTH.fullmatch(last := f"{asked.period}-12" if year else asked.period):
        start, end = month_span(f"{asked.period}-01" if year else last, zone)[0], month_span(last, zone)[1]
    else:
        try:
            start = parse_utc(asked.period)
            end = start + HOUR
        except (PenstockError, OverflowError):
            start = end = None
        if start is None or start.minute or start.second or start.microsecond:
            allowed = "a civil year, a civil month such as 2023-05, or the start of an hour with offset"
            raise fault(subject, f"period '{asked.period}'", allowed, "Correct --period.")
    if end is None or end > at_utc:
        raise fault(subject, f"period {asked.period} has not ended", "use that has happened", "Retire when the period is over.")
    return start, end


def month_span(month: str, zone: str) -> tuple[datetime, datetime]:
    """Start and end [UTC] of a civil month such as 2023-05."""
    first = date.fromisoformat(f"{month}-01")
    return civil_day(first, zone)[0], civil_day((first + timedelta(days=31)).replace(day=1), zone)[0]


def holdings(engine: Engine) -> list[dict[str, Any]]:
    """Each lot with how many of its certificates are free, retired and sold."""
    a = t.instrument_act.c
    with engine.connect() as connection:
        sums = connection.execute(select(a.instrument, a.act, func.sum(a.count)).group_by(a.instrument, a.act)).all()
    used = {(row[0], row[1]): int(row[2]) for row in sums}
    made = []
    for lot in lots(engine).values():
        retired, sold = used.get((lot.id, "retired"), 0), used.get((lot.id, "sold"), 0)
        made.append({"lot": lot, "retired": retired, "sold": sold, "free": lot.count - retired - sold})
    return made
