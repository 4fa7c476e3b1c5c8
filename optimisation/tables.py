"""A plan's numbers as the PLAN and PRICE frames that travel to the store."""

from collections.abc import Mapping

import pandas as pd

from city.frames import PLAN, PRICE, checked
from optimisation.inputs import PlanInput
from optimisation.results import Values


def plan_frame(inputs: PlanInput, scenario: str, values: Mapping[str, Values]) -> pd.DataFrame:
    """The PLAN frame of all assets. A stored amount has `steps + 1` rows (instants), everything else `steps` (periods)."""
    parts = [
        pd.DataFrame(
            {
                "plan_id": inputs.plan_id,
                "scenario": scenario,
                "asset_id": asset_id,
                "time_utc": inputs.times[: len(array)],
                "quantity": str(quantity),
                "value": array,
            }
        )
        for asset_id, quantities in values.items()
        for quantity, array in quantities.items()
    ]
    empty = pd.DataFrame({name: [] for name in PLAN.columns}).astype({"time_utc": "datetime64[us, UTC]"})
    return checked(PLAN, pd.concat(parts) if parts else empty, f"plan '{inputs.plan_id}'")


def price_frame(inputs: PlanInput, prices: Values) -> pd.DataFrame:
    """The PRICE frame: what one more unit in the balance would cost, per kWh or per m3."""
    parts = [
        pd.DataFrame({"plan_id": inputs.plan_id, "balance_id": balance, "time_utc": inputs.times[: len(array)], "currency_per_unit": array})
        for balance, array in prices.items()
    ]
    empty = pd.DataFrame({name: [] for name in PRICE.columns}).astype({"time_utc": "datetime64[us, UTC]"})
    return checked(PRICE, pd.concat(parts) if parts else empty, f"prices of plan '{inputs.plan_id}'")
