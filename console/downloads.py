"""Tables as CSV files that a spreadsheet opens as text and numbers, never as formulas."""

import pandas as pd

from city.spreadsheets import neutral_frame


def csv(frame: pd.DataFrame) -> bytes:
    """A frame as CSV with a byte order mark, so that spreadsheets read Chinese; times as they are in the frame, which is UTC.

    What a spreadsheet would run as a formula gets an apostrophe before it (`city.spreadsheets`). Numbers stay numbers.
    """
    return neutral_frame(frame).to_csv(index=False).encode("utf-8-sig")
