"""What the ledger cites, held against the sets of now: provisional factors whose own year is published, and rows that were edited."""

from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np

from carbon.factors import Factor
from carbon.ledger.batch import Rule
from carbon.ledger.civil import from_micros
from carbon.ledger.entries import standing
from carbon.ledger.ledger import Ledger
from carbon.lint.rows import Finding
from city.clock import local_date

_EVER = 1 << 62  # [us]


def lint_posted(ledger: Ledger, factors: Sequence[Factor], zone: str) -> tuple[Finding, ...]:
    """Every finding about rules that weigh entries which stand: those of a year published since, and those of a row that is another now."""
    by_id = {factor.id: factor for factor in factors}
    found: list[Finding] = []
    for rule, first, last in _live(ledger, zone):
        for name, digest in rule.parts:
            now = by_id.get(name)
            subject = f"factor '{name}', posted for {first} to {last}"
            if now is None or now.sha256 != digest:
                observed = "in no set any more" if now is None else "another row by now, under the same id"
                remedy = "Put the row back, and give a new number a new id; then `penstock carbon restate`."
                found.append(Finding(subject, observed, f"the row with SHA-256 {digest[:12]}", remedy, "edited", "refuse"))
            elif rule.provisional and (later := _published_since(now, factors, first, last)):
                remedy = f"Run `penstock carbon restate {later.valid_from:%Y} --reason ...`."
                observed = f"provisional, and '{later.id}' is published"
                found.append(Finding(subject, observed, f"the factor of {later.validity}", remedy, "provisional", "warn"))
    return tuple(dict.fromkeys(found))


def _live(ledger: Ledger, zone: str) -> Iterator[tuple[Rule, date, date]]:
    """Each rule of entries that stand, with the first and last civil day of these."""
    spans: dict[Rule, tuple[int, int]] = {}
    for _, batch, rows in standing(ledger.batches, -_EVER, _EVER):
        numbers, starts = batch.columns["rule"][rows], batch.columns["start"][rows]
        for number in np.unique(numbers).tolist():
            own, rule = starts[numbers == number], batch.rules[number]
            first, last = spans.get(rule, (int(own.min()), int(own.max())))
            spans[rule] = (min(first, int(own.min())), max(last, int(own.max())))
    for rule, (first, last) in spans.items():
        yield rule, local_date(from_micros(first), zone), local_date(from_micros(last), zone)


def _published_since(stands_in: Factor, factors: Sequence[Factor], first: date, last: date) -> Factor | None:
    """The factor of the same series that is valid on one of the days it stood in for."""
    series = (stands_in.activity, stands_in.gas, stands_in.unit, stands_in.region)
    same = (f for f in factors if f is not stands_in and (f.activity, f.gas, f.unit, f.region) == series)
    return next((f for f in same if f.valid_from and f.valid_from <= last and (f.valid_to is None or f.valid_to >= first)), None)
