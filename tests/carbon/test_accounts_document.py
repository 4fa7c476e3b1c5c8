"""docs/accounts.md: its worked numbers, its city file and its example of a new kind are true."""

import re
import tomllib
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated

import pandas as pd
import pytest
from pydantic import Field, TypeAdapter

from carbon.accounts import KINDS, account_of, apply, check, double_counting
from carbon.accounts.account import AccountKind
from carbon.ledger.post import post
from city.places import Meter

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "accounts.md").read_text(encoding="utf-8")
PLACE = {"id": "a", "point": "m.x", "site": "s", "sector": "industry", "region": "CN-ZJ"}
WORKED = re.findall(r"^\| (1 [^|]+) \| ([^|]+) \| (\d{4}-\d\d-\d\d) \| (\w+) \| ([\d.]+) kg \|$", PAGE, re.MULTILINE)


def test_the_page_has_ten_worked_numbers():
    assert len(WORKED) == 10


@pytest.mark.parametrize(("what", "fields", "day", "gas", "printed"), WORKED)
def test_a_worked_number_is_what_the_rule_gives(shipped, what, fields, day, gas, printed):
    kind, *pairs = fields.split(", ")
    account = account_of(**{**PLACE, **dict(pair.split("=") for pair in pairs)}, kind=kind)
    (rule,) = (rule for rule in apply(account, shipped, date.fromisoformat(day)) if rule.gas == gas)
    kg = Fraction(rule.numerator, rule.denominator) * account.quantity.scale / 10**6
    places = -Decimal(printed).as_tuple().exponent
    assert round(kg, places) == Fraction(printed), what


def test_the_table_names_every_kind():
    table = PAGE.split("## Kinds")[1].split("`posting` is in")[0]
    assert set(re.findall(r"`([a-z-]+)`", re.sub(r"\|[^|]*\|[^|]*\|[^|]*\|[^|]*\|[^|]*$", "|", table, flags=re.MULTILINE))) == {
        kind.model_fields["kind"].default for kind in KINDS
    }


def test_the_example_is_a_city_whose_accounts_are_accepted(shipped):
    accounts = [account_of(**entry) for entry in tomllib.loads(re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL).group(1))["accounts"]]
    check(accounts)
    meters = [
        Meter(id=name, site="hall", commodity="electricity", role="load", model="m", under=up)
        for name, up in (("hall", None), ("kitchen", "hall"))
    ]
    assert double_counting(accounts, meters) == []
    for account in accounts:
        assert apply(account, shipped, date(2022, 6, 15))


def test_a_new_kind_is_one_class_and_posts_like_the_others(shipped):
    space: dict = {}
    exec(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1), space)  # noqa: S102 - the page's own example
    union = TypeAdapter(Annotated[reduce(or_, (*KINDS, space["Cooling"])), Field(discriminator="kind")])
    account = union.validate_python({**PLACE, "kind": "cooling", "performance": 3})
    assert isinstance(account, AccountKind)
    start = pd.DatetimeIndex(["2025-06-15T10:00Z"]).as_unit("us")
    rows = {"point_id": "m.x", "period_start_utc": start, "period_end_utc": start + pd.Timedelta(1, "h"), "quantity": "heat_kwh"}
    usage = pd.DataFrame(rows | {"amount": [3_000], "quality": 1, "version": 1})
    made = post(usage, [account], (), shipped, datetime(2025, 6, 16, tzinfo=UTC), zone="Asia/Shanghai")
    assert made.columns["mg"].tolist() == [396_000]  # 3 kWh x 0.396 kg/kWh / 3
    assert made.lines[0].carrier == "cold"
