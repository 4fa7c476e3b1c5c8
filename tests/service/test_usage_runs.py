"""What the ledger counts: measured, estimated and missing kept apart, and the sum of a day exact."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.frames import Block
from city.quality import VALID, Cause, Flag, code, missing
from city.quantities import Quantity
from service.books.usage import runs

START = datetime(2022, 6, 1, 22, tzinfo=UTC)
DAY = timedelta(days=1)


def block(days: int, gone: list[int]) -> Block:
    values = np.arange(days * 24, dtype=np.int64)[None, :]
    quality = np.full(values.shape, VALID, np.uint16)
    quality[0, gone] = missing(Cause.TIMEOUT)
    return Block(("m.energy",), START, timedelta(hours=1), Quantity.ENERGY_KWH, values, quality)


def test_a_complete_day_is_one_measured_row() -> None:
    found = runs(block(1, []), [(START, START + DAY)])
    assert found[["amount", "quality"]].to_numpy().tolist() == [[sum(range(24)), VALID]]


def test_a_gap_without_history_is_its_own_missing_row() -> None:
    found = runs(block(1, [3, 4]), [(START, START + DAY)])
    assert found["amount"].tolist() == [0 + 1 + 2, 0, sum(range(5, 24))]
    assert found["quality"].tolist() == [VALID, missing(Cause.GAP), VALID]


def estimated(days: int, gone: list[int], flags: int) -> Block:
    made = block(days, [])
    made.quality[0, gone] = flags | int(Cause.TIMEOUT) << 8
    return made


def test_a_gap_that_was_estimated_is_its_own_estimated_row() -> None:
    found = runs(estimated(1, [3, 4], int(Flag.ESTIMATED_LINEAR)), [(START, START + DAY)])
    assert found["amount"].tolist() == [0 + 1 + 2, 3 + 4, sum(range(5, 24))]
    assert found["quality"].tolist() == [VALID, code(Flag.ESTIMATED_LIKE_DAY), VALID]


def test_a_gap_whose_sum_the_register_told_is_measured() -> None:
    found = runs(estimated(1, [3, 4], int(Flag.ESTIMATED_LIKE_DAY | Flag.DERIVED)), [(START, START + DAY)])
    assert found["amount"].tolist() == [3, 7, sum(range(5, 24))]
    assert found["quality"].tolist() == [VALID, code(Flag.VALID | Flag.DERIVED), VALID]


def test_a_days_share_of_such_a_gap_across_midnight_is_an_estimate_also_when_the_gap_began_before_the_first_day() -> None:
    across = estimated(2, [23, 24], int(Flag.ESTIMATED_LIKE_DAY | Flag.DERIVED))
    both = runs(across, [(START, START + DAY), (START + DAY, START + 2 * DAY)])
    assert both["quality"].tolist() == [VALID, code(Flag.ESTIMATED_LIKE_DAY), code(Flag.ESTIMATED_LIKE_DAY), VALID]
    second = runs(across, [(START + DAY, START + 2 * DAY)])
    assert second["quality"].tolist() == [code(Flag.ESTIMATED_LIKE_DAY), VALID]
    assert both["amount"].tolist()[2:] == second["amount"].tolist() == [24, sum(range(25, 48))]


def test_rows_carry_the_version_of_their_day_and_a_warning_does_not_part_them() -> None:
    made = block(2, [])
    made.quality[0, :24] |= int(Cause.HIGH_USAGE) << 8
    days = [(START, START + DAY), (START + DAY, START + 2 * DAY)]
    found = runs(made, days, {("m.energy", START + DAY): 3})
    assert found[["quality", "version"]].to_numpy().tolist() == [[VALID, 1], [VALID, 3]]


@given(st.sets(st.integers(0, 47)))
def test_rows_tile_the_days_and_measured_amounts_are_what_was_measured(gone: set[int]) -> None:
    made = block(2, sorted(gone))
    found = runs(made, [(START, START + DAY), (START + DAY, START + 2 * DAY)])
    measured = found[found["quality"] == VALID]
    assert measured["amount"].sum() == made.values[made.usable()].sum()
    assert (found["period_end_utc"] - found["period_start_utc"]).sum() == 2 * DAY
    assert (found["period_start_utc"].iloc[1:].to_numpy() == found["period_end_utc"].iloc[:-1].to_numpy()).all()


def test_days_outside_the_block_are_refused() -> None:
    with pytest.raises((IndexError, ValueError)):
        runs(block(1, []), [])
