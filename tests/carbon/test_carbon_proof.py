"""What was posted cannot be changed unseen."""

import random
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

from carbon.ledger import old as ledger
from carbon.proof import GENESIS, chain, column_bytes, seal, verify

KNOWN = datetime(2022, 6, 16, tzinfo=UTC)


@pytest.fixture
def batches(usage, books, shipped):
    days = [usage("industry.energy", [1000 + day] * 8, start=f"2022-06-{10 + day}T00:00Z") for day in range(4)]
    frames = [ledger.post(day, books, shipped, KNOWN) for day in days]
    return list(zip(chain(frames), frames, strict=True))


def test_untouched_batches_are_sound_and_chained_from_genesis(batches):
    assert verify(batches, batches[-1][0].root) == ()
    assert batches[0][0].previous == GENESIS
    assert [later.previous for later, _ in batches[1:]] == [earlier.root for earlier, _ in batches[:-1]]


def test_any_edit_of_any_cell_is_found_and_its_column_named(batches):
    chance = random.Random(7)  # noqa: S311 - picks cells, no secret
    names = [name for name in batches[0][1].columns if name != "supersedes"]
    for _ in range(20):
        at, name = chance.randrange(4), chance.choice(names)
        header, frame = batches[at]
        row = chance.randrange(len(frame))
        old = frame.loc[row, name]
        new = old + pd.Timedelta("1us") if isinstance(old, pd.Timestamp) else old + 1 if not isinstance(old, str) else old + "x"
        column = [new if place == row else value for place, value in enumerate(frame[name])]
        changed = [*batches[:at], (header, frame.assign(**{name: column})), *batches[at + 1 :]]
        assert [name in problem.observed for problem in verify(changed)] == [True]


def test_a_reversal_mark_set_later_is_found(batches):
    header, frame = batches[0]
    assert "supersedes" in verify([(header, frame.assign(supersedes="x")), *batches[1:]])[0].observed


def test_deleted_inserted_and_exchanged_rows_are_found(batches):
    header, frame = batches[1]
    changes = [frame.iloc[1:], pd.concat([frame, frame.tail(1)]), frame.iloc[[1, 0, *range(2, len(frame))]], frame.iloc[:0]]
    for changed in changes:
        assert verify([batches[0], (header, changed), *batches[2:]])


def test_deleted_exchanged_and_repeated_batches_are_found(batches):
    one, two, three, four = batches
    for changed in ([one, three, four], [two, three, four], [one, three, two, four], [one, one, two, three, four]):
        assert verify(changed)


def test_a_cut_tail_and_a_rewrite_sealed_again_show_against_the_printed_root(batches):
    printed = batches[-1][0].root
    assert verify(batches[:-1]) == ()
    assert verify(batches[:-1], printed)
    frames = [frame.assign(mg_by_gas=frame["mg_by_gas"] // 2) for _, frame in batches]
    rewritten = list(zip(chain(frames), frames, strict=True))
    assert verify(rewritten) == ()
    assert "the given root" in verify(rewritten, printed)[0].allowed


def test_a_forged_header_does_not_give_its_root(batches):
    header, frame = batches[0]
    forged = replace(header, columns=(("amount", "0" * 64), *header.columns[1:]))
    assert any("does not give its root" in problem.observed for problem in verify([(forged, frame), *batches[1:]]))


def test_text_columns_cannot_be_shifted_into_each_other():
    assert column_bytes(pd.Series(["ab", "c"])) != column_bytes(pd.Series(["a", "bc"]))
    assert column_bytes(pd.Series([None, ""], dtype=object)) != column_bytes(pd.Series(["", None], dtype=object))


def test_a_frame_read_back_from_text_has_the_same_root(batches, tmp_path):
    header, frame = batches[0]
    frame.to_csv(tmp_path / "batch.csv", index=False)
    back = pd.read_csv(tmp_path / "batch.csv", dtype={"supersedes": str})
    for name in [column for column in back if column.endswith("_utc")]:
        back[name] = pd.to_datetime(back[name], utc=True, format="ISO8601")
    assert seal(back, header.number, header.previous) == header
