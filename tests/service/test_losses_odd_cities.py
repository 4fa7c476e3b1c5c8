"""Lost water where the city is not as simple as it should be: two inlets, meters of two steps, a DMA without people, part of the bills."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from city.clock import parse_utc
from city.problems import PenstockError
from service import billed, losses
from service import schema as t
from service.environment import Environment
from service.night import Night
from service.settings import load
from service.store import open_store, results, writing
from service.water import required
from tests.service.test_losses import BILLED, WATER
from tests.town import HEAD, NOW, PARTS, Town, prepared, water

METERS = "".join(
    f'  {{ id = "{name}", site = "here", model = "water-meter", commodity = "water", role = "load", zone = "{zone}", step_s = {step} }},\n'
    for name, zone, step in (("second", "old-town", 900), ("mill", "works", 3600))
)
ZONES = '{ id = "old-town", kind = "dma", population = 500 }'
LISTED = '[water.zones]\nold-town = ["105", "107"]\nworks = ["15"]\n'


def quarters(days: int) -> pd.DataFrame:
    """Half of the first inlet's volume, by the quarter of an hour: 2 m3 in each of four of them for 16 in the hour."""
    hours = water(days)
    times = pd.date_range(hours["time"].iloc[0], periods=4 * len(hours), freq="15min")
    return pd.DataFrame({"time": times, "second.volume": np.repeat(hours["inflow.volume"].to_numpy() / 8, 4)})


def town(folder: Path, bills: str = BILLED) -> Town:
    head = HEAD[: HEAD.rindex("]")] + METERS + "]\n"
    head = head.replace(ZONES, f'{ZONES}, {{ id = "works", kind = "dma" }}')
    imports = PARTS["imports"] + "".join(
        f'[[imports]]\npath = "{name}.csv"\nmapping = {{ time = "time", quantity = "volume_m3", step_s = {step} }}\n'
        for name, step in (("second", 900), ("mill", 3600))
    )
    made = Town(folder, head=head, parts={**PARTS, "imports": imports, "water": WATER + LISTED}, days=60).write()
    quarters(60).to_csv(folder / "second.csv", index=False)
    water(60).rename(columns={"inflow.volume": "mill.volume"}).to_csv(folder / "mill.csv", index=False)
    (folder / "valves.csv").write_text("valve,link,node\nv001,105,105\n")
    (folder / "billed.csv").write_text(bills)
    return prepared(made)


def night_of(made: Town) -> Night:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENSTOCK_CITY", str(made.file))
        patch.setenv("PENSTOCK_HOME", str(made.folder))
        return Night(load(Environment()), open_store(made.database), date(2022, 6, 16), parse_utc(NOW), {})


def told(made: Town) -> losses.Told:
    night = night_of(made)
    return losses.told(night, required(night.city))


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return town(tmp_path_factory.mktemp("odd") / "town")


def test_two_inlets_of_different_steps_are_one_inflow(odd: Town) -> None:
    days = {row["day"]: row for row in told(odd).days if row["zone_id"] == "old-town"}
    hours = water(60)
    local = pd.DatetimeIndex(hours["time"]).tz_convert("Europe/Rome").date == date(2022, 6, 1)
    assert days[date(2022, 6, 1)]["inflow_m3"] == pytest.approx(1.5 * hours["inflow.volume"][local].sum(), abs=0.1)
    assert len(days) == 60


def test_a_dma_without_people_is_named_and_costs_the_others_nothing(odd: Town) -> None:
    made = told(odd)
    assert [problem.subject for problem in made.problems] == ["DMA 'works'"]
    assert {row["zone_id"] for row in made.days} == {"old-town"}
    assert "old-town" in {row["zone_id"] for row in made.months}


def test_a_night_that_is_run_twice_tells_the_same_rows_once(odd: Town) -> None:
    engine = open_store(odd.database)
    for _ in range(2):
        made = told(odd)
        with writing(engine) as connection:
            made.write(connection)
    assert made.days == []  # they are there already
    assert len(results.rows(engine, t.loss_month)) == len(made.months)
    assert len(results.rows(engine, t.water_balance)) == 60


