"""Energy attribute certificates: lots of serial numbers, one megawatt-hour each, as a registry lists them."""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from city.places import Place
from city.problems import PenstockError, Problem, fault

WH = 1_000_000  # of one certificate
LARGEST_LOT = 5_000_000  # certificates; a slip of the keyboard must not fill the store
_PLAIN = r"^[^\x00-\x1f\x7f]*$"  # text without control characters: it is printed
_SERIAL = re.compile(r"([A-Z0-9._/\-]*?)([0-9]{1,30})")
_SEPARATORS = str.maketrans("._/", "---")


def _written(serial: object) -> object:
    """A serial number as it is kept: registries and those who copy from them do not agree on capitals."""
    return serial.strip().upper() if isinstance(serial, str) else serial


class Lot(Place):
    """Certificates of one issue with serial numbers in a row; each stands for 1 MWh of one plant in one production period."""

    id: str = Field(description="short name of the lot", pattern=r"^[A-Za-z0-9._-]{1,80}$")
    scheme: Literal["GEC", "REC", "GO", "I-REC"] = Field(description="kind of certificate")
    first: Annotated[str, BeforeValidator(_written)] = Field(description="first serial number", max_length=60)
    last: Annotated[str, BeforeValidator(_written)] = Field(description="last serial number", max_length=60)
    issued_on: date = Field(description="day of issue")
    produced_from: date = Field(description="first civil day of production (the vintage)")
    produced_to: date = Field(description="last civil day of production")
    expires_on: date | None = Field(default=None, description="last day on which it may be retired; none: no end is stated")
    technology: str = Field(description="wind, solar, hydro, ...", min_length=1, pattern=_PLAIN)
    plant: str = Field(description="the plant; an own-renewable account's id for the city's own", min_length=1, pattern=_PLAIN)
    market: str = Field(
        description="ISO 3166 code of the market it may be used in, such as CN; several by blanks",
        pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?( [A-Z]{2}(-[A-Z0-9]{1,3})?)*$",
    )
    beneficiary: str = Field(default="", description="for whom it is held", pattern=_PLAIN)
    kg_co2_per_kwh: Decimal = Field(default=Decimal(0), ge=0, allow_inf_nan=False, description="emission rate it conveys [kg/kWh]")
    renewable: bool = Field(default=True, description="does it count for the matching share? that of nuclear or gas does not")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.produced_to < self.produced_from:
            raise ValueError(f"produced from {self.produced_from} to {self.produced_to}; the end comes first")
        if self.issued_on < self.produced_from:
            raise ValueError(f"issued on {self.issued_on}, before its production began on {self.produced_from}")
        if self.expires_on and self.expires_on < self.issued_on:
            raise ValueError(f"expires on {self.expires_on}, before its issue on {self.issued_on}")
        if not 0 < self.count <= LARGEST_LOT:
            raise ValueError(f"serials {self.first} to {self.last} are {self.count} certificates; allowed are 1 to {LARGEST_LOT}")
        return self

    @property
    def _numbers(self) -> tuple[str, int, int, int]:
        """Prefix, first number, last number and digits of the serials."""
        ends = [_SERIAL.fullmatch(text) for text in (self.first, self.last)]
        if ends[0] is None or ends[1] is None or ends[0][1] != ends[1][1] or len(ends[0][2]) != len(ends[1][2]):
            raise ValueError(f"serials {self.first} and {self.last} do not share a prefix and a number of digits")
        return ends[0][1], int(ends[0][2]), int(ends[1][2]), len(ends[0][2])

    @property
    def count(self) -> int:
        """Certificates in the lot, and so megawatt-hours."""
        _, first, last, _ = self._numbers
        return last - first + 1

    @property
    def kg_per_kwh(self) -> Fraction:
        return Fraction(self.kg_co2_per_kwh)

    def serials(self, skip: int = 0, count: int | None = None) -> Iterator[str]:
        """The certificates' ids, `GEC` and serial, in order: what can be used once."""
        prefix, first, last, digits = self._numbers
        end = last + 1 if count is None else min(last + 1, first + skip + count)
        return (f"{self.scheme} {prefix}{number:0{digits}d}" for number in range(first + skip, end))

    def place(self, serial: str) -> int:
        """How many certificates of the lot come before a serial number. Raises `PenstockError` for one that is not in it."""
        prefix, first, last, digits = self._numbers
        found = _SERIAL.fullmatch(serial.strip().upper())
        if found is None or (found[1], len(found[2])) != (prefix, digits) or not first <= int(found[2]) <= last:
            raise fault(f"lot '{self.id}'", f"serial {serial[:60]}", f"{self.first} to {self.last}", "Correct the serial number.")
        return int(found[2]) - first


