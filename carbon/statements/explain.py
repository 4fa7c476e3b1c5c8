"""What a printed number is made of: the entries at its address, by account and rule, and their sum."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from carbon.ledger.batch import NOTHING, Line, Rule
from carbon.ledger.civil import micros
from carbon.ledger.coverage import STATES, coverage
from carbon.ledger.entries import Sealed, entry_id
from carbon.ledger.ledger import Ledger
from carbon.statements.address import Address
from city.clock import civil_day
from city.problems import fault

if TYPE_CHECKING:
    from carbon.targets.energy import CoalWeight

_OF_LINE = ("account_id", "site", "district", "sector", "scope", "gpc", "activity", "carrier", "quantity")
_OF_RULE = ("kind", "basis", "gas", "rule_id")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it was posted; `reverses` names the entry it takes back."""

    name: str
    line: Line
    rule: Rule
    start: int  # [us since 1970 UTC]
    seconds: int
    amount: int
    mg: int
    state: str
    version: int
    known_at: str
    reason: str
    reverses: str


@dataclass(frozen=True, slots=True)
class Group:
    """The entries of one account and rule: how many, their amount [stored units] and mass [mg], and what they add to the number."""

    line: Line
    rule: Rule
    entries: int
    amount: int
    mg: int
    adds: Fraction


@dataclass(frozen=True)
class Explanation:
    """A number and its parts; `groups` add up to `total` exactly, and `entries` are the first of them."""

    address: Address
    total: Fraction
    groups: tuple[Group, ...]
    entries: tuple[Entry, ...]
    rows: int


def bounds(period: str, zone: str) -> tuple[int, int]:
    """[start, end) of a civil year, month or day [us since 1970 UTC]."""
    parts = [int(part) for part in period.split("-")]
    try:
        first = date(*parts, *[1] * (3 - len(parts)))
        after = first + timedelta(days=(366, 31, 1)[len(parts) - 1])
    except (ValueError, OverflowError):
        raise fault(f"address '{period}'", "no such day or month", "a date of the calendar", "Correct the period.") from None
    after = after.replace(day=1) if len(parts) < 3 else after
    return micros(civil_day(first, zone)[0]), micros(civil_day(after.replace(month=1) if len(parts) == 1 else after, zone)[0])


def explain(
    ledger: Ledger,
    address: Address,
    zone: str,
    weights: Mapping[str, Decimal],
    coal: Mapping[str, Mapping[str, "CoalWeight"]],
    most: int = 20,
) -> Explanation:
    """The entries at an address, grouped by account and rule, and the first `most` of them one by one.

    `weights` [kg CO2e per kg] and `coal` are those of the statement. Raises `PenstockError` when no entry is there.
    """
    first, last = bounds(address.period, zone)
    sums: dict[tuple[Line, Rule], list[int]] = {}
    entries: list[Entry] = []
    rows = 0
    for one in ledger.batches:
        found = _rows(one, address, first, last)
        rows += len(found)
        entries += [_entry(one, int(row)) for row in found[: max(0, most - len(entries))]]
        for key, numbers in _summed(one, found):
            held = sums.setdefault(key, [0, 0, 0])
            held[:] = [a + b for a, b in zip(held, numbers, strict=True)]
    if not rows:
        raise fault(f"address '{address}'", "no entry", "conditions that some entry of the ledger meets", "Check period and names.")
    groups = [
        Group(line, rule, entries, amount, mg, _adds((line, rule), (entries, amount, mg), address.show, weights, coal))
        for (line, rule), (entries, amount, mg) in sums.items()
    ]
    groups.sort(key=lambda group: (-abs(group.adds), group.line.account_id, group.rule.rule_id, group.rule.gas))
    return Explanation(address, sum((group.adds for group in groups), Fraction(0)), tuple(groups), tuple(entries), rows)


def one_entry(ledger: Ledger, name: str) -> Explanation:
    """One entry by its name `<batch>-<row>`, as if it were a number. Raises `PenstockError` when there is none."""
    one, row = ledger.find(name)
    entry = _entry(one, row)
    group = Group(entry.line, entry.rule, -1 if entry.reverses else 1, entry.amount, entry.mg, Fraction(entry.mg))
    return Explanation(Address(name, {}, "mg"), group.adds, (group,), (entry,), 1)


