"""Gases that are not burnt: methane and nitrous oxide of wastewater, and gases that escape from equipment."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal, Self

from pydantic import Field, model_validator

from carbon.accounts.account import AccountKind, Supply
from carbon.accounts.weights import weigh
from carbon.factors import Factor
from carbon.gwp import gwp
from carbon.ledger.batch import Rule
from city.places import Place
from city.problems import fault
from city.quantities import Quantity

_N_TO_N2O = Fraction(44, 28)  # molar masses, IPCC 2019 Refinement, vol. 5, ch. 6


class Methane(Place):
    """CH4 of wastewater per m3: what the plant forms and does not catch, and what the effluent forms where it is discharged.

    (organics - removed as sludge) x B0 x MCF - recovered + organics out x B0 x MCF of the effluent
    (IPCC 2019 Refinement, vol. 5, eq. 6.1 and 6.2 for each of the two pathways).
    """

    organics_kg_per_m3: Decimal = Field(ge=0, description="COD or BOD that comes in [kg/m3]")
    sludge_kg_per_m3: Decimal = Field(default=Decimal(0), ge=0, description="of it removed as sludge, in the same measure [kg/m3]")
    b0_kg_per_kg: Decimal = Field(gt=0, description="most CH4 per COD or BOD, e.g. 0.25 per kg of COD, 0.6 per kg of BOD [kg/kg]")
    mcf: Decimal = Field(ge=0, le=1, description="methane correction factor of the treatment, e.g. 0.03 for central aerobic plants [1]")
    recovered_kg_per_m3: Decimal = Field(default=Decimal(0), ge=0, description="CH4 that is caught and burnt [kg/m3]")
    effluent_organics_kg_per_m3: Decimal = Field(
        default=Decimal(0), ge=0, description="COD or BOD that leaves, in the same measure [kg/m3]"
    )
    effluent_mcf: Decimal = Field(default=Decimal(0), ge=0, le=1, description="methane correction factor of the water it is led into [1]")

    @model_validator(mode="after")
    def _not_negative(self) -> Self:
        if self._of_plant < 0:
            raise ValueError(f"{float(self._of_plant):g} kg of CH4 per m3; more is removed or recovered than comes in")
        return self

    @property
    def kg_per_m3(self) -> Fraction:
        behind = Fraction(self.effluent_organics_kg_per_m3) * Fraction(self.b0_kg_per_kg) * Fraction(self.effluent_mcf)
        return self._of_plant + behind

    @property
    def _of_plant(self) -> Fraction:
        left = Fraction(self.organics_kg_per_m3 - self.sludge_kg_per_m3)
        return left * Fraction(self.b0_kg_per_kg) * Fraction(self.mcf) - Fraction(self.recovered_kg_per_m3)


class NitrousOxide(Place):
    """N2O of wastewater per m3: (N in x EF of the plant + N out x EF of the effluent) x 44/28 (as above, ch. 6)."""

    nitrogen_kg_per_m3: Decimal = Field(ge=0, description="total nitrogen that comes in [kg/m3]")
    ef_kg_per_kg: Decimal = Field(ge=0, le=1, description="N2O-N per kg of that nitrogen, e.g. 0.016 for central aerobic plants [kg/kg]")
    effluent_nitrogen_kg_per_m3: Decimal = Field(default=Decimal(0), ge=0, description="total nitrogen that leaves [kg/m3]")
    effluent_ef_kg_per_kg: Decimal = Field(default=Decimal(0), ge=0, le=1, description="N2O-N per kg of that nitrogen [kg/kg]")

    @property
    def kg_per_m3(self) -> Fraction:
        inside = Fraction(self.nitrogen_kg_per_m3) * Fraction(self.ef_kg_per_kg)
        behind = Fraction(self.effluent_nitrogen_kg_per_m3) * Fraction(self.effluent_ef_kg_per_kg)
        return (inside + behind) * _N_TO_N2O


class Process(AccountKind):
    """Wastewater by its volume, or a gas such as SF6 by the mass that escaped. All parameters stand in the account, with their source."""

    kind: Literal["process"] = "process"
    carrier_name = "-"
    usual_scope = 1
    usual_activity = ""

    methane: Methane | None = Field(default=None, description="CH4 of wastewater; its point counts m3")
    nitrous_oxide: NitrousOxide | None = Field(default=None, description="N2O of wastewater; its point counts m3")
    gas: str | None = Field(default=None, pattern=r"^[A-Z][A-Za-z0-9-]*$", description="gas that escapes, such as SF6; its amounts are kg")
    source: str = Field(min_length=1, description="where the parameters are from: guideline, measurement, log")

    @model_validator(mode="after")
    def _one_process(self) -> Self:
        wastewater = self.methane is not None or self.nitrous_oxide is not None
        if wastewater == (self.gas is not None):
            raise ValueError("either wastewater (methane, nitrous_oxide or both) or one gas that escapes")
        return self

    @property
    def quantity(self) -> Quantity:
        return Quantity.MASS_KG if self.gas else Quantity.VOLUME_M3

    @property
    def activity_name(self) -> str:
        return self.activity or (f"{self.gas} released" if self.gas else "wastewater treatment")

    @property
    def gpc_code(self) -> str:
        """Leaks of natural gas are fugitive, other gases product use; wastewater by where it is treated (scope 3: outside the city)."""
        if self.gas:
            return self.gpc or ("I.8.1" if self.gas.startswith("CH4-fossil") else "IV.2")
        return self.gpc or ("III.4.2" if self.scope == 3 else "III.4.1")

    def rules(self, factors: tuple[Factor, ...], on: date, supply: Supply) -> tuple[Rule, ...]:
        self.refuse_own(supply)
        if self.gas:
            if self.gas not in (known := gwp(factors, "AR6")):
                raise fault(f"account '{self.id}'", f"gas '{self.gas}'", f"one of {', '.join(sorted(known))}", "Correct the gas.")
            return (weigh(self, f"released:{self.gas}", self.gas, Fraction(1), (), on, note=self.source),)
        made = []
        for gas, part in (("CH4-non-fossil", self.methane), ("N2O", self.nitrous_oxide)):
            if part is not None:
                made.append(weigh(self, f"wastewater:{gas}", gas, part.kg_per_m3, (), on, note=self.source))
        return tuple(made)
