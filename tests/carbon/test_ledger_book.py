"""Sums of the ledger: exact at every level, by civil periods, refused where they would not fit."""

from datetime import UTC, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon.accounts import account_of
from carbon.ledger.batch import COLUMNS, Batch, Line, Rule
from carbon.ledger.book import KEYS, SUMS
from carbon.ledger.civil import Periods, micros
from carbon.ledger.entries import Sealed
from carbon.ledger.ledger import Ledger
from carbon.ledger.post import post
from city.frames import LEDGER, checked
from city.places import Site
from city.problems import PenstockError

KNOWN = datetime(2022, 12, 1, tzinfo=UTC)
ROME = "Europe/Rome"
GRID = Rule("grid", "CO2", 1, 1, "posting", "location")


def line(name="a", quantity="energy_kwh", site="s"):
    return Line(name, f"{name}.p", quantity, 2, "I.3.2", "grid electricity", "electricity", site, "", "x")


A = line()


def batch(amounts, start=0, lines=(A,), rule=GRID):
    """One entry per amount: hours from `start` [s since 1970 UTC] on, lines in turn."""
    rows = len(amounts)
    values = {
        "start": start * 1_000_000 + np.arange(rows) * 3_600_000_000,
        "amount": amounts,
        "mg": amounts,
        "line": np.arange(rows) % len(lines),
    }
    same = {"rule": 0, "seconds": 3600, "quality": 1, "version": 1, "counts": 1, "reverses": -1}
    columns = {name: np.full(rows, same[name], dtype) if name in same else np.array(values[name], dtype) for name, dtype in COLUMNS.items()}
    return Batch(tuple(lines), (rule,), columns, KNOWN)


def test_the_night_clocks_go_back_has_25_labelled_hours_and_a_day_of_25():
    start = int(datetime(2022, 10, 29, 22, tzinfo=UTC).timestamp())
    ledger = Ledger.of([batch([1] * 49, start)])
    days = ledger.book(zone=ROME, period="D").set_index("period")["amount"]
    assert days.to_dict() == {"2022-10-30": 25, "2022-10-31": 24}
    hours = ledger.book(zone=ROME, period="H")["period"].tolist()
    assert len(set(hours)) == 49
    assert hours[2:5] == ["2022-10-30T02:00+02:00", "2022-10-30T02:00+01:00", "2022-10-30T03:00+01:00"]
    assert [micros(datetime.fromisoformat(hour)) for hour in hours] == ledger.batches[0].columns["start"].tolist()


def test_a_spring_day_has_23_hours_and_months_and_years_are_civil():
    start = int(datetime(2022, 3, 26, 23, tzinfo=UTC).timestamp())
    assert Ledger.of([batch([1] * 30, start)]).book(zone=ROME, period="D")["amount"].tolist() == [23, 7]
    turn = int(datetime(2021, 12, 31, 22, tzinfo=UTC).timestamp())
    for period, labels in (("M", ["2021-12", "2022-01"]), ("Y", ["2021", "2022"])):
        book = Ledger.of([batch([1] * 3, turn)]).book(zone=ROME, period=period)
        assert (book["period"].tolist(), book["amount"].tolist()) == (labels, [1, 2])


@given(st.integers(0, 2**31), st.sampled_from(["Europe/Rome", "Asia/Shanghai", "Asia/Kolkata", "America/St_Johns"]))
def test_every_time_falls_into_the_civil_day_that_its_zone_says(second, zone):
    days = Periods(second * 1_000_000, (second + 40 * 86_400) * 1_000_000, zone, "D")
    times = (second + np.arange(0, 40 * 86_400, 7_919)) * 1_000_000
    said = [days.labels[code] for code in days.of(times)]
    assert said == [str(datetime.fromtimestamp(int(time) // 1_000_000, ZoneInfo(zone)).date()) for time in times]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=60), st.sampled_from(["H", "D", "M"]))
def test_city_is_the_sum_of_districts_sites_and_accounts_to_the_milligram(usage, shipped, amounts, period):
    sites = [Site(id=f"s{i}", sector="x", district=f"d{i % 2}") for i in range(3)]
    place = {"sector": "x", "region": "CN-ZJ"}
    books = [account_of(id=f"a{i}", kind="grid-electricity", point=f"a{i}.e", site=f"s{i % 3}", **place) for i in range(4)]
    frame = pd.concat([usage(book.point, amounts, minutes=60) for book in books])
    made = post(frame, books, sites, shipped, KNOWN, zone=ROME)
    city = Ledger.of([made]).book((), zone=ROME, period=None)
    assert city["mg"].item() == 4 * sum(round(Fraction(amount) * Fraction("515.3")) for amount in amounts)
    for by in (("district",), ("site",), ("account_id",), KEYS):
        parts = Ledger.of([made]).book(by, zone=ROME, period=period)
        assert parts[list(SUMS)].sum().tolist() == city[list(SUMS)].sum().tolist()


def test_a_window_takes_the_entries_that_start_in_it_and_batches_outside_are_not_opened(tmp_path):
    start = int(datetime(2022, 6, 1, tzinfo=UTC).timestamp())
    ledger = Ledger.of([batch([1] * 24, start), batch([10] * 24, start + 86_400)])
    there = Ledger((ledger.batches[0], Sealed(ledger.batches[1].header, tmp_path)))  # the second one's file is not there
    day = (datetime(2022, 6, 1, 6, tzinfo=UTC), datetime(2022, 6, 2, tzinfo=UTC))
    assert there.book(zone="UTC", period=None, start=day[0], end=day[1])["amount"].tolist() == [18]
    assert len(there.entries(start=day[0], end=day[1])) == 18
    with pytest.raises(PenstockError, match="missing or empty"):
        there.book(zone="UTC", period="D")


def test_kwh_and_cubic_metres_postings_and_memos_and_two_gases_are_never_one_sum():
    lines = (line(), line("w", quantity="volume_m3"))
    made = Ledger.of([batch([5, 7], lines=lines)]).book(("sector",), zone="UTC", period=None)
    assert made[["quantity", "amount"]].to_numpy().tolist() == [["energy_kwh", 5], ["volume_m3", 7]]
    with pytest.raises(PenstockError, match="by colour"):
        Ledger.of([batch([1])]).book(("colour",), zone="UTC")


def test_a_sum_near_the_end_of_64_bits_is_exact_and_one_beyond_is_refused():
    most = 2**63 - 1
    assert Ledger.of([batch([most - 5, 5])]).book(zone="UTC", period=None)["amount"].tolist() == [most]
    assert Ledger.of([batch([most, 5, -10])]).book(zone="UTC", period=None)["mg"].tolist() == [most - 5]
    with pytest.raises(PenstockError, match="beyond 64 bits"):
        Ledger.of([batch([most, 1])]).book(zone="UTC", period=None)


def test_entries_are_a_ledger_frame_with_categorical_names():
    made = Ledger.of([batch([1, 2], lines=(line("a"), line("b")))]).entries("b")
    assert made["entry_id"].tolist() == ["0-1"]
    assert isinstance(made["account_id"].dtype, pd.CategoricalDtype)
    assert list(checked(LEDGER, made, "ledger").columns) == list(made.columns)
