"""Files put together from what real ones are made of, in any order: read, or refused with a sentence; nothing else ever happens."""

import math
import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.problems import PenstockError
from meters.roads.delivered import as_blocks
from meters.roads.drop import read_rows
from meters.roads.headend import read_messages
from meters.roads.mapping import Mapping, Messages
from tests.meters.test_headend import sample

CELLS = [
    "time_utc",
    "t",
    "id",
    "v",
    "s",
    "u",
    "m.p",
    "2022-06-15T00:00Z",
    "2022-06-15 00:15",
    "2022-10-30 02:00",
    "2022-03-27 02:30",
    "0001-01-01",
]
CELLS += [
    "9999-12-31T23:59:59Z",
    "1e400",
    "-1",
    "",
    "NaN",
    "inf",
    "L",
    "\x00",
    '"',
    "15.06.2022 00:00",
    "2022-13-45",
    "1655294400",
    "１２",
    "0x10",
]
MAPPINGS = [
    {"quantity": "power_kw"},
    {"quantity": "power_kw", "zone": "Europe/Rome"},
    {"layout": "long", "time": "t", "id": ["id", "s"], "value": "v", "status": "s", "statuses": {"*": "valid"}, "unit_column": "u"},
    {"layout": "days", "time": "t", "id": "id", "value": "v", "zone": "Europe/Rome", "quantity": "energy_kwh"},
    {"header_lines": 3, "skip_lines": 1, "quantity": "power_kw"},
    {"time": "t", "time_format": "%d.%m.%Y %H:%M", "columns": [{"name": "v", "point": "m.p", "quantity": "power_kw"}]},
]
TEXTS = [
    "",
    "0",
    "-1",
    "NaN",
    "1e400",
    "1_000",
    "١٢",
    "2022-10-30T02:30:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59+00:00",
    "1.0.0",
    "2.5.259",
]
TEXTS += ["&amp;", "<x/>", "</r:value>", "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.999.72.0", "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.-12.72.0", "E-1001"]
ANY = {"channels": [{"meter": meter, "reading_type": ".".join("*" * 18), "point": f"{meter}.x"} for meter in ("E-1001", "W-7", "G-3")]}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.sampled_from(CELLS), min_size=1, max_size=6), max_size=6), st.booleans(), st.sampled_from(MAPPINGS))
def test_any_table_is_read_or_refused_with_a_sentence(table: list[list[str]], headed: bool, keys: dict[str, object]) -> None:
    mapping = Mapping.model_validate({"quantity": "volume_register_m3", **keys})
    lines = (["time_utc,t,id,v,s,u"] if headed else []) + [",".join(row) for row in table]
    try:
        rows = read_rows("x.csv", "\n".join(lines).encode(), mapping)
        as_blocks(rows, timedelta(seconds=mapping.step_s), "x.csv")
    except PenstockError:
        return
    assert not rows.duplicated(["point_id", "quantity", "time_utc"]).any()
    assert (rows["value"].isna() == (rows["quality"] & 0xFF == 0)).all()


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["intervals.xml", "registers.xml"]),
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from(TEXTS)), min_size=1, max_size=4),
)
def test_any_message_is_read_or_refused_with_a_sentence(name: str, changes: list[tuple[float, str]]) -> None:
    parts = re.split(r'(>[^<]*<|"[^"]*")', sample(name).decode())
    for where, text in changes:
        place = math.floor(where * (len(parts) - 1))
        parts[place] = f">{text}<" if parts[place].startswith(">") else f'"{text}"' if parts[place].startswith('"') else parts[place]
    try:
        rows = read_messages("x.xml", "".join(parts).encode(), Messages.model_validate({**ANY, "others": "leave"}))
    except PenstockError:
        return
    assert (rows["value"].isna() == (rows["quality"] & 0xFF == 0)).all()


@pytest.mark.parametrize("text", ["1_000", "١٢", "0x10", "1,5", "--1"])
def test_what_only_python_takes_for_a_number_is_none(text: str) -> None:
    content = sample("registers.xml").replace(b"6519.0955", text.encode())
    with pytest.raises(PenstockError, match="a number"):
        read_messages("x.xml", content, Messages.model_validate({**ANY, "others": "leave"}))
