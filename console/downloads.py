"""Tables as CSV files that a spreadsheet opens as text and numbers, never as formulas."""

import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # the wide ones run in an East Asian spreadsheet


def csv(frame: pd.DataFrame) -> bytes:
    """A frame as CSV with a byte order mark, so that spreadsheets read Chinese; times as they are in the frame, which is UTC.

    A text or a column's name that a spreadsheet would run as a formula (it begins with = + - @, also in their wide forms, a tab or a
    line end) gets an apostrophe before it.
    Numbers stay numbers. Reference: OWASP, CSV Injection.
    """
    safe = frame.copy()
    for place, (_, values) in enumerate(frame.items()):
        if not pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_datetime64_any_dtype(values):
            safe.isetitem(place, [_plain(value) for value in values])
    safe.columns = pd.Index([_plain(name) for name in safe.columns])
    return safe.to_csv(index=False).encode("utf-8-sig")


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
