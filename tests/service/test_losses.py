"""Lost water by night: months in the store, bills that close the balance, and energy that the ledger tells but does not count twice."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import select

from city.clock import parse_utc
from service import schema as t
from service.environment import Environment
from service.night import Night, Output, leaks, ledger
from service.settings import load
from service.store import open_store, results, writing
from service.store.ledger import open_ledger
from service.view import losses as view
from tests.town import NOW, PARTS, Town, prepared

ACCOUNTS = PARTS["accounts"] + "".join(
    f'[[accounts]]\nid = "{name}"\nkind = "{kind}"\npoint = "{point}"\nsite = "here"\nsector = "services"\nregion = "CN-ZJ"\n'
    for name, kind, point in (
        ("supply", "water-supply", "inflow.volume"),
        ("loss", "water-loss", "old-town.loss"),
        ("loss-energy", "water-loss-energy", "old-town.loss_energy"),
    )
)
WATER = """[water]
network = "Net3"
valves = "valves.csv"
price_per_m3 = 2.0
[water.losses]
billed = "billed.csv"
energy = ["hall.energy"]
targets = [{ id = "less", base_month = "2021-12", base_share = 0.9, milestones = { 2022-12 = 0.8 } }]
[water.losses.areas.old-town]
connections = 400
mains_km = 10.0
pressure_m = 40.0
"""
BILLED = "zone,month,billed_metered_m3,unbilled_metered_m3\nold-town,2022-05,2000.123456,10\n"


def town(folder: Path, **parts: str) -> Town:
    made = Town(folder, parts={**PARTS, "accounts": ACCOUNTS, "water": WATER, **parts}, days=60).write()
    (folder / "valves.csv").write_text("valve,link,node\nv001,105,105\n")
    (folder / "billed.csv").write_text(BILLED)
    return prepared(made)


def night(made: Town) -> Output:
    """The leaks and the ledger of a night, without its forecasts and its plan. Returns what leaks said."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENSTOCK_CITY", str(made.file))
        patch.setenv("PENSTOCK_HOME", str(made.folder))
        city, engine = load(Environment()), open_store(made.database)
    said = []
    for step in (leaks, ledger):
        said.append(step.compute(Night(city, engine, date(2022, 6, 16), parse_utc(NOW), {})))
        with writing(engine) as connection:
            said[-1].write(connection)
    return said[0]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Town:
    made = town(tmp_path_factory.mktemp("losses") / "town")
    night(made)
    return made


def entries(made: Town) -> pd.DataFrame:
    return open_ledger(open_store(made.database), made.folder).entries()


def test_each_month_has_its_losses_with_an_interval_and_the_city_is_their_sum(told: Town) -> None:
    rows = results.rows(open_store(told.database), t.loss_month)
    assert {row.month for row in rows} == {"2022-04", "2022-05", "2022-06"}
    may = {row.zone_id: row for row in rows if row.month == "2022-05"}
    assert set(may) == {"", "old-town"}
    assert may[""].loss_m3 == may["old-town"].loss_m3
    assert may["old-town"].hours == 31 * 24
    assert 0 < may["old-town"].loss_m3 < may["old-town"].inflow_m3
    assert may["old-town"].loss_sd_m3 > 0


def test_a_billed_month_closes_to_the_millilitre(told: Town) -> None:
    engine = open_store(told.database)
    (may,) = (row for row in results.rows(engine, t.loss_month) if (row.zone_id, row.month) == ("old-town", "2022-05"))
    assert may.detail["by_bills"]
    ml = {component: amount for _, component, amount, _ in may.detail["balance"]}
    assert ml["billed_metered"] == 2_000_123_456
    assert ml["system_input"] == ml["billed"] + ml["unbilled"] + ml["apparent"] + ml["real"]
    assert ml["non_revenue"] == ml["system_input"] - ml["billed"]


