"""Blocks: one grid, windows that never leave it, values kept as read; a wrong table is told column by column."""

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city import quality as q
from city.clock import QUARTER
from city.frames import FORECAST, Block, checked
from city.problems import PenstockError, Problem, fault
from city.quality import Cause
from city.quantities import Quantity

START = datetime(2022, 6, 14, 22, 0, tzinfo=UTC)


def block(steps: int = 8) -> Block:
    """Two feeders; every fourth quarter of the second is a spike."""
    values = np.arange(2 * steps, dtype=np.int64).reshape(2, steps) * 1000
    quality = np.full((2, steps), q.VALID, dtype=np.uint16)
    quality[1, ::4] = q.questionable(Cause.SPIKE)
    return Block(("a", "b"), START, QUARTER, Quantity.ENERGY_KWH, values, quality)


@given(st.integers(0, 8), st.integers(0, 8))
def test_a_window_holds_exactly_the_columns_between_its_ends(first: int, last: int) -> None:
    whole = block()
    bounds = (START + first * QUARTER, START + last * QUARTER)
    if first > last:
        with pytest.raises(PenstockError, match="block window"):
            whole.window(*bounds)
        return
    part = whole.window(*bounds)
    assert (part.start_utc, part.end_utc, part.steps) == (*bounds, last - first)
    assert (part.values == whole.values[:, first:last]).all()
    assert (part.quality == whole.quality[:, first:last]).all()


@given(st.integers(0, 8))
def test_two_windows_side_by_side_are_the_whole(cut: int) -> None:
    whole, middle = block(), START + cut * QUARTER
    parts = (whole.window(START, middle), whole.window(middle, whole.end_utc))
    assert (np.hstack([part.values for part in parts]) == whole.values).all()


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (START - QUARTER, START + QUARTER),
        (START, START + 9 * QUARTER),
        (START + timedelta(minutes=7), START + QUARTER),
        (START, START + timedelta(seconds=1)),
    ],
)
def test_a_window_outside_the_block_or_off_its_grid_is_refused_with_the_blocks_times(start: datetime, end: datetime) -> None:
    with pytest.raises(PenstockError, match="2022-06-14T22:00Z to 2022-06-15T00:00Z in steps of 0:15:00"):
        block().window(start, end)


def test_a_window_may_be_asked_for_in_any_offset_but_not_without_one() -> None:
    rome = datetime.fromisoformat("2022-06-15T00:15+02:00")
    assert block().window(rome, block().end_utc).start_utc == START + QUARTER
    with pytest.raises(PenstockError, match="no time zone"):
        block().window(rome.replace(tzinfo=None), block().end_utc)


def test_rows_are_selected_in_the_order_asked_for_and_an_unknown_one_is_named() -> None:
    assert block().select(["b", "a"]).values[0, 0] == 8000
    with pytest.raises(PenstockError, match="no series c"):
        block().select(["a", "c"])


def test_models_see_units_and_no_questionable_value_while_the_value_read_stays() -> None:
    told = block()
    assert np.isnan(told.unit_values()[1, 0])
    assert told.unit_values()[1, 1] == 9.0
    assert told.values[1, 0] == 8000


def test_shapes_that_do_not_fit_are_refused() -> None:
    whole = block()
    with pytest.raises(PenstockError, match="block"):
        replace(whole, quality=whole.quality[:, :-1])
    with pytest.raises(PenstockError, match="block"):
        replace(whole, ids=("a",))
    with pytest.raises(PenstockError, match="block"):
        replace(whole, values=whole.values.ravel())


def test_a_wrong_table_is_told_with_every_column_that_is_wrong() -> None:
    wrong = pd.DataFrame({"series_id": ["a"], "time_utc": [START], "p10": ["much"], "p50": [1.0]})
    with pytest.raises(PenstockError) as caught:
        checked(FORECAST, wrong, "forecast file")
    assert all(name in str(caught.value) for name in ("forecast file", "p10", "p90", "model", "made_at_utc"))


def test_a_problem_is_a_sentence_and_survives_the_way_between_processes() -> None:
    error = PenstockError([Problem("meter 7", "no reply", "a reply in 1 s", "Check its cable."), *fault("x", "1", "2", "Do y.").problems])
    assert str(error) == "meter 7: no reply; allowed: a reply in 1 s. Check its cable.\nx: 1; allowed: 2. Do y."
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert again.problems == error.problems
