"""Files that a person asked a command to write."""

from pathlib import Path

from city.problems import fault


def write(path: Path, text: str) -> None:
    """Write text, ended by a line break. Raises `PenstockError` where the file cannot be written."""
    try:
        path.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise fault(str(path), error.strerror or str(error), "a file that can be written", "Check its name and rights.") from None
