"""Why the town's carbon moved from May to June, from the ledger that a night posted; and the commands."""

from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pandas as pd
import pytest

from city.problems import PenstockError
from service.books.decomposition import _population, decomposition, lines
from service.environment import Environment
from service.savings.nights import nights
from service.settings import load
from service.store import open_store
from service.store.ledger import open_ledger
from tests.town import Town

NOW = datetime(2022, 6, 16, 6, tzinfo=UTC)


def of(town: Town, first: str, last: str):
    return decomposition(open_store(town.database), load(Environment(city=town.file, home=town.folder)), first, last, NOW).city


def test_effects_add_up_to_what_the_meter_says_times_the_factor(one_night):
    made = of(one_night, "2022-05", "2022-06")
    hall = pd.read_csv(one_night.folder / "power.csv", parse_dates=["time"]).set_index("time")["hall.energy"].tz_convert("Europe/Rome")
    kwh = [hall[label].sum() for label in ("2022-05", "2022-06")]
    ratio = made.totals_kg[0] / kwh[0]
    assert 0.4 < ratio < 0.8  # kg/kWh: the average of Zhejiang
    assert made.totals_kg[1] == pytest.approx(ratio * kwh[1], rel=1e-6)
    assert sum(made.drivers.values()) == pytest.approx(made.change_kg, rel=1e-9)
    assert made.drivers["factor"] == pytest.approx(0, abs=1e-4)
    assert made.drivers["structure"] == pytest.approx(0, abs=1e-9)  # one sector
    assert made.drivers["activity"] == pytest.approx(0, abs=1e-9)  # 15 days of each month are posted, at the same GDP a day
    assert made.drivers["intensity"] == pytest.approx(made.change_kg, rel=1e-6)


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2022-06", "2022-05", "not in order"),
        ("2022", "2022-05", "not in order"),
        ("2021", "2022", "decomposition, 2021: no entry in the ledger"),
        ("2022-13", "2022-14", "period '2022-13'"),
    ],
)
def test_periods_that_cannot_be_compared_are_refused(one_night, first, last, words):
    with pytest.raises(PenstockError, match=words):
        of(one_night, first, last)


def test_a_sector_without_gdp_or_residents_is_named(planned):
    text = planned.file.read_text()
    planned.file.write_text(text.replace(", gdp_10k_cny = { 2021 = 100, 2022 = 110 }", "").replace(", population = 500", ""))
    with pytest.raises(PenstockError, match="no GDP of services and no population of 2022-05"):
        of(planned, "2022-05", "2022-06")


def test_entries_of_an_account_that_is_gone_are_not_taken_for_a_process(planned):
    text = planned.file.read_text()
    planned.file.write_text(text.replace('id = "el-hall"', 'id = "el-hall-2"'))
    with pytest.raises(PenstockError, match="entries of el-hall, whose energy nobody can tell"):
        of(planned, "2022-05", "2022-06")


def test_without_gdp_the_residents_carry_it(planned):
    planned.file.write_text(planned.file.read_text().replace(", gdp_10k_cny = { 2021 = 100, 2022 = 110 }", ""))
    made = of(planned, "2022-05", "2022-06")
    assert made.drivers["population"] == pytest.approx(0, abs=1e-9)
    assert made.drivers["residents' intensity"] == pytest.approx(made.change_kg, rel=1e-6)


def test_residents_count_by_the_day_as_gdp_does(one_night):
    """31 days against 15: what fewer days bring is no change of how people live."""
    city = load(Environment(city=one_night.file, home=one_night.folder))
    made = _population(city, {"2022-05": 31, "2022-06": 15})
    assert made["2022-05"] / made["2022-06"] == pytest.approx(31 / 15)