def test_a_month_measured_in_part_is_not_held_against_its_bills(tmp_path: Path) -> None:
    both = BILLED + "old-town,2022-04,2000,0\n"  # history begins on 16 April
    months = {row["month"]: row["detail"]["by_bills"] for row in told(town(tmp_path, both)).months if row["zone_id"] == "old-town"}
    assert months == {"2022-04": False, "2022-05": True, "2022-06": False}


def test_hours_that_a_billed_month_misses_are_carried_and_widen_its_limits(odd: Town) -> None:
    bills = billed.Bills({("old-town", "2022-05"): (Decimal(900), Decimal(0), Decimal(0), Decimal(0))})
    given = losses._Given(required(night_of(odd).city), bills, {"old-town": None})
    whole, part = (
        losses._balance(given, "old-town", pd.Series({"month": "2022-05", "measured": share, "whole_m3": 1000.0}))[0]
        for share in (1.0, 0.95)
    )
    assert whole.system_input.m3 == part.system_input.m3 == 1000
    assert whole.system_input.limit_m3 == pytest.approx(5)  # 0.5 %
    assert part.system_input.limit_m3 == pytest.approx(55)  # and the 5 % that nobody measured


def test_a_district_that_is_billed_without_meters_is_billed(odd: Town) -> None:
    bills = billed.Bills({("old-town", "2022-05"): (Decimal(0), Decimal(900), Decimal(0), Decimal(0))})
    given = losses._Given(required(night_of(odd).city), bills, {"old-town": None})
    made, by_bills = losses._balance(given, "old-town", pd.Series({"month": "2022-05", "measured": 1.0, "whole_m3": 1000.0}))
    assert by_bills
    assert (made.consumption.billed_metered.m3, made.real.m3) == (0, Decimal("97.5"))  # less 2.5 of unauthorised use


def test_the_city_is_billed_only_when_all_its_dmas_are() -> None:
    ten, none = (Decimal(10), Decimal(0), Decimal(0), Decimal(1)), (Decimal(0),) * 4
    bills = billed.Bills({("a", "2022-05"): ten, ("b", "2022-05"): none, ("other", "2022-05"): ten})
    assert bills.consumption("", "2022-05", 0.0, 0.0, ("a", "b", "c")) is None  # nobody knows what c was billed
    both = bills.consumption("", "2022-05", 0.0, 0.0, ("a", "b"))
    assert both is not None
    assert (both.billed.m3, both.unbilled.m3) == (10, 1)  # not what a zone is billed that is no part of the inflow
    assert bills.consumption("", "2022-06", 0.0, 0.0, ("a",)) is None


def test_months_of_a_clock_change_have_an_hour_less_or_more() -> None:
    months = ("2022-03", "2022-10", "2022-02", "2022-12")
    assert [losses._hours(month, "Europe/Rome") for month in months] == [743, 745, 672, 744]


@pytest.mark.parametrize("line", ["old-town", "old-town,2022-05", "old-town,2022-05,1e400", "old-town,2022-05,NaN", "old-town,2022-05,-1"])
def test_a_billing_line_that_is_short_or_absurd_is_told(line: str, odd: Town) -> None:
    (odd.folder / "bad.csv").write_text(f"zone,month,billed_metered_m3\n{line}\n")
    city = night_of(odd).city
    if line.count(",") == 1:  # nothing billed is a volume of nothing
        assert billed.read(city, "bad.csv").volumes == {("old-town", "2022-05"): (Decimal(0),) * 4}
        return
    with pytest.raises(PenstockError, match=r"bad.csv line 2"):
        billed.read(city, "bad.csv")


def test_a_what_if_for_no_dma_is_refused(odd: Town) -> None:
    said = odd.penstock("water", "pressure-what-if", "", "25", "--now", NOW)
    assert said.code == 1
    assert "no losses told" in said.err
