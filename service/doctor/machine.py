"""The machine: disk, clock, solver, fonts, certificates."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from city.problems import PenstockError, Problem, fault
from service.doctor import clock, growth
from service.doctor.check import Check, Patient
from service.metrics.machine import end_of
from service.settings import LoadedCity

FREE_BYTES = 2_000_000_000
NIGHTS = 30  # that the disk must have room for
FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "C:/Windows/Fonts", "/Library/Fonts")
SOLVER_S = 30.0
SOLVED = "solved 1"  # what `optimisation.trial` says


def checks(patient: Patient) -> Iterator[Check]:
    yield Check("disk", lambda: disk(patient))
    if not patient.station:
        yield Check("clock", lambda: clock.examine(patient))
    yield Check("solver", solver, slow=True)
    yield Check("fonts", lambda: fonts(FONTS))
    city = patient.city
    if city is not None and city.settings.metrics.certificates:
        yield Check("certificates", lambda: certificates(city, patient.now_utc))


def disk(patient: Patient) -> str:
    """Two gigabytes are free, and what the nights to come will write."""
    folder = patient.env.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        observed = error.strerror or "cannot be made"
        raise fault(f"data folder {folder}", observed, "a folder that can be written", "Set PENSTOCK_HOME to such a folder.") from None
    if free < FREE_BYTES:
        raise fault(f"disk of {folder}", f"{free / 1e9:.1f} GB free", "2 GB or more", "Free some space before the next night.")
    try:
        per_night = 0 if patient.station else growth.bytes_per_night(patient.engine)
    except PenstockError:  # that there is no database is told by its own check
        per_night = 0
    if free < NIGHTS * per_night:
        observed = f"{free / 1e9:.1f} GB free; a night and its day write {per_night / 1e9:.2f} GB"
        remedy = "Free some space, shorten [night] hot_days, or set PENSTOCK_HOME to a larger disk."
        raise fault(f"disk of {folder}", observed, f"room for {NIGHTS} nights", remedy)
    lasts = f"; a night and its day write {per_night / 1e6:,.1f} MB" if per_night else ""
    return f"{free / 1e9:.0f} GB free{lasts}"


def solver(words: tuple[str, ...] = ("-m", "optimisation.trial"), seconds: float = SOLVER_S) -> str:
    """HiGHS solves a problem with integers, in a process of its own: one that hangs or crashes takes nothing with it."""
    try:
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=seconds, check=False)  # noqa: S603 - our own module
    except subprocess.TimeoutExpired:
        remedy = "Look at the machine's load; reinstall highspy if it stays so."
        raise fault("solver", f"no answer within {seconds:g} s", "a small problem solved", remedy) from None
    said = done.stdout.strip()
    if done.returncode or not said.startswith(SOLVED):
        last = (done.stderr.strip() or said or "nothing").splitlines()[-1][:200]
        raise fault("solver", f"exit code {done.returncode}: {last}", "a small problem solved", "Reinstall highspy for this machine.")
    return said


def fonts(folders: tuple[str, ...]) -> str:
    """Chinese has type to be shown in."""
    for folder in map(Path, folders):
        found = next(folder.rglob("*CJK*"), None) if folder.exists() else None
        if found:
            return found.name
    raise fault("fonts", "none with Chinese characters", "a CJK font for the Chinese console", "Install fonts-noto-cjk on the station.")


def certificates(city: LoadedCity, now_utc: datetime) -> str:
    """None of those that are watched ends soon."""
    settings, problems, ends = city.settings.metrics, list[Problem](), []
    for name in settings.certificates:
        try:
            end = end_of(city.beside / name)
        except PenstockError as error:
            problems += error.problems
            continue
        ends.append(end)
        if end - now_utc < timedelta(days=settings.certificate_days):
            word = "ended" if end <= now_utc else "ends"
            allowed = f"{settings.certificate_days} days or more left"
            problems.append(
                Problem(
                    f"certificate {name}", f"{word} on {end:%Y-%m-%d %H:%M} UTC", allowed, "Have it renewed and restart what serves it."
                )
            )
    if problems:
        raise PenstockError(problems)
    return f"{len(ends)}, the first ends on {min(ends):%Y-%m-%d}"