def _rows(one: Sealed, address: Address, first: int, last: int) -> NDArray[np.intp]:
    """Rows of a batch at the address, in order."""
    if not one.header.rows or one.header.end <= first or one.header.start >= last:
        return np.zeros(0, np.intp)
    batch = one.batch
    lines = np.array([_meets(line, address, _OF_LINE) for line in batch.lines], bool)
    rules = np.array([_meets(rule, address, _OF_RULE) for rule in batch.rules], bool)
    if not lines.any() or not rules.any():
        return np.zeros(0, np.intp)
    columns = batch.columns
    kept = lines[columns["line"]] & rules[columns["rule"]] & (columns["start"] >= first) & (columns["start"] < last)
    if address.show in ("amount", "entries") or address.show.startswith("coal:"):
        kept &= columns["counts"] == 1
    found = np.flatnonzero(kept)
    if wanted := address.where.get("state"):
        found = found[np.isin(coverage(columns["quality"][found]), [STATES.index(state) for state in wanted if state in STATES])]
    return found


def _meets(said: Line | Rule, address: Address, names: tuple[str, ...]) -> bool:
    return all(str(getattr(said, name)) in values for name, values in address.where.items() if name in names)


def _summed(one: Sealed, found: NDArray[np.intp]) -> Iterator[tuple[tuple[Line, Rule], list[int]]]:
    """(line, rule) and [entries, amount, mg] of the rows found; a reversal takes one entry off. Entries come in order, so runs are few."""
    if not len(found):
        return
    batch = one.batch
    column = {name: batch.columns[name][found] for name in ("line", "rule", "amount", "mg", "counts", "reverses")}
    key = column["line"].astype(np.int64) * len(batch.rules) + column["rule"]
    runs = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    keys, group = np.unique(key[runs], return_inverse=True)
    counts = column["counts"].astype(np.int64)
    signed = np.where(column["reverses"] == NOTHING, counts, -counts)
    sums = [_exact(values, runs, group, len(keys)) for values in (signed, column["amount"] * counts, column["mg"])]
    for said, *numbers in zip(keys.tolist(), *sums, strict=True):
        yield (batch.lines[said // len(batch.rules)], batch.rules[said % len(batch.rules)]), numbers


def _exact(values: NDArray[np.int64], runs: NDArray[np.intp], group: NDArray[np.intp], groups: int) -> list[int]:
    """Sum of each group of runs; in unbounded integers where 64 bits are not proved to hold it."""
    fits = max(int(values.max()), -int(values.min())) * len(values) < 2**63
    made = np.zeros(groups, np.int64 if fits else object)
    np.add.at(made, group, np.add.reduceat(values if fits else values.astype(object), runs))
    return [int(value) for value in made]


def _adds(
    key: tuple[Line, Rule],
    numbers: tuple[int, int, int],
    show: str,
    weights: Mapping[str, Decimal],
    coal: Mapping[str, Mapping[str, "CoalWeight"]],
) -> Fraction:
    """What a group adds to the number shown: [mg], [stored units], entries, [mg CO2e] or [kgce]."""
    (line, rule), (entries, amount, mg) = key, numbers
    if show.startswith("co2e"):
        return Fraction(weights[rule.gas]) * mg if rule.gas != "-" else Fraction(0)
    if show.startswith("coal"):
        found = coal[show.partition(":")[2]].get(line.account_id)
        return found.kgce * amount if found else Fraction(0)
    return Fraction({"entries": entries, "amount": amount}.get(show, mg))


def _entry(one: Sealed, row: int) -> Entry:
    batch = one.batch
    value: dict[str, Any] = {name: int(column[row]) for name, column in batch.columns.items()}
    back = value["reverses"]
    state = STATES[int(coverage(batch.columns["quality"][row : row + 1])[0])]
    return Entry(
        entry_id(one.header.number, row), batch.lines[value["line"]], batch.rules[value["rule"]], value["start"], value["seconds"],
        value["amount"], value["mg"], state, value["version"], one.header.known_at_utc.isoformat(timespec="minutes"),
        one.header.reason, "" if back == NOTHING else entry_id(back >> 32, back & 0xFFFFFFFF),
    )  # fmt: skip
