"""The ledger of some 2,000 entries that the forgeries are tried on."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd

from carbon.accounts import account_of
from carbon.factors import load
from carbon.ledger.batch import Batch
from carbon.ledger.ledger import Ledger
from carbon.ledger.post import post
from carbon.ledger.restate import restate

_HOURS, _ZONE, _KNOWN = 250, "Asia/Shanghai", datetime(2022, 4, 1, tzinfo=UTC)
_KINDS = {"grid-electricity": "energy_kwh", "natural-gas": "gas_m3", "water-supply": "volume_m3"}


def small(seed: int) -> list[Batch]:
    """Three batches of electricity, gas (two gases) and water, and a restatement of late readings."""
    rng, factors = np.random.default_rng(seed), load()
    place = {"site": "s00", "sector": "industry", "region": "CN-ZJ"}
    books = tuple(account_of(id=f"{kind}-{i}", kind=kind, point=f"{kind}-{i}.p", **place) for kind in _KINDS for i in range(2))
    frame = pd.concat([_usage(book.point, _KINDS[book.kind], rng) for book in books], ignore_index=True)
    start = frame["period_start_utc"]
    cuts = [start.min() + pd.Timedelta(hours=hours) for hours in (0, 83, 167, _HOURS)]
    batches = [
        post(frame[(start >= a) & (start < b)], books, (), factors, _KNOWN + timedelta(days=i), zone=_ZONE)
        for i, (a, b) in enumerate(pairwise(cuts))
    ]
    late = frame[start < cuts[1]].copy()
    late.loc[late.index[[3, 90]], "amount"] += 17
    late.loc[late.index[200], "quality"] = 2
    span = {"start": cuts[0], "end": cuts[1]}
    again = restate(Ledger.of(batches), late, books, (), factors, _KNOWN + timedelta(days=9), zone=_ZONE, reason="late readings", **span)
    return [*batches, again] if again else batches


def _usage(point: str, quantity: str, rng: np.random.Generator) -> pd.DataFrame:
    start = pd.date_range("2022-03-01T00:00Z", periods=_HOURS, freq="h", unit="us")
    named = {"point_id": point, "period_start_utc": start, "period_end_utc": start + pd.Timedelta("1h"), "quantity": quantity}
    return pd.DataFrame({**named, "amount": rng.integers(0, 10**7, _HOURS), "quality": rng.choice([1, 1, 1, 8, 0], _HOURS), "version": 1})
