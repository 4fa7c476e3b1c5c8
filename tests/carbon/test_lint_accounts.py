"""The linter of accounts: a right number in the wrong place."""

from datetime import date

import pytest

from carbon.accounts import account_of
from carbon.lint import lint_accounts

ON = date(2023, 6, 15)
PLACE = {"site": "works", "sector": "industry", "region": "CN-ZJ", "note": "for a reason"}


def _power(**named):
    return account_of(id="power", kind="grid-electricity", point="works.energy", **{**PLACE, **named})


def _water(factor_id: str):
    return account_of(id="water", kind="water-supply", point="works.volume", factor_id=factor_id, **{**PLACE, "region": "GB"})


@pytest.mark.parametrize(
    ("account", "rule", "severity", "words"),
    [
        (_power(factor_id="cn.mee.grid.average-national.CN.2023"), "national", "warn", "CN-ZJ.2023', published for CN-ZJ"),
        (_power(factor_id="cn.mee.grid.average-regional.CN-ECG.2023"), "national", "warn", "CN-ZJ.2023', published for CN-ZJ"),
        (_power(factor_activity="grid electricity average-national"), "national", "warn", "grid electricity average-provincial"),
        (_power(factor_id="cn.mee.grid.average-provincial.CN-ZJ.2021"), "superseded", "warn", "CN-ZJ.2023', which is valid then"),
        (_power(factor_id="cn.mee.pcf.national.2023"), "footprint", "refuse", "an inventory factor"),
        (_water("uk.desnz.2025.wt"), "water", "refuse", "a factor of water supply"),
    ],
)
def test_a_number_in_the_wrong_place_is_told(shipped, account, rule, severity, words):
    found = [f for f in lint_accounts([account], shipped, ON) if f.rule == rule]
    assert [(f.severity, words in f.allowed) for f in found] == [(severity, True)], [str(f) for f in found]
    assert account.id in found[0].subject


def test_every_province_is_told_of_its_own_factor(shipped):
    """The nation's factor named by an account of each of the 30 provinces with a number of its own, and by Xizang, which has none."""
    regions = {f.region for f in shipped if f.activity == "grid electricity average-provincial"}
    told = [
        region
        for region in (*sorted(regions), "CN-XZ")
        if lint_accounts([_power(region=region, factor_id="cn.mee.grid.average-national.CN.2023")], shipped, ON)
    ]
    assert told == sorted(regions)
    assert len(told) == 30


def test_accounts_that_look_their_factors_up_raise_no_alarm(shipped, books):
    assert lint_accounts(books, shipped, ON) == ()
    assert lint_accounts([_power(factor_id="cn.mee.grid.average-provincial.CN-ZJ.2023")], shipped, ON) == ()
    assert lint_accounts([_water("uk.desnz.2025.ws")], shipped, date(2025, 6, 1)) == ()


def test_old_warming_potentials_are_told():
    assert [f.rule for f in lint_accounts([], (), ON, "AR4")] == ["superseded"]
    assert lint_accounts([], (), ON, "AR5") == lint_accounts([], (), ON, "GHGP2024") == ()
