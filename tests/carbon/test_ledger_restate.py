"""Restatement: what changed is reversed and posted anew; what was known then stays known."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon.accounts import account_of
from carbon.ledger.batch import NOTHING
from carbon.ledger.book import KEYS, SUMS
from carbon.ledger.ledger import Ledger
from carbon.ledger.post import post
from carbon.ledger.restate import doubled, restate
from city.problems import PenstockError

KNOWN = datetime(2022, 6, 20, tzinfo=UTC)
START, END = datetime(2022, 6, 14, 22, tzinfo=UTC), datetime(2022, 6, 15, 22, tzinfo=UTC)
ZONE = "Europe/Rome"


def power(name="a", **changes):
    base = {"id": name, "kind": "grid-electricity", "point": f"{name}.energy", "site": "s", "sector": "x", "region": "CN-ZJ"}
    return account_of(**{**base, **changes})


def again(ledger, frame, accounts, shipped, days=1, **more):
    reason = more.pop("reason", "late reading")
    span = {"start": START, "end": END, **more}
    return restate(ledger, frame, accounts, (), shipped, KNOWN + timedelta(days=days), zone=ZONE, reason=reason, **span)


def sums(ledger):
    frame = ledger.book(zone=ZONE, period="D")
    return frame[frame[list(SUMS)].any(axis=1)].reset_index(drop=True)


@pytest.fixture
def first(day, books, shipped):
    return post(day, books, (), shipped, KNOWN, zone=ZONE)


def test_usage_that_did_not_change_is_not_restated(day, books, shipped, first):
    assert again(Ledger.of([first]), day, books, shipped) is None


def test_one_changed_reading_reverses_its_entry_and_posts_the_new_one_with_the_reason(day, books, shipped, first):
    row = day.index[day["point_id"] == "industry.energy"][1]
    changed = day.assign(amount=day["amount"].where(day.index != row, 12_000))
    made = again(Ledger.of([first]), changed, books, shipped)
    assert (made.rows, made.reason) == (2, "late reading")
    assert made.columns["amount"].tolist() == [-10_000, 12_000]
    assert made.columns["mg"].tolist() == [-5_153_000, 6_183_600]
    ledger = Ledger.of([first, made])
    entries = ledger.entries("works-power")
    assert entries["entry_id"].tolist() == [f"0-{i}" for i in _rows(first, "works-power")] + ["1-0", "1-1"]
    reversed_one = entries.loc[entries["entry_id"] == "1-0", "reverses"].item()
    assert entries.set_index("entry_id").loc[reversed_one, "amount"] == 10_000
    fresh = post(changed, books, (), shipped, KNOWN, zone=ZONE)
    pd.testing.assert_frame_equal(sums(ledger), sums(Ledger.of([fresh])))


def _rows(batch, account_id):
    line = [line.account_id for line in batch.lines].index(account_id)
    return [row for row, number in enumerate(batch.columns["line"].tolist()) if number == line]


def test_a_changed_gas_reading_restates_both_gases_and_usage_that_is_gone_is_taken_back(day, books, shipped, first):
    gone = day[day["point_id"] != "gas.volume"]
    made = again(Ledger.of([first]), gone, books, shipped, reason="meter of another city")
    assert made.rows == 8  # four quarters, two gases
    ledger = Ledger.of([first, made])
    assert not (sums(ledger)["carrier"] == "gas").any()
    assert again(ledger, gone, books, shipped, days=2) is None


def test_a_point_that_moves_to_another_account_is_counted_once(usage, shipped):
    frame = usage("a.energy", [1000] * 4)
    ledger = Ledger.of([post(frame, [power()], (), shipped, KNOWN, zone=ZONE)])
    moved = [power("b", point="a.energy", site="t")]
    with pytest.raises(PenstockError, match=r"'a.energy': counted twice from 2022-06-14T22:00Z: a new entry and 0-0"):
        doubled(ledger, post(frame, moved, (), shipped, KNOWN, zone=ZONE))
    made = again(ledger, frame, moved, shipped, reason="the site was sold", account_ids=("a", "b"))
    doubled(ledger, made)
    book = Ledger.of([*(one.batch for one in ledger.batches), made]).book(("account_id",), zone=ZONE).set_index("account_id")
    assert book["amount"].to_dict() == {"a": 0, "b": 4000}


def test_accounts_that_are_not_named_are_left_alone(day, books, shipped, first):
    changed = day.assign(amount=day["amount"] + 1)
    made = again(Ledger.of([first]), changed, books, shipped, account_ids=("pumps",))
    assert {line.account_id for line in made.lines} == {"pumps"}


def test_an_account_of_another_sector_is_restated_and_a_newer_version_of_the_same_reading_is_not(usage, shipped):
    frame = usage("a.energy", [1000])
    ledger = Ledger.of([post(frame, [power()], (), shipped, KNOWN, zone=ZONE)])
    assert again(ledger, frame.assign(version=2), [power()], shipped) is None
    made = again(ledger, frame, [power(sector="services")], shipped, reason="wrong sector in the first books")
    book = sums(Ledger.of([ledger.batches[0].batch, made]))
    assert book[["sector", "amount"]].to_numpy().tolist() == [["services", 1000]]


def test_a_batch_that_is_one_reversal_takes_its_entry_back(usage, shipped):
    ledger = Ledger.of([post(usage("a.energy", [1000]), [power()], (), shipped, KNOWN, zone=ZONE)])
    made = again(ledger, usage("a.energy", []), [power()], shipped, reason="not ours")
    assert made.rows == 1
    now = Ledger.of([ledger.batches[0].batch, made])
    assert sums(now).empty
    assert again(now, usage("a.energy", []), [power()], shipped, days=2) is None
    doubled(now, ledger.batches[0].batch)


def test_a_restatement_needs_a_reason_and_usage_within_its_span(day, books, shipped, first):
    ledger = Ledger.of([first])
    with pytest.raises(PenstockError, match="no reason"):
        again(ledger, day, books, shipped, reason=" ")
    with pytest.raises(PenstockError, match="usage from 2022-06-14T22:00Z"):
        again(ledger, day, books, shipped, start=START + timedelta(minutes=15))


def test_a_time_that_an_entry_from_before_the_span_counts_is_not_posted_again(usage, shipped):
    long = usage("a.energy", [10_000], minutes=240)
    ledger = Ledger.of([post(long, [power()], (), shipped, KNOWN, zone=ZONE)])
    late = usage("a.energy", [1, 2, 3, 4], minutes=60).iloc[2:]
    with pytest.raises(PenstockError, match=r"'a.energy': counted twice from 2022-06-15T00:00Z: 0-0 and a new entry"):
        again(ledger, late, [power()], shipped, start=START + timedelta(hours=2))


def test_bad_usage_restates_nothing(day, books, shipped, first):
    with pytest.raises(PenstockError, match="negative"):
        again(Ledger.of([first]), day.assign(amount=-1), books, shipped)


def test_posting_a_day_twice_is_refused_and_naming_both_entries(usage, shipped):
    frame = usage("a.energy", [1, 2])
    batch = post(frame, [power()], (), shipped, KNOWN, zone=ZONE)
    doubled(Ledger.of([]), batch)
    with pytest.raises(PenstockError, match="a new entry and 0-1"):
        doubled(Ledger.of([batch]), batch)


_amounts = st.lists(st.integers(0, 10**6), min_size=8, max_size=8)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(_amounts, st.lists(_amounts, min_size=1, max_size=4), st.lists(st.sampled_from([1, 4, 2, 0]), min_size=8, max_size=8))
def test_after_any_restatements_now_is_the_last_usage_and_then_is_what_was_known(usage, shipped, amounts, later, qualities):
    accounts = [power(), account_of(id="g", kind="natural-gas", point="g.volume", site="s", sector="x", region="CN-ZJ")]

    def frame_of(values, quality=1):
        return pd.concat([usage("a.energy", values[:4]), usage("g.volume", values[4:], quantity="gas_m3")]).assign(quality=quality)

    batches, known = [post(frame_of(amounts), accounts, (), shipped, KNOWN, zone=ZONE)], []
    for day, values in enumerate(later, 1):
        ledger = Ledger.of(batches)
        known.append((ledger.root, sums(ledger), KNOWN + timedelta(days=day - 1)))
        made = again(ledger, frame_of(values, qualities), accounts, shipped, days=day)
        batches += [made] if made else []
        if made:
            back = made.columns["reverses"] != NOTHING
            entries = ledger.entries().set_index("entry_id")
            taken = [f"{name >> 32}-{name & 0xFFFFFFFF}" for name in made.columns["reverses"][back].tolist()]
            for name in ("amount", "mg"):  # a reversal and its entry add up to nothing
                assert (entries.loc[taken, name].to_numpy() + made.columns[name][back] == 0).all()
    now = Ledger.of(batches)
    fresh = Ledger.of([post(frame_of(later[-1], qualities), accounts, (), shipped, KNOWN, zone=ZONE)])
    pd.testing.assert_frame_equal(sums(now), sums(fresh))
    for root, book, at in known:
        then = now.as_known(at)
        assert then.root == root
        pd.testing.assert_frame_equal(sums(then), book)
    assert set(KEYS) < set(sums(now).columns)
