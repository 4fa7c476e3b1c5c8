"""Emission factors and standard-coal coefficients: immutable, decimal, cited; found exactly once or not at all."""

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from carbon.units import FactorUnit, unit_of
from city.problems import PenstockError, Problem, fault

SHIPPED = Path(__file__).parent
COLUMNS = ("id", "activity", "scope", "gas", "value", "unit", "region", "valid_from", "valid_to", "source", "licence", "status")


class Factor(BaseModel):
    """One published number: what it counts, per what, where, when, and who says so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(description="short name, unique over all sets", min_length=1)
    activity: str = Field(description="what the factor is for", min_length=1)
    scope: str = Field(description="1, 2, 3 of the GHG Protocol; energy, PCF, outside or - where none applies")
    gas: str = Field(description="CO2, CO2e, CH4, ...; - for heat values and coal coefficients")
    value: Decimal = Field(description="as printed in the source [unit]", ge=0, allow_inf_nan=False)
    unit: str = Field(description="unit of the value, one of carbon.units.KNOWN")
    region: str = Field(description="ISO 3166 code, the MEE code of a regional grid (CN-ECG), or GLO", min_length=2)
    valid_from: date | None = Field(default=None, description="first civil day it is for; none: no beginning")
    valid_to: date | None = Field(default=None, description="last civil day it is for; none: until replaced")
    source: str = Field(description="publication, number and date", min_length=1)
    licence: str = Field(description="terms of the source", min_length=1)
    status: str = Field(description="verified: checked against the source")

    @property
    def sha256(self) -> str:
        """Hash of every field, hex: changes when anything about the factor changes."""
        text = "\x1f".join("" if value is None else str(value) for value in (getattr(self, name) for name in COLUMNS))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def meaning(self) -> FactorUnit:
        return unit_of(self.unit, f"factor '{self.id}'")

    @property
    def base_value(self) -> Fraction:
        """The value, exact, in `meaning.counts` per `meaning.per`."""
        return Fraction(self.value) * self.meaning.to_base

    def valid_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)

    def number(self) -> tuple[object, ...]:
        """What may not differ between two rows of one id; the wording of activity and source may."""
        return self.gas, self.value, self.unit, self.region, self.valid_from, self.valid_to

    @property
    def validity(self) -> str:
        return f"{self.valid_from or '...'} to {self.valid_to or '...'}"


def read_rows(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Every row of every CSV of a folder with the place it came from (`file.csv:line`), unchecked, files in name order."""
    if not folder.is_dir():
        raise fault(f"factor folder {folder}", "not found", "a folder of CSV files", "Correct the path.")
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            if lacking := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
                raise fault(f"factor file {path.name}", f"no column {', '.join(lacking)}", ", ".join(COLUMNS), "Add the column.")
            for row in reader:
                yield f"{path.name}:{reader.line_num}", {name: (row[name] or "").strip() for name in COLUMNS}


def _factor(place: str, row: dict[str, str]) -> Factor:
    """One checked factor. Raises `PenstockError` with the place of the row."""
    subject = f"factor '{row['id']}' ({place})"
    if row["status"] != "verified":
        raise fault(subject, f"status '{row['status']}'", "verified", "Check the value against its source, or leave the row out.")
    try:
        # The pattern refuses what Decimal takes but no table prints: underscores, exponents, NaN.
        if not re.fullmatch(r"\d+(\.\d+)?", row["value"]):
            raise InvalidOperation
        values: dict[str, object] = {**row, "value": Decimal(row["value"])}
        for edge in ("valid_from", "valid_to"):
            values[edge] = date.fromisoformat(row[edge]) if row[edge] else None
        made = Factor.model_validate(values)
    except InvalidOperation:
        raise fault(subject, f"value '{row['value']}'", "a plain decimal number, not negative", "Correct the value.") from None
    except ValueError as error:
        raise fault(subject, " ".join(str(error).split())[:200], "dates as YYYY-MM-DD and no empty text", "Correct the row.") from None
    unit_of(made.unit, subject)
    if made.valid_from and made.valid_to and made.valid_to < made.valid_from:
        raise fault(subject, f"valid {made.validity}", "an end after its beginning", "Correct the dates.")
    return made


def load(folders: Sequence[Path] = ()) -> tuple[Factor, ...]:
    """The shipped factors and those of `folders`, in id order.

    An id may be repeated only with the same number (a coefficient quoted in two tables); the first is kept. Raises
    `PenstockError` with every fault: an unverified row, an unknown unit, a value that is no number, two numbers of one id.
    """
    kept: dict[str, Factor] = {}
    problems: list[Problem] = []
    for folder in (SHIPPED, *folders):
        for place, row in read_rows(folder):
            try:
                made = _factor(place, row)
            except PenstockError as error:
                problems.extend(error.problems)
                continue
            before = kept.setdefault(made.id, made)
            if before.number() != made.number():
                observed = f"{made.value} {made.unit} and {before.value} {before.unit}"
                problems.append(Problem(f"factor '{made.id}' ({place})", observed, "one number per id", "Give a new number a new id."))
    if problems:
        raise PenstockError(problems)
    return tuple(kept[name] for name in sorted(kept))


def by_id(factors: Iterable[Factor], factor_id: str) -> Factor:
    """The factor of an id. Raises `PenstockError` with near names."""
    names = []
    for factor in factors:
        if factor.id == factor_id:
            return factor
        names.append(factor.id)
    near = get_close_matches(factor_id, names, 3) or names[:3]
    raise fault(f"factor '{factor_id}'", "not in any set", f"an id such as {', '.join(near)}", "Correct the id, or add the factor.")


def find(factors: Iterable[Factor], *, activity: str, region: str, on: date, unit: str | None = None, gas: str | None = None) -> Factor:
    """The one factor for an activity in a region on a civil day.

    Never falls back to a larger region, another year or another unit. Raises `PenstockError` saying which of activity,
    gas, region, unit and year was not found and what there is, or which factors compete.
    """
    subject = f"factor for '{activity}' in {region} on {on}"
    all_of = tuple(factors)
    left = [f for f in all_of if f.activity.casefold() == activity.casefold()]
    if not left:
        near = get_close_matches(activity, sorted({f.activity for f in all_of}), 3, 0.4)
        raise fault(subject, "unknown activity", f"one of the factor sets', such as {'; '.join(near)}", "Correct the activity.")
    for name, wanted in (("gas", gas), ("region", region), ("unit", unit)):
        if wanted is None:
            continue
        there = sorted({str(getattr(f, name)) for f in left})
        left = [f for f in left if getattr(f, name) == wanted]
        if not left:
            raise fault(subject, f"no factor with {name} '{wanted}'", ", ".join(there), f"Choose a {name} that is published.")
    valid = [f for f in left if f.valid_on(on)]
    if not valid:
        there = sorted(f.validity for f in left)
        raise fault(subject, "no factor is valid on that day", "; ".join(there), "Add the year's published factor; none is carried over.")
    if len(valid) > 1:
        raise fault(subject, f"{len(valid)} factors: {', '.join(f.id for f in valid)}", "exactly one", "Name unit, gas or factor_id.")
    return valid[0]
