"""`penstock backup --into FOLDER`: a backup named by its time, then as many of the old ones as the rule keeps, and no more.

Only a backup that was read through just now, and is whole, stands for its day, week or month. One that is damaged stays, is told, and keeps
nothing else from staying. The newest whole one always stays. What is deleted first loses its name, so that half a backup never has one.
"""

import re
import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from city.problems import PenstockError, Problem, fault
from service.environment import Environment
from service.keeping import backup
from service.keeping.settings import Keep
from service.one_process import lock

_STAMP = "%Y%m%dT%H%M%SZ"


def rotate(env: Environment, folder: Path, keep: Keep, now_utc: datetime) -> tuple[list[str], list[Problem]]:
    """Make the backup of `now_utc` in `folder` and take away what `keep` does not keep. Returns what was done, and what is damaged there.

    Run again for the same moment it finds that backup whole and goes on with the rest. Raises `PenstockError` as `back_up` does.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise fault(f"folder {folder}", error.strerror or str(error), "a folder that can be written", "Correct --into.") from None
    made, at_utc = folder / name(env.city_id, now_utc), now_utc.replace(microsecond=0)
    with lock(folder, "backup"):
        told = [backup.back_up(env, made, at_utc)]
        whole, problems = _whole(backups(folder, env.city_id))
        if made not in {path for _, path in whole}:
            raise PenstockError(problems)  # the disk does not keep what it is given: nothing is deleted in favour of it
        kept = stays([at for at, _ in whole], keep)
        gone = [path for at, path in whole if at not in kept and path != made]
        try:
            for path in [*gone, *_halves(folder, env.city_id)]:
                _take_away(path)
        except OSError as error:
            problems.append(
                Problem(f"backup {path}", f"cannot be deleted: {error.strerror or error}", "a folder that can be written", "Delete it.")
            )
    told += [f"{path}: deleted, a newer one stands for its day, week and month" for path in gone]
    return [*told, f"{len(whole) - len(gone)} whole backups in {folder}"], problems


def name(city: str, at_utc: datetime) -> str:
    return f"{city}-{at_utc.astimezone(UTC).strftime(_STAMP)}"


def backups(folder: Path, city: str) -> list[tuple[datetime, Path]]:
    """The backups of a city in `folder` by their names, the newest first."""
    named = re.compile(re.escape(city) + r"-(\d{8}T\d{6}Z)")
    found = [(match.group(1), path) for path in folder.iterdir() if (match := named.fullmatch(path.name)) and path.is_dir()]
    return sorted(((datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC), path) for stamp, path in found), reverse=True)


def stays(times_utc: Iterable[datetime], keep: Keep) -> set[datetime]:
    """Which of the backups of these times stay: the newest of each of the last days, weeks and months that have one, and the newest of all.

    Days, ISO weeks and months are those of UTC.
    """
    newest_first = sorted(times_utc, reverse=True)
    kept = set(newest_first[:1])
    for count, slot in (
        (keep.daily, lambda at: at.date()),
        (keep.weekly, lambda at: at.isocalendar()[:2]),
        (keep.monthly, lambda at: (at.year, at.month)),
    ):
        first: dict[object, datetime] = {}
        for at in newest_first:
            first.setdefault(slot(at), at)
        kept |= set(list(first.values())[:count])
    return kept


def _whole(found: Sequence[tuple[datetime, Path]]) -> tuple[list[tuple[datetime, Path]], list[Problem]]:
    whole, problems = list[tuple[datetime, Path]](), list[Problem]()
    for at, path in found:
        try:
            backup.verified(path)
            whole.append((at, path))
        except PenstockError as error:
            problems += error.problems
    return whole, problems


def _halves(folder: Path, city: str) -> list[Path]:
    """What a killed backup, or a killed deletion, left: none of another process, since this one holds the folder's lock."""
    named = re.compile(re.escape(city) + r"-\d{8}T\d{6}Z\.part")
    return [path for path in folder.iterdir() if named.fullmatch(path.name)]


def _take_away(path: Path) -> None:
    half = path if path.suffix == ".part" else path.with_name(f"{path.name}.part")
    if half != path:
        shutil.rmtree(half, ignore_errors=True)
        path.rename(half)
    shutil.rmtree(half)