def clashes(lots: Iterable[Lot]) -> list[tuple[Lot, Lot]]:
    """Pairs of lots of one id, and pairs of which one lists a certificate of the other; of many that overlap, each with one before it.

    Serials that differ in capitals, leading zeros or the sign between their parts alone are one serial, written twice.
    """
    found: list[tuple[Lot, Lot]] = []
    names: dict[str, Lot] = {}
    furthest: dict[tuple[str, str], tuple[int, Lot]] = {}  # of a scheme and prefix: the highest serial so far
    for lot in sorted(lots, key=lambda lot: (lot.scheme, lot._numbers[1])):
        prefix, first, last, _ = lot._numbers
        series = (lot.scheme, prefix.translate(_SEPARATORS))
        reached, before = furthest.get(series, (-1, lot))
        if first <= reached:
            found.append((before, lot))
        elif names.setdefault(lot.id, lot) is not lot:
            found.append((names[lot.id], lot))
        if last > reached:
            furthest[series] = last, lot
    return found


def read_lots(path: Path) -> list[Lot]:
    """The lots of a registry's CSV, one a row, columns named as the fields of `Lot`.

    Raises `PenstockError` with every fault and its line: an unknown column, an empty file, a bad date, a range that is none,
    a lot named twice, serials listed twice. Nothing is taken from a file with a fault.
    """
    problems: list[Problem] = []
    lots: list[Lot] = []
    for place, row in _rows(path):
        try:
            made = Lot.model_validate({name: value for name, value in row.items() if value != ""})
        except ValidationError as error:
            problems += [_problem(place, dict(one)) for one in error.errors()]
            continue
        lots.append(made)
    for one, other in clashes(lots):
        observed = f"its id again, or serials of lot '{other.id}'"
        problems.append(Problem(f"certificates {path.name}, lot '{one.id}'", observed, "each once", "Remove one of the two."))
    if not lots and not problems:
        problems.append(Problem(f"certificates {path.name}", "no rows", "one lot a row", "Export the file again."))
    if problems:
        raise PenstockError(problems)
    return lots


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    known = list(Lot.model_fields)
    if path.exists() and not path.is_file():  # a device or a pipe would never end
        raise fault(f"certificates {path}", "is no regular file", "a CSV file in UTF-8", "Name a file.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, strict=True)
            named = reader.fieldnames or ()
            needed = [name for name, field in Lot.model_fields.items() if field.is_required()]
            if wrong := [f"no {name}" for name in needed if name not in named] + [f"{n!r}" for n in named if n not in known]:
                raise fault(f"certificates {path.name}", f"columns: {', '.join(wrong)}", ", ".join(known), "Name the columns so.")
            for row in reader:
                yield f"certificates {path.name}:{reader.line_num}", {str(k): str(v or "").strip() for k, v in row.items()}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise fault(f"certificates {path}", f"cannot be read ({error})", "a CSV file in UTF-8", "Correct the file.") from None


def _problem(place: str, error: dict) -> Problem:
    field = ".".join(map(str, error["loc"]))
    told = str(error["msg"]).removeprefix("Value error, ")
    observed = told if not field else f"{field} {error['input']!r}: {told}"
    description = Lot.model_fields[field].description if field in Lot.model_fields else "a lot in order"
    return Problem(place, observed[:300], str(description), "Correct the row.")
