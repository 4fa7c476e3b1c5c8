"""A ledger that is sealed well and says what cannot be: found against no root at all, and named."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from benchmarks import ledger as benchmark
from carbon.ledger.batch import COLUMNS, NOTHING
from carbon.ledger.chain import append
from carbon.ledger.entries import NUMBER
from carbon.ledger.mass import masses
from carbon.ledger.verify import verify


@pytest.fixture(scope="module")
def small():
    """Three batches and a restatement that takes four entries back."""
    return benchmark.small(1)


def found(batches, folder):
    """What verify says of batches sealed one behind the other."""
    headers = []
    for batch in batches:
        headers.append(append(batch, folder, headers[-1] if headers else None))
    return [f"{problem.subject}: {problem.observed}" for problem in verify(headers, folder, headers[-1].root)]


def changed(batch, **columns):
    """A batch with rows of some columns set, and every mass as its rule gives it."""
    made = {name: np.array(column) for name, column in batch.columns.items()}
    for name, rows in columns.items():
        for row, value in rows.items():
            made[name][row] = value
    return replace(batch, columns={**made, "mg": masses(made["amount"], made["rule"], batch.rules)})


def picked(batch, rows, **more):
    """Some rows of a batch, a day later known."""
    columns = {name: np.array(column)[rows] for name, column in batch.columns.items()} | more
    return replace(batch, columns={name: columns[name].astype(COLUMNS[name]) for name in COLUMNS}, known_at_utc=_LATE, reason="again")


_LATE = benchmark.KNOWN + timedelta(days=900)


def test_what_posting_and_restating_make_is_sound(small, tmp_path):
    assert found(small, tmp_path) == []


def test_a_value_that_no_reading_gives_is_named(small, tmp_path):
    first = small[0]
    row = int(np.flatnonzero(first.columns["amount"] > 0)[0])
    for change in ({"amount": {row: -5}}, {"quality": {row: 0}}, {"counts": {row: 2}}, {"seconds": {row: 0}}, {"quality": {row: 1 << 20}}):
        assert f"ledger entry 0-{row}: a value that no reading gives" in found([changed(first, **change)], tmp_path), change


def test_a_reversal_that_is_not_the_negative_of_what_it_names_is_named(small, tmp_path):
    last = small[3]
    row = int(np.flatnonzero(last.columns["reverses"] != NOTHING)[0])
    name = int(last.columns["reverses"][row])
    told = f"ledger entry 3-{row}: is not the negative of {name // NUMBER}-{name % NUMBER}"
    for change in ({"amount": {row: int(last.columns["amount"][row]) * 1000}}, {"start": {row: 0}}, {"quality": {row: 8}}):
        assert told in found([*small[:3], changed(last, **change)], tmp_path), change
    for lines in (tuple(replace(line, site=line.site + "x") for line in last.lines), last.lines[::-1]):
        assert told in found([*small[:3], replace(last, lines=lines)], tmp_path)


def test_a_reversal_names_an_earlier_entry_that_stands_and_is_none_itself(small, tmp_path):
    last = small[3]
    row = int(np.flatnonzero(last.columns["reverses"] != NOTHING)[0])
    for name in (-2, 3 * NUMBER + row, 9 * NUMBER, 0 * NUMBER + 5000):
        said = found([*small[:3], changed(last, reverses={row: name})], tmp_path)
        assert f"ledger entry 3-{row}: takes back what is no earlier entry" in said, name
    back = {"amount": -last.columns["amount"][[row]], "mg": -last.columns["mg"][[row]], "reverses": np.array([3 * NUMBER + row])}
    assert found([*small, picked(last, [row], **back)], tmp_path) == [f"ledger entry 4-0: is not the negative of 3-{row}"]
    name = int(last.columns["reverses"][row])
    assert found([*small, picked(last, [row])], tmp_path) == [f"ledger entry 4-0: takes back {name // NUMBER}-{name % NUMBER} again"]


def test_a_time_that_counts_twice_and_a_gas_without_its_first_are_named(small, tmp_path):
    gas = next(batch for batch in small[:3] if not batch.columns["counts"].all())
    second = int(np.flatnonzero(gas.columns["counts"] == 0)[0])
    first = int(np.flatnonzero((gas.columns["counts"] == 1) & (gas.columns["line"] == gas.columns["line"][second]))[0])
    (said,) = found([changed(gas, counts={second: 1})], tmp_path)
    assert "counted twice from" in said
    assert f"ledger entry 0-{second}: a further gas without its first" in found([changed(gas, counts={first: 0})], tmp_path)
    (one, *_), (two, *_) = (np.flatnonzero(small[0].columns["line"] == number) for number in (0, 1))
    assert small[0].columns["start"][one] == small[0].columns["start"][two]
    lines = (small[0].lines[0], replace(small[0].lines[1], point_id=small[0].lines[0].point_id, quantity=small[0].lines[0].quantity))
    (said, *_) = found([replace(small[0], lines=(*lines, *small[0].lines[2:]))], tmp_path)
    assert said.startswith(f"ledger batch 0, point '{lines[0].point_id}': counted twice")
    doubled = found([*small, picked(small[0], [7])], tmp_path)
    assert len(doubled) == 1
    assert doubled[0].startswith("ledger batch 4, point '")
    assert "0-7" in doubled[0]
