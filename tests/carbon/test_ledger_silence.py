"""Silence inside an account is counted and placed, never filled."""

from datetime import UTC, datetime, timedelta

import pandas as pd

from carbon.accounts import account_of
from carbon.ledger.ledger import Ledger
from carbon.ledger.post import post
from carbon.ledger.restate import restate
from tests.carbon.silence import completeness

KNOWN = datetime(2022, 6, 20, tzinfo=UTC)
START, END = datetime(2022, 6, 15, tzinfo=UTC), datetime(2022, 6, 15, 2, tzinfo=UTC)
PLACE = {"site": "s", "sector": "x", "region": "CN-ZJ"}
BOOKS = (
    account_of(id="a", kind="grid-electricity", point="a.e", **PLACE),
    account_of(id="g", kind="natural-gas", point="g.v", **PLACE),
    account_of(id="z", kind="grid-electricity", point="z.e", **PLACE),
)


def told(ledger, start=START, end=END):
    frame = completeness(ledger, start, end).set_index("account_id")
    names = ["measured", "estimated", "substituted", "missing", "silent"]
    assert (frame[names].sum(axis=1) == (end - start).total_seconds()).all()
    return {name: (row[names].tolist(), row["first_silent_utc"]) for name, row in frame.iterrows()}


def test_each_second_is_measured_estimated_substituted_missing_or_silent(usage, shipped):
    power = usage("a.e", [1, 2, 3, 4, 5, 6, 7], start="2022-06-15T00:00Z").assign(quality=[1, 4, 2, 0, 1, 1, 1]).drop(index=5)
    gas = usage("g.v", [1, 2, 3, 4, 5, 6, 7, 8, 9], start="2022-06-14T23:45Z", quantity="gas_m3")
    ledger = Ledger.of([post(pd.concat([power, gas], ignore_index=True), BOOKS, (), shipped, KNOWN, zone="UTC")])
    quarter, found = 900, told(ledger)
    assert found["a"] == ([3 * quarter, quarter, quarter, quarter, 2 * quarter], pd.Timestamp("2022-06-15T01:15Z"))
    assert found["g"][0] == [8 * quarter, 0, 0, 0, 0]  # two gases, counted once
    assert pd.isna(found["g"][1])
    assert found["z"] == ([0, 0, 0, 0, 7200], pd.Timestamp(START))


def test_own_and_grid_supply_of_an_hour_are_that_hour_once_and_a_reversal_leaves_silence(usage, shipped):
    both = pd.concat([usage("a.e", [1] * 8, start="2022-06-15T00:00Z").assign(supply=name) for name in ("grid", "own")])
    first = Ledger.of([post(both, BOOKS, (), shipped, KNOWN, zone="UTC")])
    assert told(first)["a"][0] == [7200, 0, 0, 0, 0]
    less = both[both["period_start_utc"] > pd.Timestamp("2022-06-15T00:00Z")]
    later = KNOWN + timedelta(days=1)
    made = restate(first, less, BOOKS, (), shipped, later, zone="UTC", reason="not this meter's", start=START, end=END)
    now = Ledger.of([first.batches[0].batch, made])
    assert told(now)["a"] == ([6300, 0, 0, 0, 900], pd.Timestamp(START))
    assert told(Ledger.of([]), START, END) == {}