def test_electricity_in_lost_water_is_information_and_stands_beside_the_sum(told: Town) -> None:
    book = entries(told)
    energy = book[book["account_id"] == "loss-energy"]
    assert set(energy["kind"]) == {"outside"}
    assert (energy["mg"] > 0).all()
    day = energy["period_start_utc"].iloc[-1]
    one = book[(book["period_start_utc"] >= day) & (book["period_start_utc"] < day + pd.Timedelta(days=1))]
    amount = one.groupby("account_id")["amount"].sum()
    assert amount["loss-energy"] == round(int(amount["loss"]) * Fraction(int(amount["el-hall"]), int(amount["supply"])))
    assert amount["loss-energy"] < amount["el-hall"]  # a part of what the pumps used, never more


def test_the_citys_sum_is_the_same_with_and_without_the_information_account(told: Town, tmp_path: Path) -> None:
    less = town(tmp_path / "town", accounts=ACCOUNTS[: ACCOUNTS.rindex("[[accounts]]")])
    night(less)
    sums = [int(book.loc[book["kind"] == "posting", "mg"].sum()) for book in (entries(told), entries(less))]
    assert sums[0] == sums[1] > 0


def test_balance_shows_the_table_the_ranking_and_the_target_and_writes_them(told: Town, tmp_path: Path) -> None:
    said = told.penstock("water", "balance", "--csv", str(tmp_path / "balance.csv"))
    assert said.code == 0, said.all
    assert "the city, 2022-05" in said.out
    assert "non revenue" in said.out
    assert "target less" in said.out
    table = pd.read_csv(tmp_path / "balance.csv")
    assert set(table["zone"]) == {"city", "old-town"}
    nowhere = told.penstock("water", "balance", "--csv", str(tmp_path / "none" / "balance.csv"))
    assert (nowhere.code, nowhere.foreseen) == (1, True)
    assert "a file that can be written" in nowhere.err
    unknown = told.penstock("water", "balance", "--month", "1999-01")
    assert unknown.code == 1
    assert "no month 1999-01; allowed: one of 2022-04" in unknown.err


def test_a_billed_month_is_ranked_by_the_real_losses_of_its_balance(told: Town) -> None:
    rows = view.chosen(view.months(open_store(told.database)), "2022-05")
    real = view.iwa(rows, "old-town").set_index("component").loc["real"]
    (ranked,) = view.ranked(rows, 2.0).itertuples()
    assert ranked.loss_m3 == pytest.approx(real["m3"])
    assert ranked.uarl_m3 == pytest.approx((18 * 10 + 0.8 * 400) * 40 / 1000 * 31)
    assert ranked.ili == pytest.approx(real["m3"] / ranked.uarl_m3)


def test_a_pressure_what_if_tells_water_bursts_energy_and_money(told: Town) -> None:
    said = told.penstock("water", "pressure-what-if", "old-town", "25", "--now", "2022-06-16T00:30+02:00")
    assert said.code == 0, said.all
    assert "leakage less" in said.out
    assert "kg CO2" in said.out
    assert told.penstock("water", "pressure-what-if", "atlantis", "25").code == 1


def test_a_billing_file_that_cannot_be_believed_costs_the_months_and_is_told_line_by_line(tmp_path: Path) -> None:
    made = town(tmp_path / "town")
    wrong = (
        "zone,month,billed_metered_m3\nold-town,2022-05,1\nold-town,2022-05,2\natlantis,2022-05,3\nold-town,May,4\nold-town,2022-04,-5\n"
    )
    (made.folder / "billed.csv").write_text(wrong)
    told = "\n".join(map(str, night(made).result.problems))
    for line in (3, 4, 5, 6):
        assert f"billed.csv line {line}" in told
    with open_store(made.database).connect() as connection:
        assert connection.execute(select(t.loss_month)).all() == []
        assert connection.execute(select(t.water_balance.c.day)).scalars().first() >= date(2022, 4, 16)  # days do not need bills


def test_names_that_losses_do_not_know_are_faults_of_the_city_file(tmp_path: Path) -> None:
    wrong = WATER.replace('["hall.energy"]', '["hall.heat"]').replace("areas.old-town", "areas.atlantis")
    made = Town(tmp_path, parts={**PARTS, "water": wrong}).write()
    said = made.penstock("night")
    assert said.code == 1
    assert "water.losses.energy" in said.err
    assert "water.losses.areas.atlantis" in said.err
