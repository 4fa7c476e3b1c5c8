"""Cells that a spreadsheet shows as text and never runs: what every CSV and workbook that leaves the house goes through.

Reference: OWASP, CSV Injection. Numbers and times are left alone; a text keeps every character but a return, which becomes a
line feed (writers of CSV quote that one); an apostrophe is put before the character that would begin a formula.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # the wide ones run in an East Asian spreadsheet
# Where a comma is the decimal sign a spreadsheet splits lines at semicolons, in spite of quotes in their middle: what stands behind one
# would begin a cell.
_WITHIN = re.compile(r"(?<=[;|\t\r\n])(?=[=+\-@＝＋－＠])")


def neutral(text: str) -> str:
    """The text with an apostrophe before each place where a spreadsheet would begin a formula."""
    text = _WITHIN.sub("'", text.replace("\r\n", "\n").replace("\r", "\n"))
    return f"'{text}" if text.startswith(STARTS) else text


def neutral_frame(frame: "pd.DataFrame") -> "pd.DataFrame":
    """A copy of `frame` whose texts and column names are `neutral`; numbers and times as they are."""
    import pandas as pd

    safe = frame.copy()
    for place, (_, values) in enumerate(frame.items()):
        if not pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_datetime64_any_dtype(values):
            safe.isetitem(place, [neutral(value) if isinstance(value, str) else value for value in values])
    safe.columns = pd.Index([neutral(name) if isinstance(name, str) else name for name in frame.columns], name=frame.columns.name)
    return safe
