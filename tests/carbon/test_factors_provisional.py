"""A year without a published factor: posted provisionally when asked, restated when its own number is published."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from carbon import factors
from carbon.accounts import account_of, provisional
from carbon.ledger.ledger import Ledger
from carbon.ledger.post import post
from carbon.ledger.restate import restate
from carbon.lint.posted import lint_posted
from city.places import Site
from city.problems import PenstockError

ZONE = "Asia/Shanghai"
THEN, LATER = datetime(2024, 5, 3, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
SPAN = {"start": datetime(2024, 4, 30, tzinfo=UTC), "end": datetime(2024, 5, 3, tzinfo=UTC)}
SITES = (Site(id="works", sector="industry"),)


@pytest.fixture(scope="module")
def power():
    return account_of(id="power", kind="grid-electricity", point="works.energy", site="works", sector="industry", region="CN-ZJ")


@pytest.fixture(scope="module")
def may(usage):
    """Four hours of 10 kWh on 1 May 2024 in Hangzhou."""
    return usage("works.energy", [10_000] * 4, start="2024-05-01T00:00Z", minutes=60)


def _published_2024(shipped):
    last = factors.by_id(shipped, "cn.mee.grid.average-provincial.CN-ZJ.2023")
    of_2024 = {"id": "own.grid.CN-ZJ.2024", "value": Decimal("0.4801"), "valid_from": date(2024, 1, 1), "valid_to": date(2024, 12, 31)}
    return (*shipped, last.model_copy(update=of_2024))


def test_a_year_that_is_not_published_is_refused_unless_asked_for(shipped, power, may):
    with pytest.raises(PenstockError, match="no factor is valid on that day"):
        post(may, [power], SITES, shipped, THEN, zone=ZONE)


def test_the_ledger_restates_when_the_real_factor_is_published(shipped, power, may):
    accounts = provisional([power])
    first = post(may, accounts, SITES, shipped, THEN, zone=ZONE)
    assert [(rule.provisional, rule.rule_id) for rule in first.rules] == [(True, "cn.mee.grid.average-provincial.CN-ZJ.2023")]
    assert "Provisional" in first.rules[0].note
    ledger = Ledger.of([first])
    same = restate(ledger, may, accounts, SITES, shipped, LATER, zone=ZONE, reason="nothing new", **SPAN)
    assert same is None

    again = restate(ledger, may, accounts, SITES, _published_2024(shipped), LATER, zone=ZONE, reason="2024's factor is published", **SPAN)
    assert again is not None
    both = Ledger.of([first, again])
    assert not any(rule.provisional for rule in again.rules if rule.rule_id == "own.grid.CN-ZJ.2024")
    by = ("account_id", "gas")
    assert both.book(by, zone=ZONE, period="Y")["mg"].tolist() == [40 * 480_100]  # 40 kWh x 0.4801 kg
    assert both.as_known(THEN).book(by, zone=ZONE, period="Y")["mg"].tolist() == [40 * 497_400]
    assert both.book(by, zone=ZONE, period="Y")["amount"].tolist() == [40_000]  # the electricity is counted once


def test_the_linter_tells_what_to_restate_until_it_is_restated(shipped, power, may):
    accounts, now = provisional([power]), _published_2024(shipped)
    first = post(may, accounts, SITES, shipped, THEN, zone=ZONE)
    ledger = Ledger.of([first])
    assert lint_posted(ledger, shipped, ZONE) == ()
    found = lint_posted(ledger, now, ZONE)
    assert [(f.rule, f.severity) for f in found] == [("provisional", "warn")]
    assert "posted for 2024-05-01 to 2024-05-01" in found[0].subject
    assert "penstock carbon restate 2024" in found[0].remedy
    again = restate(ledger, may, accounts, SITES, now, LATER, zone=ZONE, reason="2024's factor is published", **SPAN)
    assert lint_posted(Ledger.of([first, again]), now, ZONE) == ()


def test_a_row_edited_in_place_is_told(shipped, power, may):
    ledger = Ledger.of([post(may, provisional([power]), SITES, shipped, THEN, zone=ZONE)])
    name = "cn.mee.grid.average-provincial.CN-ZJ.2023"
    edited = [f.model_copy(update={"value": Decimal("0.4000")}) if f.id == name else f for f in shipped]
    assert [(f.rule, f.severity) for f in lint_posted(ledger, edited, ZONE)] == [("edited", "refuse")]
    gone = [f for f in shipped if f.id != name]
    assert [f.observed for f in lint_posted(ledger, gone, ZONE)] == ["in no set any more"]
