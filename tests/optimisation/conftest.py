"""Small cities with numbers that a person can check."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optimisation.assets import ASSETS
from optimisation.program import PlanInput


def series(values: Any) -> dict[str, np.ndarray]:
    p50 = np.asarray(values, dtype=float)
    return {"p10": p50, "p50": p50, "p90": p50}


@pytest.fixture
def assets_of() -> Callable[..., tuple[Any, ...]]:
    """Assets from dicts, as [[assets]] tables; a grid of 1000 kW is added when none is given."""

    def made(*tables: dict[str, Any]) -> tuple[Any, ...]:
        grid = [] if any(t["kind"] == "grid" for t in tables) else [{"kind": "grid", "id": "grid", "connection_kw": 1000}]
        return ASSETS.validate_python([*grid, *tables])

    return made


@pytest.fixture
def hours_of() -> Callable[..., PlanInput]:
    """An input whose steps are hours, so that kW and kWh are the same number."""

    def made(prices: Any, forecasts: dict[str, Any] | None = None, **more: Any) -> PlanInput:
        n = len(prices)
        given = {
            "start_utc": datetime(2022, 6, 15, 22, tzinfo=UTC),  # midnight in Rome
            "zone": "Europe/Rome",
            "export_price_per_kwh": np.zeros(n),
            "intensity_kg_per_kwh": np.full(n, 0.5),
            "state": {},
            "step_s": 3600,
            **more,
        }
        return PlanInput(
            series={k: series(v) for k, v in (forecasts or {}).items()},
            import_price_per_kwh=np.asarray(prices, dtype=float),
            steps=n,
            **given,
        )

    return made


@pytest.fixture
def values() -> Callable[..., np.ndarray]:
    """One quantity of one asset from a PLAN frame, in time order."""

    def read(frame: pd.DataFrame, asset: str, quantity: str) -> np.ndarray:
        rows = frame[(frame.asset_id == asset) & (frame.quantity == quantity)].sort_values("time_utc")
        assert len(rows), f"no {quantity} of {asset}"
        return rows.value.to_numpy()

    return read
