"""Sets of factors: one CSV, and beside it a manifest of the same name that says where its numbers are from.

A manifest is a small TOML file. It describes the whole set, and groups of rows by patterns of their ids where they differ:
one announcement after the other in one table, an interval for each fuel.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from carbon.factors.factor import Basis, Factor
from carbon.factors.reading import csv_files, factor_of, read_csv, read_text
from city.problems import PenstockError, Problem, fault

SHIPPED = Path(__file__).parent


class About(BaseModel):
    """What a manifest says of rows: every key may be left out, and is unknown then."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    basis: Basis | None = Field(default=None, description="what kind of number it is")
    published: date | None = Field(default=None, description="day of publication")
    interval: tuple[Decimal, Decimal] | None = Field(
        default=None, description="lower and upper limit of the 95 % interval [unit of the value]"
    )
    uncertainty_percent: Decimal | None = Field(default=None, ge=0, description="half-width of the 95 % interval [% of the value]")
    uncertainty_source: str | None = Field(default=None, description="where interval or half-width is published")

    def half_width_percent(self, value: Decimal) -> Decimal | None:
        """Half-width of the 95 % interval [% of the value]; of a lopsided one the wider side (IPCC 2006 vol. 1 ch. 3)."""
        if self.interval is None or not value:
            return self.uncertainty_percent
        low, high = self.interval
        if not low <= value <= high:
            raise fault(
                "interval of a manifest", f"{low} to {high}", f"limits around {value}", "Correct the limits, or the pattern of ids."
            )
        return (max(value - low, high - value) / value * 100).quantize(Decimal("0.1"))

    @model_validator(mode="after")
    def _in_order(self) -> "About":
        if self.interval and (self.interval[0] > self.interval[1] or self.uncertainty_percent is not None):
            raise ValueError("interval: lower limit, then upper limit, and no uncertainty_percent beside it")
        return self


class Rows(About):
    """What holds for some rows: the first group with a matching pattern that has a key gives it."""

    ids: tuple[str, ...] = Field(min_length=1, description="ids, or patterns of ids with *")

    def matches(self, factor_id: str) -> bool:
        return any(fnmatchcase(factor_id, pattern) for pattern in self.ids)


class Manifest(About):
    """The manifest of a set."""

    title: str = Field(min_length=1, description="the set in one line")
    publisher: str = Field(min_length=1, description="who publishes the numbers")
    licence: str = Field(min_length=1, description="terms under which they may be used")
    rows: tuple[Rows, ...] = Field(default=(), description="groups of rows that differ from the set")

    def patterns_without(self, ids: Iterable[str]) -> list[str]:
        """Patterns that match none of the ids: a slip of the pen would leave rows without what it says."""
        held = tuple(ids)
        return [pattern for rows in self.rows for pattern in rows.ids if not any(fnmatchcase(name, pattern) for name in held)]

    def about(self, row: dict[str, str]) -> dict[str, object]:
        """Basis, publication day and interval of one row, as fields of a `Factor`; the row's own group before the set."""
        levels = (*(rows for rows in self.rows if rows.matches(row["id"])), self)
        told = {name: next((v for one in levels if (v := getattr(one, name)) is not None), None) for name in About.model_fields}
        width = next((w for one in levels if (w := one.half_width_percent(Decimal(row["value"]))) is not None), None)
        return {
            "basis": told["basis"] or "unstated",
            "published": told["published"],
            "uncertainty_percent": width,
            "uncertainty_source": (told["uncertainty_source"] or "") if width is not None else "",
        }


@dataclass(frozen=True, slots=True)
class FactorSet:
    """The factors of one CSV. Its hash, hex, is over every word of the manifest and every row; the order of rows does not matter."""

    name: str
    title: str
    publisher: str
    licence: str
    sha256: str
    factors: tuple[Factor, ...]
    shipped: bool


