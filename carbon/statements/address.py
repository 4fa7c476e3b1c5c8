"""The address of a printed number: which entries it is the sum of, as a line of text.

`2022-06/site=centre/gas=CO2` is the period (civil year, month or day) and conditions on the columns of the book, each with
one value or several (`gas=CH4|N2O`). `show` says what is summed: `mg` (mass of gas; the default), `amount` (stored units),
`co2e:AR6` (mass weighed by a set of warming potentials), `coal:equivalent` or `coal:equal` (standard coal), `entries` (count).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from city.problems import fault

FIELDS = (
    "account_id", "site", "district", "sector", "scope", "gpc", "activity", "carrier", "quantity", "kind", "basis", "gas", "rule_id",
    "state",
)  # fmt: skip
_PERIOD = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_SHOWN = re.compile(r"mg|amount|entries|co2e:[A-Z0-9]+|coal:(equivalent|equal)")


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address: `period` (`2022`, `2022-06`, `2022-06-15`), conditions by column and what is shown."""

    period: str
    where: Mapping[str, tuple[str, ...]]
    show: str = "mg"

    def __str__(self) -> str:
        conditions = [f"{name}={'|'.join(quote(value, safe=' .:,()-') for value in values)}" for name, values in self.where.items()]
        return "/".join([self.period, *conditions, *([] if self.show == "mg" else [f"show={self.show}"])])


def at(period: str, show: str = "mg", **where: str | int | tuple[str, ...]) -> str:
    """The address text of a period and conditions; an empty condition is left out."""
    kept = {name: value if isinstance(value, tuple) else (str(value),) for name, value in where.items() if value not in ("", ())}
    return str(Address(period, kept, show))


def parse(text: str) -> Address:
    """The address that `text` states. Raises `PenstockError` with the part that is wrong."""
    period, *parts = text.strip().split("/")
    if not _PERIOD.fullmatch(period):
        raise fault(f"address '{text}'", f"period '{period}'", "a year, month or day such as 2022-06", "Begin with the period.")
    where: dict[str, tuple[str, ...]] = {}
    show = "mg"
    for part in parts:
        name, equals, values = part.partition("=")
        if name == "show" and _SHOWN.fullmatch(values):
            show = values
        elif name in FIELDS and name not in where and equals and values:
            where[name] = tuple(unquote(value) for value in values.split("|"))
        else:
            allowed = f"show=mg|amount|entries|co2e:AR6|coal:equivalent, or one of {', '.join(FIELDS)} with =value, each once"
            raise fault(f"address '{text}'", f"'{part}'", allowed, "Correct that part.")
    return Address(period, where, show)
