"""What a statement is made from: the sums of a ledger over a period, and every number as the value of an address."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carbon.factors import Factor, FactorSet
from carbon.ledger.batch import Rule
from carbon.statements.address import Address
from carbon.statements.document import Seal, Value
from carbon.statements.vocabulary import named
from carbon.targets.energy import CoalWeight
from carbon.why.uncertainty import Uncertainty
from city.problems import fault

Condition = str | int | tuple[str, ...]
MG_PER_T = 10**9
STATES = ("measured", "estimated", "substituted", "missing")


@dataclass(frozen=True)
class Comparative:
    """A closed period: its mass when it was signed off, and what the ledger says now [mg CO2e]."""

    period: str
    closed: str
    who: str
    locked: Fraction
    now: Fraction
    root: str
    reason: str = ""


@dataclass(frozen=True)
class Source:
    """The books of one period.

    `book` is a BOOK frame of the period with civil days or months as its `period`; `rules` by id and gas; `weights` the warming potentials
    [kg CO2e per kg] of `assessment`; `coal` what a stored unit of each account weighs in standard coal, by basis (`equivalent`, `equal`);
    `names` what sites and sectors are called; `materiality` and `completeness` are shares [1];
    `usable` of each metered account the usable share of its time [1]; `sets` the factor sets;
    `uncertainty` that of the city's sum; `until` the last civil day posted
    while the period is not over.
    """

    city: str
    period: str
    language: str
    book: pd.DataFrame
    weights: Mapping[str, Decimal]
    assessment: str
    rules: Mapping[tuple[str, str], Rule]
    factors: Mapping[str, Factor]
    seal: Seal
    zone: str = "UTC"
    coal: Mapping[str, Mapping[str, CoalWeight]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    materiality: Decimal = Decimal("0.05")
    completeness: Decimal = Decimal("0.95")
    comparatives: tuple[Comparative, ...] = ()
    usable: Mapping[str, Fraction] = field(default_factory=dict)
    sets: tuple[FactorSet, ...] = ()
    uncertainty: Uncertainty | None = None
    until: str = ""

    @property
    def shown(self) -> str:
        """The period as it stands on the statement."""
        return f"{self.period} (→ {self.until})" if self.until else self.period

    @property
    def co2e(self) -> str:
        """What an address shows when it weighs gases by this statement's potentials."""
        return f"co2e:{self.assessment}"

    @cached_property
    def _masks(self) -> dict[tuple[str, str], NDArray[np.bool_]]:
        return {}

    @cached_property
    def _cached(self) -> dict[str, NDArray[np.int64]]:
        return {}

    @cached_property
    def _columns(self) -> dict[str, NDArray[Any]]:
        return {name: self.book[name].astype(str).to_numpy() for name in self.book.columns if name in _TEXTS}

    def distinct(self, *columns: str, **where: Condition) -> list[tuple[str, ...]]:
        """The distinct values of columns among the rows that meet the conditions, as text, in order."""
        rows = self._rows(self.address("mg", str(where.pop("period", "")), **where))
        return sorted(set(zip(*(self._columns[name][rows].tolist() for name in columns), strict=True)))

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The civil days or months of the period, in order."""
        return tuple(sorted(set(self._columns["period"].tolist())))

    def address(self, show: str, part: str = "", **where: Condition) -> Address:
        """The address of a sum over this period, or over the day or month `part` of it."""
        kept = {name: value if isinstance(value, tuple) else (str(value),) for name, value in where.items()}
        return Address(part or self.period, kept, show)

    def value(self, show: str, per: int = 1, part: str = "", **where: Condition) -> Value:
        """The number at an address, divided by `per` (units of the sum in a unit of the statement)."""
        address = self.address(show, part, **where)
        return Value(self.total(address) / per, str(address))

    def mass(self, part: str = "", **where: Condition) -> Value:
        """Mass as CO2e [t]."""
        return self.value(self.co2e, MG_PER_T, part, **where)

    @cached_property
    def _of_account(self) -> dict[str, NDArray[np.intp]]:
        """Rows of each account: a statement of many accounts asks for one at a time."""
        groups = pd.Series(self._columns["account_id"]).groupby(self._columns["account_id"]).indices
        return {str(name): np.asarray(rows, np.intp) for name, rows in groups.items()}

    def _rows(self, address: Address) -> NDArray[np.intp]:
        """Places in the book of the rows at an address."""
        names = address.where.get("account_id")
        nothing = np.zeros(0, np.intp)
        found = np.arange(len(self.book)) if names is None else np.concatenate([self._of_account.get(name, nothing) for name in names])
        if address.period != self.period:
            found = found[self._mask("period", address.period)[found]]
        for name, values in address.where.items():
            if name not in ("state", "account_id"):
                found = found[np.logical_or.reduce([self._mask(name, value)[found] for value in values])]
        return found

    def _mask(self, name: str, value: str) -> NDArray[np.bool_]:
        key = (name, value)
        if key not in self._masks:
            self._masks[key] = self._columns[name] == value
        return self._masks[key]

    def _sum(self, name: str, rows: NDArray[np.intp]) -> int:
        """Exact sum of a column of whole numbers, in unbounded integers where 64 bits are not proved to hold it."""
        values = self._numbers(name)[rows]
        if not len(values):
            return 0
        fits = max(int(values.max()), -int(values.min())) * len(values) < 2**63
        return int(values.sum()) if fits else sum(values.tolist())

    def _numbers(self, name: str) -> NDArray[np.int64]:
        if name not in self._cached:
            self._cached[name] = self.book[name].to_numpy(np.int64)
        return self._cached[name]

    def total(self, address: Address) -> Fraction:
        """The exact sum at an address: [mg], [stored units], [mg CO2e], [kgce] or a count of entries."""
        rows = self._rows(address)
        states = address.where.get("state", ())
        if address.show == "entries":
            return Fraction(sum(self._sum(state, rows) for state in states or STATES))
        if address.show == "amount":
            return Fraction(self._sum("amount", rows))
        if address.show.startswith("coal:"):
            return self._coal(rows, address.show.removeprefix("coal:"))
        if address.show == "mg":
            return Fraction(self._mg(rows, states))
        gases = self._columns["gas"][rows]
        there = sorted(set(gases.tolist()) - {"-"})
        return sum((self._weight(gas) * self._mg(rows[gases == gas], states) for gas in there), Fraction(0))

    def _weight(self, gas: str) -> Fraction:
        if gas not in self.weights:
            allowed = f"one of {', '.join(sorted(self.weights))}"
            raise fault(f"gas '{gas}'", f"no warming potential in {self.assessment}", allowed, "Choose another assessment in [carbon] gwp.")
        return Fraction(self.weights[gas])

    def _mg(self, rows: NDArray[np.intp], states: tuple[str, ...]) -> int:
        """Mass of the entries in the states asked for [mg]; what is measured is what no other column names, what is missing has none."""
        every = self._sum("mg", rows)
        if not states:
            return every
        told = {state: self._sum(f"mg_{state}", rows) for state in STATES[1:3]}
        told["measured"] = every - sum(told.values())
        return sum(told.get(state, 0) for state in states)

    def _coal(self, rows: NDArray[np.intp], basis: str) -> Fraction:
        weights, accounts = self.coal[basis], self._columns["account_id"][rows]
        there = set(accounts.tolist()) & set(weights)
        return sum((weights[name].kgce * self._sum("amount", rows[accounts == name]) for name in there), Fraction(0))

    def called(self, name: str) -> str:
        """What a site or sector is called, or its id."""
        return self.names.get(name) or named(self.language, name)


_TEXTS = {
    "account_id", "site", "district", "sector", "scope", "gpc", "activity", "carrier", "quantity", "kind", "basis", "gas", "rule_id",
    "period",
}  # fmt: skip