def _hash(name: str, manifest: Manifest, factors: Iterable[Factor]) -> str:
    rows = sorted([factor.id, factor.sha256] for factor in factors)
    text = json.dumps([name, manifest.model_dump(mode="json"), rows], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _manifest(csv_file: Path) -> Manifest:
    """The manifest beside a CSV; without one, nothing is known but its name. Raises `PenstockError` when it cannot be read."""
    path = csv_file.with_suffix(".toml")
    if not path.exists() and not path.is_symlink():
        return Manifest(title=csv_file.stem, publisher="not stated", licence="see each row")
    subject = f"manifest {path.name}"
    try:
        return Manifest.model_validate(tomllib.loads(read_text(path, subject, "a TOML file")))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise fault(subject, str(error)[:160], "a TOML file", "Correct the line.") from None
    except ValidationError as error:
        found = [
            Problem(subject, f"{'.'.join(map(str, e['loc']))}: {e['msg']}", "see docs/factors.md", "Correct the key.")
            for e in error.errors()
        ]
        raise PenstockError(found) from None


def _read_set(path: Path, shipped: bool, problems: list[Problem]) -> FactorSet:
    """One CSV and its manifest; faulty rows are left out and told in `problems`. Raises `PenstockError` when it is no set at all."""
    manifest = _manifest(path)
    made: list[Factor] = []
    held = list(read_csv(path))
    for pattern in manifest.patterns_without(row["id"] for _, row in held):
        problems.append(Problem(f"manifest {path.stem}.toml", f"'{pattern}' matches no id", "ids of the CSV beside it", "Correct it."))
    for place, row in held:
        try:
            factor_of(place, row, {})  # the row itself first, so that its faults are told as its own
            made.append(factor_of(place, row, manifest.about(row) | {"set_name": path.stem}))
        except PenstockError as error:
            problems.extend(error.problems)
    sha256 = _hash(path.stem, manifest, made)
    return FactorSet(path.stem, manifest.title, manifest.publisher, manifest.licence, sha256, tuple(made), shipped)


def load_sets(folders: Sequence[Path] = ()) -> tuple[FactorSet, ...]:
    """The shipped sets and those of `folders`. Raises `PenstockError` with every fault of every set at once."""
    sets: list[FactorSet] = []
    problems: list[Problem] = []
    for folder in (SHIPPED, *folders):
        paths = csv_files(folder)
        problems.extend(_orphans(folder, paths))
        for path in paths:
            try:
                sets.append(_read_set(path, folder == SHIPPED, problems))
            except PenstockError as error:
                problems.extend(error.problems)
    problems.extend(_collisions(sets))
    if problems:
        raise PenstockError(problems)
    return tuple(sets)


def _orphans(folder: Path, paths: Iterable[Path]) -> Iterable[Problem]:
    """Manifests without a set: what they say would be lost without a word."""
    stems = {path.stem for path in paths}
    for path in sorted(folder.glob("*.toml")):
        if path.stem not in stems:
            near = f"'{path.stem}.csv', letter for letter" if path.stem.casefold() in map(str.casefold, stems) else f"{path.stem}.csv"
            yield Problem(f"manifest {path.name}", "no set of its name", near, "Give both files one name, or remove the manifest.")


def _collisions(sets: Iterable[FactorSet]) -> Iterable[Problem]:
    """One id with two numbers, so that a city's row never takes the place of a shipped one; the same number twice is no fault.

    Ids that differ in capitals alone are one id to whoever reads them.
    """
    kept: dict[str, Factor] = {}
    for factor in (factor for one in sets for factor in one.factors):
        before = kept.setdefault(factor.id.casefold(), factor)
        if before.id != factor.id:
            yield Problem(f"factor '{factor.id}' ({factor.set_name}.csv)", f"beside '{before.id}'", "ids that differ by more", "Rename it.")
        elif before.number() != factor.number():
            observed = f"{factor.value} {factor.unit} and {before.value} {before.unit}"
            yield Problem(f"factor '{factor.id}' ({factor.set_name}.csv)", observed, "one number per id", "Give a new number a new id.")


def load(folders: Sequence[Path] = ()) -> tuple[Factor, ...]:
    """The shipped factors and those of `folders`, in id order.

    An id may be repeated only with the same number (a coefficient quoted in two tables); the first is kept. Raises
    `PenstockError` with every fault: an unverified row, an unknown unit or region, a value that is no number, two numbers of one id.
    """
    kept: dict[str, Factor] = {}
    for one in load_sets(folders):
        for factor in one.factors:
            kept.setdefault(factor.id, factor)
    return tuple(kept[name] for name in sorted(kept))
