"""Which city file a run was made with: its hash, who changed it last, and how it differs from that of the run before."""

import difflib
import pwd
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Engine, select

from service import schema as t
from service.settings import LoadedCity

MOST_LINES = 400  # of a difference
GIT_S = 10.0


class Configured(NamedTuple):
    """What the record of a run says of its city file; `changed` is a unified difference, None for a first run, empty for the same file."""

    config_hash: str
    author: str
    changed: str | None
    text: str

    def keep(self, connection: Connection) -> None:
        """Keep the file's text with the first run that it was used for."""
        known = select(t.config_version.c.config_hash).where(t.config_version.c.config_hash == self.config_hash)
        if connection.execute(known).first() is None:
            row = {"config_hash": self.config_hash, "seen_utc": datetime.now(UTC), "author": self.author, "text": self.text}
            connection.execute(t.config_version.insert().values(**row))


def configured(city: LoadedCity, engine: Engine) -> Configured:
    """What the city file of a run that begins now is."""
    path = city.environment.city_file
    text = city.environment.content.decode("utf-8")  # what the hash is of, also when the file was edited since
    newest = select(t.run.c.config_hash).where(t.run.c.city == city.settings.city.id).order_by(t.run.c.run_id.desc()).limit(1)
    with engine.connect() as connection:
        former = connection.execute(newest).scalar()
        row = connection.execute(select(t.config_version).where(t.config_version.c.config_hash == former)).first() if former else None
    changed = "" if former == city.config_hash else _difference(row.text, text, str(former), city.config_hash) if row is not None else None
    return Configured(city.config_hash, author(path)[:120], changed, text)


def author(path: Path) -> str:
    """Who committed the file last, where it lies in a git repository as it was committed; else who owns it."""
    path = path.resolve()  # a link may have another name than the file in the repository
    folder = path.parent
    if _git(folder, "diff", "--quiet", "HEAD", "--", path.name) is not None and (
        name := _git(folder, "log", "-1", "--format=%an", "--", path.name)
    ):
        return name
    try:
        return pwd.getpwuid(path.stat().st_uid).pw_name
    except (KeyError, OSError):
        return ""


def _git(folder: Path, *words: str) -> str | None:
    """What git says there; None where it fails or is not there."""
    try:
        told = ["git", *words]  # of whoever runs the night, by its PATH; our words and a file's name, no shell
        done = subprocess.run(told, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=GIT_S, check=False)  # noqa: S603 - see above
    except (OSError, subprocess.TimeoutExpired):
        return None
    # A name that is not in UTF-8, as an old history may hold it, costs the night nothing.
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None


def _difference(old: str, new: str, former: str, now: str) -> str:
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), former[:12], now[:12], lineterm="", n=2))
    more = [f"... and {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
    return "\n".join([*lines[:MOST_LINES], *more])
