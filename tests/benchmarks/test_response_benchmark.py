"""The benchmark of baselines: it sees no hour of the event, and a smoke run prints its keys."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks import data_folder, response
from benchmarks.load import System
from city.problems import PenstockError
from forecasting.calendars import Calendar


def system(event_hours: float) -> System:
    """A load of 10, and of `event_hours` in the hours that are asked about."""
    index = pd.date_range("2022-01-03", periods=24 * 120, freq="h")
    values = np.full(len(index), 10.0)
    values[np.isin(index.hour, response.EVENT)] = event_hours
    return System("flat", pd.DataFrame({"load": values}, index=index), Calendar(time_zone="UTC", country=None))


def test_a_load_that_never_changes_has_no_error():
    found = response.errors(system(10.0), 5, np.random.default_rng(1))
    assert {key: response.scored(pairs)["mape"] for key, pairs in found.items()} == dict.fromkeys(found, 0.0)
    assert len(found) == 6


def test_the_truth_of_the_day_is_never_in_its_own_baseline():
    one = system(10.0)
    day = 100
    one.values.iloc[24 * day + response.EVENT[0] : 24 * day + response.EVENT[-1] + 1] = 1000.0
    pairs = response.errors(one, 1000, np.random.default_rng(1))["none", "workdays"]
    spoilt = [(b, t) for (bs, ts) in pairs for b, t in zip(bs, ts, strict=True) if t[0] == 1000.0]
    assert [b.tolist() for b, _ in spoilt] == [[10.0] * 4]


@pytest.mark.data
@pytest.mark.slow
def test_a_smoke_run_prints_its_keys():
    try:
        data_folder("load")
    except PenstockError as error:
        pytest.skip(str(error))
    words = [sys.executable, "-m", "benchmarks", "response", "--json", "--quick"]
    figures = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
    assert {"bias", "mape", "mape_unadjusted", "pooled", "by_loads"} <= set(figures)
    assert {row["adjustment"] for row in figures["pooled"]} == set(response.RULES)
