"""What the ledger counts: measured, estimated and missing kept apart, and the sum of a day exact."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.frames import Block
from city.quality import VALID, Cause, Flag, code, missing
from city.quantities import Quantity
from service.usage import runs

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


def test_a_gap_takes_the_same_hour_a_week_before_as_an_estimate() -> None:
    found = runs(block(8, [7 * 24 + 3]), [(START + 7 * DAY, START + 8 * DAY)])
    assert found["amount"].tolist()[1] == 3
    assert found["quality"].tolist()[1] == code(Flag.ESTIMATED_LIKE_DAY)


def test_a_day_with_gaps_but_good_registers_at_both_ends_is_exact() -> None:
    found = runs(block(1, [3, 4]), [(START, START + DAY)], {("m.energy", START): 276})
    assert found[["amount", "quality"]].to_numpy().tolist() == [[276, code(Flag.VALID | Flag.DERIVED)]]


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