def test_the_citys_own_gdp_carries_kaya_and_what_is_expected_is_told(planned):
    """Published for 2020 and 2021 alone: 2022 is carried on with the growth of 2021, and says so."""
    row = 'unit = "10k CNY", prices = 2020, vintage = "final", source = "yearbook"'
    figures = ", ".join(
        f"{{ year = {y}, value = {v}, published = {y + 1}-10-01, {row} }}" for y, v in ((2019, 900), (2020, 1000), (2021, 1060))
    )
    text = planned.file.read_text().replace(", gdp_10k_cny = { 2021 = 100, 2022 = 110 }", "")
    planned.file.write_text(f"gdp = [{figures.replace('2022-10-01', '2022-05-01')}]\n{text}")
    made = decomposition(open_store(planned.database), load(Environment(city=planned.file, home=planned.folder)), "2022-05", "2022-06", NOW)
    assert made.kaya is not None
    assert made.kaya.drivers["gdp per resident"] == pytest.approx(0, abs=1e-6)
    assert made.kaya.drivers["energy per gdp"] == pytest.approx(made.kaya.change_kg, rel=1e-6)
    assert made.notes == ("GDP of 2022 is not published; carried on with 6.0 % growth of 2021",)
    assert list(lines(made))[-1] == made.notes[0]


def test_provisional_factors_are_told(one_night, monkeypatch):
    """The same ledger with every rule marked as one that stands in: nothing can be read from `factor` yet."""

    def doubted(*asked):
        ledger = open_ledger(*asked)
        batches = [SimpleNamespace(rules=[replace(rule, provisional=True) for rule in one.rules]) for one in ledger.batches]
        return SimpleNamespace(book=ledger.book, batches=batches)

    asked = open_store(one_night.database), load(Environment(city=one_night.file, home=one_night.folder)), "2022-05", "2022-06", NOW
    assert decomposition(*asked).notes == ()
    monkeypatch.setattr("service.books.decomposition.open_ledger", doubted)
    said = "100 % of the CO2e of {} is by provisional factors: `factor` moves once its year is published."
    assert decomposition(*asked).notes == (said.format("2022-05"), said.format("2022-06"))


def test_the_commands_tell_it(one_night):
    said = one_night.penstock("carbon", "why", "2022-05", "2022-06", "--now", NOW.isoformat())
    assert said.code == 0
    assert "activity" in said.out
    assert "The largest driver is" in said.out
    assert "energy per gdp" in said.out
    assert one_night.penstock("carbon", "why", "2022-05", "2022-05").code == 1
    said = one_night.penstock("carbon", "savings", "--now", NOW.isoformat())
    assert "No approved plan of these nights has readings yet." in said.out
    assert "dates such as" in one_night.penstock("carbon", "savings", "--from", "yesterday").all


def test_the_plan_of_a_night_is_compared_with_the_readings_of_its_day(planned):
    """Approved after midnight, in force from 1:00 on; the day after it the meters have told 92 quarters of the roof."""
    said = planned.penstock("approve", "latest", "--who", "ada", "--reason", "agreed", "--now", "2022-06-16T00:40+02:00")
    assert "approved by ada" in said.out
    power = pd.read_csv(planned.folder / "power.csv", parse_dates=["time"])
    day = power[-96:].assign(time=power["time"][-96:] + pd.Timedelta(days=1))
    pd.concat([power, day]).to_csv(planned.folder / "power.csv", index=False)
    times = pd.date_range(day["time"].iloc[0], periods=24, freq="h")
    pd.DataFrame({"time_utc": times, "kg_co2e_per_kwh": 0.8}).to_csv(planned.folder / "marginal.csv", index=False)
    planned.file.write_text(planned.file.read_text() + '\n[carbon]\nmarginal_file = "marginal.csv"\n')
    assert planned.penstock("import").code == 0
    engine, city = open_store(planned.database), load(Environment(city=planned.file, home=planned.folder))
    made = nights(engine, city, date(2022, 6, 16), date(2022, 6, 16))
    (row,) = made.frame.to_dict("records")
    assert (row["asset_id"], row["missing"]) == ("sun", 0)
    begin = row["from_utc"]
    assert row["metered_kwh"] == pytest.approx(-day.set_index("time")["sun.energy"][pd.Timestamp(begin) :].sum(), abs=1e-3)
    assert row["steps"] == (day["time"] >= begin).sum()
    assert row["saved_kg"] == pytest.approx(0.8 * row["saved_kwh"])
    assert row["low_kwh"] <= row["saved_kwh"] <= row["high_kwh"]
    said = planned.penstock("carbon", "savings", "--now", "2022-06-17T02:00+02:00")
    assert "plans: 1 nights:" in said.out
    assert "by marginal.csv" in said.out
