"""What every kind of account is: one line of the books, counted once, and the rules that weigh what it counts."""

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from carbon.accounts.gpc import SUBSECTORS, subsector
from carbon.factors import Factor
from carbon.ledger.batch import Rule
from city.places import Place
from city.problems import fault
from city.quantities import Quantity

Supply = Literal["grid", "own"]


class Stated(Place):
    """An amount from a document instead of a meter: a bill, a delivery note, a log of refills."""

    first: date = Field(description="first civil day it is for")
    last: date = Field(description="last civil day it is for; the amount is shared out evenly over the days")
    amount: Decimal = Field(ge=0, le=10**12, description="what was used [unit of what the account counts]")
    quality: Literal["measured", "estimated"] = Field(default="measured", description="weighed or metered by somebody, or estimated")
    source: str = Field(min_length=1, description="the document: kind, number, date")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError(f"last {self.last} is before first {self.first}; exchange them")
        return self


class AccountKind(Place):
    """Base of all kinds. A kind says what it counts and which rules weigh it, gas by gas."""

    counted: ClassVar[Quantity]
    carrier_name: ClassVar[str]
    usual_scope: ClassVar[Literal[1, 2, 3]]
    usual_activity: ClassVar[str]
    usual_gpc: ClassVar[str | None] = None  # none: the sub-sector of the sector, and the scope
    takes_own_supply: ClassVar[bool] = False  # may what the city generates itself cover it, hour by hour?

    if TYPE_CHECKING:
        kind: str

    id: str = Field(pattern=r"^\P{C}+$", description="short name, without control characters")
    point: str = Field(description="point id whose usage is counted; left out where `stated` gives the amounts")
    site: str = Field(description="site id")
    sector: str = Field(description="economic sector of the site")
    region: str = Field(description="ISO 3166-2 code whose factors apply, such as CN-ZJ")
    scope: Literal[1, 2, 3] | None = Field(default=None, description="GHG Protocol scope; none: that of the kind")
    activity: str = Field(default="", description="name on statements; empty: that of the kind")
    gpc: str = Field(default="", description="sub-sector of the community protocol (GPC), such as I.2.2; empty: by kind, sector and scope")
    within: str | None = Field(default=None, description="account whose meter sees this flow too: what is counted here is taken off there")
    adds: bool = Field(default=False, description="stated: no other meter of the site and commodity sees this flow, so that they add")
    stated: tuple[Stated, ...] = Field(default=(), description="amounts from documents, for an account without a meter")
    note: str = Field(default="", description="why a factor of another region or year is used; printed on the statement")

    @model_validator(mode="before")
    @classmethod
    def _point_of_documents(cls, raw: Any) -> Any:
        """Amounts from documents stand under a point of their own, so that usage finds its account as usual."""
        if isinstance(raw, dict) and raw.get("stated"):
            own = f"{raw.get('id')}.stated"
            if raw.get("point") not in (None, "", own):
                raise ValueError("both a point and stated amounts; make two accounts of them")
            return {**raw, "point": own}
        return raw

    @model_validator(mode="after")
    def _placed(self) -> Self:
        if self.gpc and self.gpc not in SUBSECTORS:
            raise ValueError(f"gpc '{self.gpc}' is no sub-sector of the GPC; write e.g. I.2.2, III.4.1 or IV.2")
        if self.within is not None and self.adds:
            raise ValueError(f"within '{self.within}' and adds contradict each other; keep one")
        if self.within == self.id:
            raise ValueError("an account cannot be within itself")
        return self

    @property
    def quantity(self) -> Quantity:
        """The period quantity it counts."""
        return self.counted

    @property
    def carrier(self) -> str:
        """What flows: electricity, gas, water, heat, a fuel; - for a process."""
        return self.carrier_name

    @property
    def scope_number(self) -> int:
        return self.scope or self.usual_scope

    @property
    def activity_name(self) -> str:
        return self.activity or self.usual_activity

    @property
    def gpc_code(self) -> str:
        """Sub-sector of the GPC with its scope, such as I.2.2."""
        return self.gpc or self.usual_gpc or f"{subsector(self.sector)}.{self.scope_number}"

    def rules(self, factors: tuple[Factor, ...], on: date, supply: Supply) -> tuple[Rule, ...]:
        """The rules on a civil day, one per gas; the first counts the amount. Raises `PenstockError` for a factor that is not in force."""
        raise NotImplementedError

    def refuse_own(self, supply: Supply) -> None:
        """Raise `PenstockError` where own supply is said of what no generation of the city can cover."""
        if supply == "own":
            raise fault(f"account '{self.id}'", f"own supply of {self.activity_name}", "electricity alone", "Post it as grid supply.")
