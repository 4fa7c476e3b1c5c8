"""A plan's numbers as the PLAN and PRICE frames that travel to the store."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from city.frames import PLAN, PRICE, checked
from optimisation.inputs import PlanInput
from optimisation.results import Values


def plan_frame(inputs: PlanInput, scenario: str, values: Mapping[str, Values]) -> pd.DataFrame:
    """The PLAN frame of all assets. A stored amount has `steps + 1` rows (instants), everything else `steps` (periods)."""
    runs = [(asset, str(quantity), array) for asset, quantities in values.items() for quantity, array in quantities.items()]
    counts = [len(array) for _, _, array in runs]
    frame = pd.DataFrame(
        {
            "plan_id": inputs.plan_id,
            "scenario": scenario,
            "asset_id": np.repeat(np.array([asset for asset, _, _ in runs], dtype=object), counts),
            "time_utc": inputs.times[np.concatenate([np.zeros(0, dtype=int), *(np.arange(count) for count in counts)])],
            "quantity": np.repeat(np.array([quantity for _, quantity, _ in runs], dtype=object), counts),
            "value": np.concatenate([np.zeros(0), *(array for _, _, array in runs)]),
        }
    ).astype({"plan_id": str, "scenario": str, "asset_id": str, "quantity": str})
    return checked(PLAN, frame, f"plan '{inputs.plan_id}'")


def price_frame(inputs: PlanInput, prices: Values) -> pd.DataFrame:
    """The PRICE frame: what one more unit in the balance would cost, per kWh or per m3."""
    parts = [
        pd.DataFrame({"plan_id": inputs.plan_id, "balance_id": balance, "time_utc": inputs.times[: len(array)], "currency_per_unit": array})
        for balance, array in prices.items()
    ]
    empty = pd.DataFrame({name: [] for name in PRICE.columns}).astype({"time_utc": "datetime64[us, UTC]"})
    return checked(PRICE, pd.concat(parts) if parts else empty, f"prices of plan '{inputs.plan_id}'")
