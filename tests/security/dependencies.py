"""What can be said offline about the packages we stand on: `python -m tests.security.dependencies`, a step of `make lint`.

It compares requirements.lock with the advisories in advisories.toml (kept by hand), with what is installed, and with the licences that
may be shipped. It cannot know an advisory that nobody wrote down: docs/security.md says what that means.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
LOCK, ADVISORIES = ROOT / "requirements.lock", Path(__file__).with_name("advisories.toml")
EXEMPT = {"pip", "setuptools", "penstock"}  # what makes the environment, and ourselves
OLD_DAYS = 90  # a list that nobody has looked at for longer is told to be old

PERMISSIVE = (
    r"(Revised |New )?BSD( License)?|BSD-[23]-Clause|3-Clause BSD License|0BSD|MIT(-0|-CMU)?( License)?|ISC( License ISCL)?|Zlib|CC0-1\.0"
    r"|Apache-2\.0( WITH LLVM-exception)?|Apache( Software)? License( 2\.0)?|PSF-2\.0|Python Software Foundation License|OFL-1\.1"
    r"|(OSI|DFSG) [Aa]pproved|The MIT License MIT|dependency licenses"
)
SHARED = {  # licences that ask something of who changes the package: used unchanged, as packages of their own
    r"MPL-2\.0|Mozilla Public License 2\.0 MPL 2\.0": "a changed file of the package must stay open; we change none",
    r"LGPL-3\.0-only": "used as a package of its own that anybody can replace; we change none",
}


@dataclass(frozen=True)
class Locked:
    """One package of the lock."""

    name: str
    version: str
    hashes: int


def locked(text: str) -> tuple[list[Locked], list[str]]:
    """The packages of a lock, and a sentence for every line that pip would take from anywhere but a pinned release of the index."""
    found, faults = [], []
    for line in text.replace("\\\n", " ").splitlines():
        bare = line.split(" --hash=")[0].strip()
        if not bare or bare.startswith("#"):
            continue
        if bare.startswith("-"):
            faults.append(f"'{bare}' is an option of pip: the lock names packages only, never an index or a file to read.")
            continue
        try:
            asked = Requirement(bare)
        except InvalidRequirement:
            faults.append(f"'{bare}' is no requirement.")
            continue
        pins = [one.version for one in asked.specifier if one.operator == "==" and not one.version.endswith("*")]
        if asked.url or len(pins) != 1 or len(list(asked.specifier)) != 1:
            faults.append(f"'{bare}' is not pinned to one release of the index: write {asked.name}==VERSION.")
            continue
        found.append(Locked(canonicalize_name(asked.name), pins[0], len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", line))))
    faults += [f"{one.name} {one.version} has no sha256 hash: make the lock anew with `make lock`." for one in found if not one.hashes]
    names = [one.name for one in found]
    return found, faults + [f"{name} stands in the lock more than once." for name in sorted({n for n in names if names.count(n) > 1})]


def affected(packages: Iterable[Locked], advisories: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A sentence for every package of a release that an advisory is about."""
    versions = {one.name: one.version for one in packages}
    for advisory in advisories:
        version = versions.get(advisory["package"])
        if version is not None and Version(version) < Version(advisory["fixed_in"]):
            told = f"{advisory['id']}: {advisory['text']}"
            yield f"{advisory['package']} {version} is affected by {told}. Raise it to {advisory['fixed_in']} or later and `make lock`."


def differing(packages: Iterable[Locked], installed: Mapping[str, str]) -> Iterator[str]:
    """A sentence for every package that is installed and not locked, or in another version. What is locked and absent is an extra."""
    versions = {one.name: one.version for one in packages}
    for name, version in sorted(installed.items()):
        if name in EXEMPT:
            continue
        if name not in versions:
            yield f"{name} {version} is installed and not in requirements.lock: uninstall it, or add it to pyproject.toml and `make lock`."
        elif Version(version) != Version(versions[name]):
            yield f"{name} {version} is installed, requirements.lock says {versions[name]}: make the environment anew with `make venv`."


def acceptable(licence: str) -> bool:
    """Whether a licence, as a package states it (an SPDX expression or trove classifiers), may be used here: one of each OR, every AND."""
    known = re.compile("|".join((PERMISSIVE, *SHARED)))
    ways = re.split(r"\s+OR\s+", re.sub(r"[()]", "", licence).strip())
    return any(all(known.fullmatch(term.strip()) for term in re.split(r"\s+(?:AND|and)\s+|[;,]", way)) for way in ways)


def licence_of(package: metadata.Distribution) -> str:
    """What an installed package says of its licence: expression, classifiers, its field, or else the first line of its licence file."""
    stated: Any = package.metadata
    if stated.get("License-Expression"):
        return str(stated["License-Expression"])
    classes = [text.split(" :: ")[-1] for text in stated.get_all("Classifier") or () if text.startswith("License ::")]
    if classes:
        return "; ".join(classes)
    field = str(stated.get("License") or "").strip()
    if field:
        return field.splitlines()[0]
    for file in package.files or ():
        if "licen" in file.name.lower():
            return file.read_text().strip().splitlines()[0].strip()
    return "none stated"


def audit() -> tuple[list[str], list[str]]:
    """Faults, and what was found otherwise, of this checkout and this environment."""
    known = tomllib.loads(ADVISORIES.read_text(encoding="utf-8"))
    packages, faults = locked(LOCK.read_text(encoding="utf-8"))
    there = {canonicalize_name(one.metadata["Name"]): one for one in metadata.distributions()}
    faults += affected(packages, known["advisory"])
    faults += differing(packages, {name: one.version for name, one in there.items()})
    licences = {name: licence_of(one) for name, one in there.items() if name != "penstock"}
    remedy = "Leave the package out, or add the licence to PERMISSIVE or SHARED with the reason."
    faults += [f"{name} is under '{licence}'. {remedy}" for name, licence in sorted(licences.items()) if not acceptable(licence)]
    looked: date = known["looked_at_on"]
    age = (date.today() - looked).days  # noqa: DTZ011 - a calendar day of a list
    told = [
        f"{len(packages)} packages locked, each with its hashes; {len(licences)} installed, none beside the lock.",
        f"{len(known['advisory'])} advisories of a list kept by hand, last looked at on {looked}: newer ones are not known here.",
    ]
    shared = {name: text for name, text in licences.items() if any(re.search(one, re.sub(r"[()]", "", text)) for one in SHARED)}
    told.append(
        "Licences that ask something of who changes the package: " + ", ".join(f"{n} ({text})" for n, text in sorted(shared.items()))
    )
    if age > OLD_DAYS:
        told.append(f"That list is {age} days old: read the advisories of each package again and set looked_at_on.")
    return faults, told


def main() -> int:
    """Print what was found; 1 where something is wrong."""
    faults, told = audit()
    sys.stdout.write("".join(f"dependencies: {line}\n" for line in (*faults, *(told if not faults else told[1:2]))))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
