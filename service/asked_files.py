"""Files that a person asked a command to write."""

from pathlib import Path
from typing import TYPE_CHECKING

from city.problems import fault

if TYPE_CHECKING:
    import pandas as pd


def write(path: Path, text: str) -> None:
    """Write text, ended by a line break. Raises `PenstockError` where the file cannot be written."""
    try:
        path.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise fault(str(path), error.strerror or str(error), "a file that can be written", "Check its name and rights.") from None


def write_table(path: Path, frame: "pd.DataFrame") -> None:
    """Write a table as CSV without its index, no cell of which a spreadsheet runs. Raises `PenstockError` as `write` does."""
    from city.spreadsheets import neutral_frame

    write(path, neutral_frame(frame).to_csv(index=False, lineterminator="\n"))
