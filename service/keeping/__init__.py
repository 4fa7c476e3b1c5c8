"""What a city cannot make again, kept: backups with rotation, restore, upgrade and the way back. Light: `status` asks it for an age."""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from city.problems import fault
from service.environment import Environment

SUMS, MANIFEST, LAST = "SHA256SUMS", "manifest.json", "last_backup.json"
OLD_HOURS = 26.0  # where [backup] says nothing: a day, and two hours for a night that took longer
AHEAD = timedelta(hours=1)  # that another machine's clock may be


@dataclass(frozen=True)
class Newest:
    """The newest backup this machine knows of: where it lies, of when it is, how old that is [h], and whether that is too old."""

    folder: Path
    made_at_utc: datetime
    hours: float
    old: bool

    @property
    def told(self) -> str:
        return f"backup {self.folder} of {self.made_at_utc:%Y-%m-%d %H:%M} UTC, {self.hours:,.0f} h old"


def age(env: Environment, now_utc: datetime) -> Newest | None:
    """The newest backup, of those in [backup] into and the last one that was made from here; None when there is none to be found.

    It says that a whole folder is there, as `penstock backup` left it; that every byte of it is right only `verified` can say.
    """
    section = env.raw.get("backup")
    given: dict[str, Any] = section if isinstance(section, dict) else {}
    found = [one for folder in _folders(env, given) if (one := _made(folder, env.city_id)) is not None]
    if not found:
        return None
    # One that a clock made which was ahead would hide for years that none is made any more.
    made, folder = max([one for one in found if one[0] <= now_utc + AHEAD] or found)
    hours = (now_utc - made).total_seconds() / 3600
    limit = given.get("old_hours", OLD_HOURS)
    return Newest(folder, made, hours, hours > (limit if isinstance(limit, int | float) else OLD_HOURS))


def _folders(env: Environment, given: dict[str, Any]) -> list[Path]:
    into, folders = given.get("into"), list[Path]()
    if isinstance(into, str) and into:
        with suppress(OSError):  # a disk that is not there has no backup
            folders += (env.folder / into).iterdir()
    with suppress(OSError, ValueError, KeyError, TypeError):
        folders.append(Path(json.loads((env.folder / LAST).read_text(encoding="utf-8"))["folder"]))
    return folders


def _made(folder: Path, city: str) -> tuple[datetime, Path] | None:
    """When the backup in `folder` was made, if it is one of the city, under the name that it gets when it is complete."""
    try:
        if folder.suffix == ".part" or not (folder / SUMS).is_file():
            return None
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        made = datetime.fromisoformat(manifest["made_at_utc"])
        return (made, folder) if manifest["city"] == city and made.tzinfo is not None else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def note(env: Environment, folder: Path) -> None:
    """Remember where the last backup went. Raises `PenstockError` when the home folder cannot be written."""
    half = env.folder / f"{LAST}.part"
    try:
        half.write_text(json.dumps({"folder": str(folder.resolve())}) + "\n", encoding="utf-8")
        half.replace(env.folder / LAST)
    except OSError as error:
        raise fault(
            f"data folder {env.folder}", error.strerror or str(error), "a folder with room that can be written", "Free the disk."
        ) from None
