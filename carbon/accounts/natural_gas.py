"""Natural gas that is burnt, by the metered standard cubic metre."""

from datetime import date
from fractions import Fraction
from typing import ClassVar, Literal

from pydantic import Field

from carbon.accounts.account import AccountKind, Supply
from carbon.accounts.combustion import burnt, coal_heat_mj
from carbon.accounts.weights import constant, weigh
from carbon.factors import Factor
from carbon.ledger.batch import Rule
from city.quantities import Quantity

Method = Literal["ipcc2006-gbt2589-mid", "ipcc2006-gbt2589-high", "gbt32151.34"]
_COAL = {"ipcc2006-gbt2589-mid": "cn.gbt2589.natural_gas_mid", "ipcc2006-gbt2589-high": "cn.gbt2589.natural_gas_high"}
_CARBON_TO_CO2 = Fraction(44, 12)  # molar masses, GB/T 32150-2015


class NaturalGas(AccountKind):
    """Natural gas burnt; m3 are taken as the standard m3 that the coefficients are for.

    `ipcc2006-gbt2589-*`: heat value of GB/T 2589-2020 times the IPCC's 2006 factors. `gbt32151.34`: CO2 = heat value x carbon content x
    oxidation rate x 44/12 (GB/T 32151.34-2024, table C.1), CH4 by the same heat value.
    """

    kind: Literal["natural-gas"] = "natural-gas"
    counted: ClassVar[Quantity] = Quantity.GAS_M3
    carrier_name: ClassVar[str] = "gas"
    usual_scope: ClassVar[Literal[1, 2, 3]] = 1
    usual_activity: ClassVar[str] = "natural gas stationary combustion"

    method: Method = Field(default="ipcc2006-gbt2589-mid", description="rule for its heat value and its CO2")

    def rules(self, factors: tuple[Factor, ...], on: date, supply: Supply) -> tuple[Rule, ...]:
        self.refuse_own(supply)
        name, first = f"{self.method}:natural_gas", None
        heat_mj: Fraction
        of_heat: tuple[Factor, ...]
        if self.method in _COAL:
            heat_mj, of_heat = coal_heat_mj(self, factors, _COAL[self.method], on)
        else:
            ncv, content, rate = (
                constant(self, factors, f"cn.gbt32151.34.natural_gas.{part}", on) for part in ("ncv", "carbon_content", "oxidation_rate")
            )
            heat_mj, of_heat = ncv.base_value, (ncv,)
            kg = heat_mj * content.base_value * rate.base_value * _CARBON_TO_CO2
            first = weigh(self, f"{name}:CO2", "CO2", kg, (ncv, content, rate), on)
        activity = NaturalGas.usual_activity  # the account's own name for it is for statements
        return burnt(self, factors, on, activity=activity, method=name, heat_mj=heat_mj, of_heat=of_heat, first=first)
