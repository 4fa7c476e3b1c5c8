"""Literal usage frames and the accounts of a small city."""

from collections.abc import Callable
from datetime import UTC, datetime

import pandas as pd
import pytest

from carbon import factors
from carbon.accounts import AccountKind, account_of
from carbon.factors import Factor

KNOWN = datetime(2022, 6, 16, tzinfo=UTC)


@pytest.fixture(scope="session")
def shipped() -> tuple[Factor, ...]:
    return factors.load()


@pytest.fixture(scope="session")
def usage() -> Callable[..., pd.DataFrame]:
    """Usage of one point: stored integers from a start, one per step."""

    def make(point: str, amounts: list[int], start="2022-06-14T22:00Z", quantity="energy_kwh", quality=1, minutes=15, version=1):
        begin = pd.date_range(start, periods=len(amounts), freq=f"{minutes}min", unit="us")
        end = begin + pd.Timedelta(minutes=minutes)
        named = {"point_id": point, "period_start_utc": begin, "period_end_utc": end, "quantity": quantity}
        return pd.DataFrame({**named, "amount": amounts, "quality": quality, "version": version})

    return make


@pytest.fixture(scope="session")
def books() -> tuple[AccountKind, ...]:
    place = {"site": "works", "sector": "industry", "region": "CN-ZJ"}
    utility = {"site": "utility", "sector": "water", "region": "CN-ZJ"}
    return (
        account_of(id="works-power", kind="grid-electricity", point="industry.energy", **place),
        account_of(id="works-gas", kind="natural-gas", point="gas.volume", **place),
        account_of(id="pumps", kind="grid-electricity", point="ps-lake.energy", **utility),
        account_of(id="supply", kind="water-supply", point="source-lake.volume", **utility),
        account_of(id="loss", kind="water-loss", point="losses.volume", **utility),
        account_of(id="roofs", kind="own-renewable", point="pv-01.energy", site="roofs", sector="public", region="CN-ZJ"),
    )


@pytest.fixture(scope="session")
def day(usage) -> pd.DataFrame:
    """Four quarters of everything: 10, 8, 50, 5 and 2 units per quarter."""
    return pd.concat(
        [
            usage("industry.energy", [10_000] * 4),
            usage("gas.volume", [8_000_000] * 4, quantity="gas_m3"),
            usage("ps-lake.energy", [50_000] * 4),
            usage("source-lake.volume", [100_000_000] * 4, quantity="volume_m3"),
            usage("losses.volume", [5_000_000] * 4, quantity="volume_m3"),
            usage("pv-01.energy", [2_000] * 4),
            usage("sensor.energy", [999] * 4),
        ],
        ignore_index=True,
    )
