"""What goes into a CSV cell comes back as it was, and no spreadsheet runs it."""

import csv
import io

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.spreadsheets import STARTS
from service.exchange.cells import cell, defused, restored
from service.exchange.lines import decimals, header, iso, lines
from service.exchange.parsing import Faults, stored

ODD = st.text(alphabet=st.sampled_from([*"=+-@\t\r\n'\";|, aé", "＝", "＠"]), max_size=12)


@given(st.one_of(ODD, st.text(max_size=30)))
def test_every_text_comes_back_as_it_was(text: str) -> None:
    assert restored(defused(text)) == text
    (row,) = list(csv.reader(io.StringIO(f"{cell(text)},x\n", newline="")))
    assert restored(row[0]) == text


@given(ODD)
def test_no_cell_begins_like_a_formula(text: str) -> None:
    assert not defused(text).startswith(STARTS)


@pytest.mark.parametrize(
    ("text", "told"),
    [("=1+1", "'=1+1"), ("-a", "'-a"), ("'x", "''x"), ("a=1", "a=1"), ("", '""'), ("a,b", '"a,b"'), ('a"b', '"a""b"'), ("a;=b", "a;'=b")],
)
def test_a_cell_is_defused_where_a_formula_would_begin(text: str, told: str) -> None:
    assert cell(text) == told


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=20), st.sampled_from([1_000, 1_000_000]))
def test_stored_integers_are_told_digit_for_digit(stored: list[int], scale: int) -> None:
    told = decimals(np.array(stored, dtype=np.int64), scale).to_pylist()
    assert [int(value * scale) for value in told] == stored


@pytest.mark.parametrize("scale", [1_000, 1_000_000])
def test_a_text_is_read_as_the_stored_integer_that_it_tells(scale: int) -> None:
    """Up to 2^62, where neither a float nor a float times a scale holds every one."""
    rng = np.random.default_rng(1)
    meant = np.concatenate([rng.integers(2**low, 2 ** (low + 3), 2_000) for low in (10, 44, 46, 49, 52, 58)])
    faults = Faults("file")
    told = decimals(meant, scale).cast(pa.string())
    assert (stored(told, np.full(len(meant), scale), "value", 1, faults) == meant).all()
    assert not faults.found


def test_numbers_are_left_alone_and_text_is_not() -> None:
    table = pa.table(
        {
            "point_id": pa.array(["=a", "=a", None]).dictionary_encode(),
            "quantity": pa.array(["energy_kwh", "volume_m3", "energy_kwh"]).dictionary_encode(),
            "value": pa.array([-1.5, 2.0, None]),
            "value_scaled": pa.array([-1500, 2_000_000, None]),
            "at": pa.array([0, 1_500_000, None], pa.timestamp("us", "UTC")),
        }
    )
    assert (header(table.schema.names) + lines(table)).decode() == (
        "point_id,quantity,value,at\n"
        "'=a,energy_kwh,-1.500,1970-01-01T00:00:00Z\n"
        "'=a,volume_m3,2.000000,1970-01-01T00:00:01.500000Z\n"
        ",energy_kwh,,\n"
    )
    assert iso(1_655_332_200_000_000) == "2022-06-15T22:30:00Z"
