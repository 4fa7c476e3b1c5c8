"""The chain itself: its bytes, and which changes of its lines are found."""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.auditing.chain import GENESIS, Line, canonical, digest
from service.auditing.verifying import faults, line_of

AT = datetime(2022, 6, 15, 22, 40, tzinfo=UTC)


def test_the_example_of_the_document_computes() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    known: dict[str, Any] = {}
    exec(example, known)  # noqa: S102 - our own page
    previous, *line = known["fields"]
    assert canonical(previous, Line(*line)).decode() == known["text"]


@dataclass(frozen=True)
class Row:
    """A row of audit."""

    audit_id: int
    at_utc: datetime
    who: str
    action: str
    subject: str
    sentence: str
    decided: str | None
    previous: str = GENESIS
    sha256: str = ""


def chained(rows: list[Row]) -> list[Row]:
    """Rows numbered, each behind the one before, hashed."""
    made: list[Row] = []
    for number, row in enumerate(rows, start=1):
        behind = replace(row, audit_id=number, previous=made[-1].sha256 if made else GENESIS)
        made.append(replace(behind, sha256=digest(behind.previous, line_of(behind))))
    return made


def test_the_bytes_of_a_line_are_rfc_8785_and_can_be_typed_by_hand() -> None:
    """What docs/audit.md prints, without any code of the chain."""
    line = Line(1, 1_655_332_800_000_000, "操作员", "approve", 'plan "a"', "ok\t\u2028", None)
    text = '["' + "0" * 64 + '",1,1655332800000000,"操作员","approve","plan \\"a\\"","ok\\t\u2028",null]'
    assert canonical(GENESIS, line) == text.encode()
    assert digest(GENESIS, line) == hashlib.sha256(text.encode()).hexdigest()


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
rows_of = st.lists(
    st.builds(
        Row, st.just(0), st.integers(0, 10**9).map(lambda s: AT + timedelta(seconds=s)), texts, texts, texts, texts, st.none() | texts
    ),
    min_size=2,
    max_size=9,
).map(chained)


@given(rows_of)
def test_a_chain_is_sound(rows: list[Row]) -> None:
    assert list(faults(rows)) == []


changes: dict[str, st.SearchStrategy[Any]] = {
    "who": texts, "action": texts, "subject": texts, "sentence": texts, "decided": st.none() | texts,
    "at_utc": st.integers(1, 10**6).map(lambda us: AT - timedelta(microseconds=us)),
    "previous": st.just("f" * 64), "sha256": st.just("e" * 64), "audit_id": st.integers(10, 99),
}  # fmt: skip


@given(rows_of, st.data())
def test_any_change_of_one_field_is_found_and_names_its_line(rows: list[Row], data: st.DataObject) -> None:
    place, name = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.sampled_from(sorted(changes)))
    value = data.draw(changes[name].filter(lambda new: new != getattr(rows[place], name)))
    found = list(faults([*rows[:place], replace(rows[place], **{name: value}), *rows[place + 1 :]]))
    number = value if name == "audit_id" else place + 1
    assert any(problem.subject == f"audit line {number}" for problem in found)


@given(rows_of, st.data())
def test_a_line_that_goes_comes_or_changes_its_place_is_found(rows: list[Row], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(rows) - 2))  # the last line is the tail, of the next test
    assert any("missing" in str(problem) for problem in faults(rows[:place] + rows[place + 1 :]))
    assert list(faults([*rows[: place + 1], rows[place], *rows[place + 1 :]]))
    swapped = [*rows[:place], rows[place + 1], rows[place], *rows[place + 2 :]]
    assert list(faults(swapped))
    renumbered = [replace(row, audit_id=number) for number, row in enumerate(swapped, start=1)]
    assert list(faults(renumbered))


@given(rows_of, st.data())
def test_what_the_chain_alone_cannot_find_changes_its_head(rows: list[Row], data: st.DataObject) -> None:
    """A tail cut off, and a chain hashed again throughout: why a head is kept outside."""
    place = data.draw(st.integers(0, len(rows) - 1))
    forged = chained([*rows[:place], replace(rows[place], sentence=rows[place].sentence + "!"), *rows[place + 1 :]])
    assert list(faults(rows[:place])) == list(faults(forged)) == []
    heads = {row.audit_id: row.sha256 for row in rows[-1:]}
    for cut in (rows[:place], forged):
        assert {row.audit_id: row.sha256 for row in cut if row.audit_id in heads} != heads
