"""The files that city.toml names: into a backup, and from there back beside the city file.

Which keys name one the settings say (`city.named_files`). They are read from the TOML itself, so a backup is made also of a city whose
file has a fault elsewhere. What cannot come along - a name that leads out of its folder, a private key, more than the bound - is told.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from pydantic import BaseModel

from city.named_files import Names
from city.problems import PenstockError, Problem, fault
from service.environment import Environment
from service.faults import keys_of, models
from service.settings import Settings
from service.store import cold

MOST_BYTES = 500_000_000  # of all these files together: they are written by people, and each backup that stays holds them anew
CITY, DATA = "city", "data"  # folders of a backup: what lies beside city.toml, and what lies in the data folder
FILES, LEFT_OUT = "files_of_the_city", "left_out"  # in its manifest: {path in the backup: SHA-256}, {name: why}
FORMER = ".replaced"  # behind the name of a file in whose place the backup's came
_PRIVATE_KEY = b"PRIVATE KEY-----"
_PEM_BYTES = 1_000_000  # a key is smaller


class Place(NamedTuple):
    """A file of a backup, and where it belongs."""

    source: Path
    target: Path


def marked(model: type[BaseModel] = Settings, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Names]]:
    """The keys of city.toml that name files, each from the top."""
    for key, field in keys_of(model).items():
        yield from (((*above, key), mark) for mark in field.metadata if isinstance(mark, Names))
        for inner in dict.fromkeys(models(field.annotation)):
            yield from marked(inner, (*above, key))


def named(raw: dict[str, Any]) -> list[tuple[str, str, Names]]:
    """Key, name as it is written, and kind of every file that a city file names."""
    found = {(".".join(key), name, kind): None for key, kind in marked() for name in _texts(raw, key)}
    return list(found)


def _texts(node: Any, key: tuple[str, ...]) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _texts(one, key)
    elif key:
        if isinstance(node, dict):
            yield from _texts(node.get(key[0]), key[1:])
    elif isinstance(node, str) and node:
        yield node


def copy(env: Environment, target: Path) -> dict[str, Any]:
    """Copy what the city file names, its devices and factors to the folders city/ and data/ of a backup; what the manifest says of it."""
    left: dict[str, str] = {}
    room = MOST_BYTES
    folder = env.city_file.parent
    for name in ("devices", "factors"):  # named by models and factor ids, not by path
        room = _copied(folder / name, target / CITY / name, room, left, name) if (folder / name).is_dir() else room
    for key, name, kind in named(env.raw):
        if kind not in (Names.BESIDE, Names.DATA):
            continue
        root, into = (folder, CITY) if kind is Names.BESIDE else (env.folder, DATA)
        if key == "water.network" and not Path(name).suffix:
            continue  # of the library that computes networks
        if not _below(name):
            left[name] = f"{key}: lies outside the city's folder"
        elif not (root / name).exists():
            left[name] = f"{key}: is not there"
        else:
            room = _copied(root / name, target / into / name, room, left, name)
    return {FILES: _hashes(target, CITY) | _hashes(target, DATA), LEFT_OUT: left}


def _below(name: str) -> bool:
    """Is it a name of something in the folder, and not the folder itself?"""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and bool(path.parts)


def _copied(source: Path, target: Path, room: int, left: dict[str, str], name: str) -> int:
    """Copy a file, or the files of a folder; those that may not come are put into `left`. Returns the room [bytes] that is left."""
    for path in [source] if source.is_file() else sorted(one for one in source.rglob("*") if one.is_file()):
        inner = path.relative_to(source)
        told, there = (PurePosixPath(name) / inner.as_posix()).as_posix(), target / inner
        if there.exists():
            continue  # two keys may name the same file
        try:
            with path.open("rb") as file:
                size, head = path.stat().st_size, file.read(_PEM_BYTES)
        except OSError as error:
            left[told] = f"cannot be read: {error.strerror or error}"
            continue
        if size > room:
            left[told] = f"{size / 1e6:,.1f} MB, where {room / 1e6:,.1f} of the {MOST_BYTES / 1e6:,.0f} MB for such files are free"
        elif _PRIVATE_KEY in head:
            left[told] = "holds a private key"
        else:
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, there)
            room -= size
    return room


def _hashes(target: Path, into: str) -> dict[str, str]:
    files = sorted(path for path in (target / into).rglob("*") if path.is_file()) if (target / into).is_dir() else []
    found = {path.relative_to(target).as_posix(): cold.sync(path)[0] for path in files}
    return {name: digest for name, digest in found.items() if name != f"{CITY}/city.toml"}  # restoring that is a person's decision


def told(manifest: dict[str, Any]) -> str:
    """What could not come along, as the end of a backup's sentence."""
    left = manifest.get(LEFT_OUT) or {}
    return f"; not in it: {', '.join(f'{name} ({why})' for name, why in left.items())}" if left else ""


def places(env: Environment, source: Path, manifest: dict[str, Any], replace: bool) -> list[Place]:
    """Where the files of a verified backup go that are not there as they were; none of a backup that has none of them.

    A file of the data folder that is there stays: whoever feeds the city wrote it since. Raises `PenstockError` for a name that leads out
    of its folder, and, unless `replace`, for a file beside city.toml that is there and differs.
    """
    found, problems = list[Place](), list[Problem]()
    for path, digest in (manifest.get(FILES) or {}).items():
        into, _, name = path.partition("/")
        root = env.folder if into == DATA else env.city_file.parent
        place = Place(source / path, root / name)
        if into not in (CITY, DATA) or not _below(name) or not _stays(place.target, root) or not place.source.is_file():
            observed, allowed = f"'{path}' in its manifest", f"files of {CITY}/ and {DATA}/ that stay below {root}"
            problems += fault(f"backup {source}", observed, allowed, "Use another backup.").problems
        elif not place.target.exists():
            found.append(place)
        elif into == CITY and (not place.target.is_file() or cold.sync(place.target)[0] != digest):
            found.append(place)
            if not replace:
                remedy = f"Put yours aside, or give --replace: it is then kept as {place.target.name}{FORMER}."
                problems += fault(str(place.target), "differs from the backup's", "the same file, or none", remedy).problems
    if problems:
        raise PenstockError(problems)
    return found


def _stays(path: Path, root: Path) -> bool:
    return path.resolve().is_relative_to(root.resolve())  # a folder on its way may be a link to elsewhere


def put_back(found: list[Place]) -> str:
    """Copy them to where they belong, each whole or not at all; one that differs stays beside it. Returns the end of a sentence."""
    for place in found:
        try:
            place.target.parent.mkdir(parents=True, exist_ok=True)
            half = place.target.with_name(f"{place.target.name}.part")
            shutil.copyfile(place.source, half)
            cold.sync(half)
            if place.target.exists():
                shutil.copyfile(place.target, place.target.with_name(f"{place.target.name}{FORMER}"))
            half.replace(place.target)
        except OSError as error:
            remedy = f"Copy it there from {place.source}, and restore again."
            raise fault(str(place.target), error.strerror or str(error), "a file that can be written", remedy) from None
    return f"; {len(found)} files of the city put back" if found else ""
