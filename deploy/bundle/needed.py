"""The part of requirements.lock that Penstock needs to run with every extra: without what only its developers need.

Which package needs which is read from what is installed here, so run it in the environment that `make venv` made from the same lock.
"""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

DEVELOPERS = {"dev"}  # extras of pyproject.toml that stay at home


def needed(project: Path) -> set[str]:
    """Canonical names of all packages that Penstock and its extras need, down to the last. `project`: pyproject.toml."""
    told = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    extras = [text for name, listed in told["optional-dependencies"].items() if name not in DEVELOPERS for text in listed]
    waiting = [Requirement(text) for text in (*told["dependencies"], *extras)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        one = waiting.pop()
        for extra in ("", *one.extras):
            if (key := (str(canonicalize_name(one.name)), extra)) not in seen:
                seen.add(key)
                waiting += _of(key[0], extra)
    return {name for name, _ in seen}


def _of(name: str, extra: str) -> Iterator[Requirement]:
    try:
        listed = requires(name) or []
    except PackageNotFoundError:
        raise SystemExit(f"{name} is needed and not installed here: run `make venv` first") from None
    for text in listed:
        one = Requirement(text)
        asked = one.marker is None or one.marker.evaluate({"extra": extra})
        if asked and (not extra or (one.marker is not None and not one.marker.evaluate({"extra": ""}))):
            yield one


def locked(lock: str) -> dict[str, str]:
    """{canonical name: its lines in a lock with hashes}."""
    parts = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)
    return {str(canonicalize_name(re.split(r"[=\[; ]", part, maxsplit=1)[0])): part for part in parts if re.match(r"[A-Za-z0-9]", part)}


def part(project: Path, lock: str) -> str:
    """The lines of `lock` that are needed, in their order. Ends the program where one is not locked."""
    lines, names = locked(lock), needed(project)
    if lost := sorted(names - lines.keys()):
        raise SystemExit(f"not in requirements.lock: {', '.join(lost)}; run `make lock`")
    return "".join(text if text.endswith("\n") else f"{text}\n" for name, text in lines.items() if name in names)
