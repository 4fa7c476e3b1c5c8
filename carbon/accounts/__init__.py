"""Accounts of the ledger: which usage is counted as what, and by which rule, gas by gas.

A new kind is one file with one class, and one word in KINDS. Energy that pumps use is in the pumps' electricity, so a utility's water
carries volume and no further kilogram (a memo), or, with a per-m3 factor for consumers' books, kilograms outside the city's sum.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, TypeAdapter

from carbon.accounts.account import AccountKind, Stated, Supply
from carbon.accounts.certificate import Certificate
from carbon.accounts.check import check, double_counting, doubts
from carbon.accounts.electricity import GRID, FromGrid
from carbon.accounts.fuel import Fuel
from carbon.accounts.grid_electricity import GridElectricity
from carbon.accounts.grid_loss import GridLoss
from carbon.accounts.heat import Heat
from carbon.accounts.natural_gas import NaturalGas
from carbon.accounts.own_renewable import OwnRenewable
from carbon.accounts.process import Process
from carbon.accounts.water import WaterLoss, WaterSupply
from carbon.accounts.water_loss_energy import WaterLossEnergy
from carbon.accounts.weights import covers
from carbon.factors import Factor
from carbon.ledger.batch import Line, Rule
from city.places import Site

KINDS: tuple[type[AccountKind], ...] = (
    GridElectricity,
    OwnRenewable,
    GridLoss,
    NaturalGas,
    Fuel,
    Heat,
    WaterSupply,
    WaterLoss,
    WaterLossEnergy,
    Process,
    Certificate,
)

if TYPE_CHECKING:
    Account = AccountKind
else:
    Account = Annotated[reduce(or_, KINDS), Field(discriminator="kind")]
"""What one [[accounts]] table of city.toml parses to."""

ACCOUNT: TypeAdapter[Account] = TypeAdapter(Account)


def account_of(**fields: Any) -> Account:
    """One account from its fields, `kind` among them. Raises pydantic's `ValidationError`."""
    return ACCOUNT.validate_python(fields)


def apply(account: Account, factors: tuple[Factor, ...], on: date, supply: Supply = "grid") -> tuple[Rule, ...]:
    """The rules of an account on a civil day, one per gas; the amount counts under the first.

    `supply` tells own from grid electricity. Raises `PenstockError` when a factor is unknown, not in force or per another unit.
    """
    return account.rules(factors, on, supply)


def lines_of(accounts: Iterable[Account], sites: Sequence[Site]) -> dict[str, Line]:
    """{account id: its line of the books}; the district is that of its site, empty where the site has none."""
    district = {site.id: site.district or "" for site in sites}
    return {
        a.id: Line(
            a.id,
            a.point,
            str(a.quantity),
            a.scope_number,
            a.gpc_code,
            a.activity_name,
            a.carrier,
            a.site,
            district.get(a.site, ""),
            a.sector,
        )
        for a in accounts
    }


def provisional(accounts: Iterable[Account]) -> tuple[Account, ...]:
    """The accounts as `[carbon] provisional = "latest"` asks: those that say nothing take the last published grid factor later on."""
    return tuple(
        a.model_copy(update={"provisional": "latest"}) if isinstance(a, FromGrid) and a.provisional is None else a for a in accounts
    )


__all__ = [
    "ACCOUNT",
    "GRID",
    "KINDS",
    "Account",
    "AccountKind",
    "Stated",
    "account_of",
    "apply",
    "check",
    "covers",
    "double_counting",
    "doubts",
    "lines_of",
    "provisional",
    *(kind.__name__ for kind in KINDS),
]
