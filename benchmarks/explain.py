"""How long it takes to find the entries behind a printed number: a ledger of hourly entries on disk, asked for four cells.

`explain_<cell>_cpu_s` is the time in this process without starting Python or reading the city file; `explain_<cell>_entries` how many
entries it adds up.
"""

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carbon import factors
from carbon.accounts import account_of
from carbon.gwp import gwp
from carbon.ledger.chain import append
from carbon.ledger.ledger import Ledger
from carbon.ledger.post import post
from carbon.statements.address import parse
from carbon.statements.explain import explain
from city.places import Site

SUMMARY = "the entries behind a printed number, in a ledger of ten million"
HOURS = 730  # of a batch; twelve make a year
CELLS = {
    "account_month": "2022-06/account_id=a7/show=co2e:AR6",
    "site_month": "2022-06/site=s3/show=co2e:AR6",
    "city_month": "2022-06/kind=posting/show=co2e:AR6",
    "city_year": "2022/kind=posting/show=co2e:AR6",
}


def posted(count: int, folder: Path, seed: int) -> Ledger:
    """A year of `count` accounts by the hour, in twelve batches on disk."""
    known = factors.load()
    sites = [Site(id=f"s{i}", sector="services") for i in range(50)]
    books = [
        account_of(id=f"a{i}", kind="grid-electricity", point=f"p{i}", site=f"s{i % 50}", sector="services", region="CN-ZJ")
        for i in range(count)
    ]
    rng, headers = np.random.default_rng(seed), []
    points = pd.Categorical.from_codes(np.repeat(np.arange(count), HOURS), [f"p{i}" for i in range(count)])
    for month in range(12):
        begin = pd.date_range(datetime(2022, 1, 1, tzinfo=UTC), periods=HOURS, freq="h", unit="us") + pd.Timedelta(hours=month * HOURS)
        told = {
            "point_id": points,
            "period_start_utc": np.tile(begin, count),
            "period_end_utc": np.tile(begin + pd.Timedelta(hours=1), count),
        }
        told |= {"quantity": "energy_kwh", "amount": rng.integers(0, 10**6, count * HOURS), "quality": 1, "version": 1}
        batch = post(pd.DataFrame(told), books, sites, known, datetime(2023, 1, 1, tzinfo=UTC), zone="UTC")
        headers.append(append(batch, folder, headers[-1] if headers else None))
    return Ledger.open(headers, folder)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """CPU seconds and entries of each cell."""
    weights = gwp(factors.load(), "AR6")
    with tempfile.TemporaryDirectory() as folder:
        ledger = posted(20 if args.quick else 1142, Path(folder), args.seed)
        made: dict[str, Any] = {"explain_ledger_entries": sum(one.header.rows for one in ledger.batches)}
        for name, address in CELLS.items():
            begin = time.process_time()
            found = explain(ledger, parse(address), "UTC", weights, {})
            made[f"explain_{name}_cpu_s"] = round(time.process_time() - begin, 3)
            made[f"explain_{name}_entries"] = found.rows
    return made
