"""An unforeseen error: the traceback goes to a file for the engineers, one sentence goes to the operator."""

import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from service.environment import Environment


def keep(error: BaseException, environment: Environment | None = None) -> str:
    """Write the traceback below the data folder of the command's city (or the temporary folder) and return the sentence to show."""
    name = f"error-{datetime.now(UTC):%Y%m%dT%H%M%S}.txt"
    text = "".join(traceback.format_exception(error))
    try:
        folder = (environment or Environment()).folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    except Exception:
        folder = Path(tempfile.gettempdir())
        (folder / name).write_text(text, encoding="utf-8")
    told = f"penstock met an error it did not foresee ({type(error).__name__}); details for its engineers are in {folder / name}."
    return f"{told} `penstock status` says what is stored; every command may be started again."
