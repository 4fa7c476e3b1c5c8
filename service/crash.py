"""An unforeseen error: the traceback goes to a file for the engineers, one sentence goes to the operator.

The files are for their owner alone, without the secrets that `service.redaction` finds, and never more than the newest KEPT: an error
that comes again and again, or that somebody outside provokes, must not fill the disk.
"""

import os
import secrets
import tempfile
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from service.environment import Environment
from service.redaction import redacted

KEPT = 200  # crash files of a folder, the newest
MOST = 256 * 1024  # characters of one; the end of a traceback says most
_NAMES = "error-[0-9]*T[0-9]*.txt"


def keep(error: BaseException, environment: Environment | None = None) -> str:
    """Write the traceback below the data folder of the command's city (or the temporary folder) and return the sentence to show."""
    text = redacted(_end("".join(traceback.format_exception(error))))[-MOST:]
    try:
        folder = (environment or Environment()).folder
        folder.mkdir(parents=True, exist_ok=True)
        path = _written(folder, text)
    except Exception:
        path = _written(Path(tempfile.gettempdir()), text)
    told = f"penstock met an error it did not foresee ({type(error).__name__}); details for its engineers are in {path}."
    return f"{told} `penstock status` says what is stored; every command may be started again."


def _end(text: str) -> str:
    """The last whole lines of a text, as many as may become MOST characters: a line cut in half could hide what a secret looks like."""
    return text if len(text) <= 2 * MOST else text[-2 * MOST :].partition("\n")[2] or text[-2 * MOST :]


def _written(folder: Path, text: str) -> Path:
    """A new file of its owner alone, whose name nobody can guess and put a link in its place beforehand; then the oldest go."""
    path = folder / f"error-{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}.txt"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    _forget(folder)
    return path


def _forget(folder: Path) -> None:
    """Remove our crash files but the newest KEPT; their names sort by time. Another process may be doing the same."""
    mine = sorted(path for path in folder.glob(_NAMES) if not path.is_symlink())
    for path in mine[:-KEPT]:
        with suppress(OSError):
            path.unlink()
