"""What is known later is taken in by reversal and new entry, with its reason; as known then stays what was printed then."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from city.clock import parse_utc
from service import schema as t
from service.environment import Environment
from service.store import due, open_store, results, writing
from service.store import ledger as stored
from tests.service.ledger_town import NEXT, ZONE, book, night, opened, revised, sums, town
from tests.service.test_losses import town as water_town
from tests.town import MIDNIGHT_UTC, Town, power
from tests.town import prepared as prepared_town


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])])
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """Where the store is: beside the town, or in a PostgreSQL."""
    return {} if request.param == "sqlite" else {"DATABASE_URL": request.getfixturevalue("postgres_database")}


def prepared(folder: Path, environment: dict[str, str], **how: object) -> Town:
    made = town(folder, **how)  # type: ignore[arg-type]
    if environment:
        from service.importing import import_history
        from service.migrations import upgrade

        with opened(made) as _, pytest.MonkeyPatch.context() as patch:
            patch.setenv("PENSTOCK_DATABASE_URL", environment["DATABASE_URL"])
            upgrade(open_store(environment["DATABASE_URL"], create=True))
            list(import_history(Environment()))
    return made


def test_a_newer_version_is_restated_with_its_reason_and_both_times_reproduce(tmp_path: Path, environment: dict[str, str]) -> None:
    made = prepared(tmp_path / "a", environment)
    night(made, **environment)
    then = sums(book(made, **environment))
    revised(made, "hall.energy", "2022-06-14", 7_000, **environment)
    said, _ = night(made, NEXT, **environment)
    found = book(made, **environment)
    now, as_then = sums(found), sums(found.as_known(parse_utc("2022-06-16T12:00Z")))
    assert as_then == then
    assert now["el-hall", "location"][0] == then["el-hall", "location"][0] + 7_000
    assert "2022-06-14 restated" in said.sentence
    entries = found.entries("el-hall")
    again = entries[entries["reason"] == "late readings"]
    assert sorted(again["amount"] < 0) == [False, True]
    (taken,) = again.loc[again["reverses"].notna(), "reverses"]
    reversed_ = entries.set_index("entry_id").loc[taken]
    assert reversed_["amount"] == -again["amount"].min()
    assert night(made, NEXT, **environment)[0].sentence == "nothing to post: every day is posted"


def test_restating_ends_where_posting_from_the_start_would_have(tmp_path: Path) -> None:
    late, early = town(tmp_path / "late"), town(tmp_path / "early")
    night(late)
    for made in (late, early):
        for point, day in (("hall.energy", "2022-06-12"), ("sun.energy", "2022-06-13"), ("inflow.volume", "2022-06-13")):
            revised(made, point, day, 40_000)
    night(late, NEXT)
    night(early)
    assert sums(book(late)) == sums(book(early))


def test_a_late_plant_changes_what_its_consumers_took_from_the_grid(tmp_path: Path) -> None:
    made = town(tmp_path)
    night(made)
    before = sums(book(made))
    with opened(made) as (city, engine):  # the sun's first hour of the 14th is at night: 3 kWh of it were used on the spot
        del city, engine
    revised(made, "sun.energy", "2022-06-14", 3_000)
    night(made, NEXT)
    after = sums(book(made))
    assert after["el-hall", "direct"][0] == before["el-hall", "direct"][0] + 3_000
    assert after["el-hall", "location"][0] == before["el-hall", "location"][0] - 3_000
    assert after["sun", "-"][0] == before["sun", "-"][0] + 3_000


def test_an_edit_and_its_way_back_leave_the_sums_as_they_were(tmp_path: Path) -> None:
    made = town(tmp_path)
    night(made)
    before = sums(book(made))
    hour = ("--from", "2022-06-14T10:00+02:00", "--to", "2022-06-14T11:00+02:00", "--who", "ada")
    edit = ("meters", "edit", "hall.energy", *hour, "--value", "9", "--reason", "misread", "--now", "2022-06-16T09:00+02:00")
    said = made.penstock(*edit)
    assert said.code == 0, said.all
    assert "the next night restates it" in said.out
    again = made.penstock(*edit).out
    assert "nothing changed" in again
    assert "restates" not in again  # there is nothing to restate for a value that stands
    night(made, NEXT)
    found = book(made)
    hours = found.book(by=("account_id",), zone=ZONE, period="H").set_index(["account_id", "period"])
    ten = hours.loc[("el-hall", "2022-06-14T10:00+02:00")]
    assert ten["amount"].sum() == 36_000
    assert ten["substituted"].max() == 1
    assert any("edit: 9" in one.header.reason and "misread" in one.header.reason for one in found.batches)
    assert sums(found) != before


def test_history_that_is_imported_for_a_posted_day_is_taken_in(tmp_path: Path) -> None:
    made = town(tmp_path, days=5)
    night(made)
    before = sums(book(made))["el-hall", "location"][0] + sums(book(made))["el-hall", "direct"][0]
    old = power(9)
    old[old["time"] < MIDNIGHT_UTC - pd.Timedelta(days=5)].to_csv(made.folder / "power.csv", index=False)
    assert made.penstock("import").code == 0
    said, _ = night(made, NEXT)
    after = sums(book(made))["el-hall", "location"][0] + sums(book(made))["el-hall", "direct"][0]
    extra = old.loc[old["time"] < MIDNIGHT_UTC - pd.Timedelta(days=5), "hall.energy"]
    assert after - before == round(extra.sum() * 1000)
    assert "restated" in said.sentence


def test_late_inflow_corrects_the_lost_water_of_its_day_and_the_energy_in_it(tmp_path: Path) -> None:
    from tests.service.test_losses import night as whole

    made = water_town(tmp_path)
    whole(made)
    engine = open_store(made.database)
    (before,) = results.rows(engine, t.water_balance, t.water_balance.c.day == parse_utc("2022-06-14T00:00Z").date())
    then = sums(stored.open_ledger(engine, made.folder))
    add_inflow(made, 500_000)
    whole(made)
    (after,) = results.rows(engine, t.water_balance, t.water_balance.c.day == parse_utc("2022-06-14T00:00Z").date())
    now = sums(stored.open_ledger(engine, made.folder))
    assert after.inflow_m3 == pytest.approx(before.inflow_m3 + 12.0)
    assert after.loss_m3 != before.loss_m3
    assert now["supply", "-"][0] - then["supply", "-"][0] == 12_000_000
    assert now["loss", "-"][0] - then["loss", "-"][0] == round(after.loss_m3 * 1e6) - round(before.loss_m3 * 1e6)
    assert now["loss-energy", "location"] != then["loss-energy", "location"]
    assert now["el-hall", "location"] == then["el-hall", "location"]
    assert due.noted(engine) == []


def add_inflow(made: Town, ml_per_hour: int) -> None:
    """The inflow of 14 June was half a cubic metre an hour higher, as a late file says."""
    from dataclasses import replace

    from city.clock import civil_day
    from service.store import meter_days, readings

    with opened(made) as (city, engine):
        span = civil_day(parse_utc("2022-06-14T12:00Z").date(), ZONE)
        block = meter_days.block(engine, [city.points["inflow.volume"]], *span)
        with writing(engine) as connection:
            keys = readings.keys_of(connection, ["inflow.volume"])
            later = replace(block, values=np.asarray(block.values + ml_per_hour))
            meter_days.revise(connection, later, [span], keys, "night", parse_utc(NEXT), "late file")


def test_a_corrected_factor_is_taken_in_when_a_person_asks_for_it(tmp_path: Path) -> None:
    made = town(tmp_path)
    night(made)
    before = sums(book(made))
    when = ("--who", "ada", "--now", "2022-06-17T08:00+02:00")
    assert "as it would be posted now" in made.penstock("carbon", "restate", "2022-06", "--reason", "a look", *when).out
    text = made.file.read_text()
    made.file.write_text(text.replace('region = "CN-ZJ"\nadds', 'region = "CN-SH"\nadds'))
    said = made.penstock("carbon", "restate", "2022-06", *when)
    assert (said.code, "--reason" in said.err) == (1, True)
    said = made.penstock("carbon", "restate", "2022-06", "--reason", "the hall stands in Shanghai", *when)
    assert (said.code, "batch 1" in said.out) == (0, True), said.all
    after = sums(book(made))
    assert after["el-hall", "location"][0] == before["el-hall", "location"][0]
    assert after["el-hall", "location"][1] != before["el-hall", "location"][1]
    with open_store(made.database).connect() as connection:
        (line,) = connection.execute(select(t.audit).where(t.audit.c.action == "restate", t.audit.c.sentence.contains("Shanghai"))).all()
    assert line.who == "ada"


BILL = (
    '[[accounts]]\nid = "gas"\nkind = "natural-gas"\nsite = "here"\nsector = "services"\nregion = "CN-ZJ"\n'
    'stated = [{ first = 2022-06-01, last = 2022-06-10, amount = 100, source = "bill 1" }]\n'
)


def test_a_city_of_bills_alone_posts_them_by_the_day_and_takes_in_a_bill_that_comes_later(tmp_path: Path) -> None:
    made = prepared_town(Town(tmp_path, parts={"accounts": BILL}, days=0))
    night(made)
    days = book(made).book(by=("account_id",), zone=ZONE, period="D")
    assert days.groupby("gas")["amount"].agg(["sum", "count"]).loc["CO2"].tolist() == [100_000_000, 10]
    more = ', { first = 2022-06-11, last = 2022-06-12, amount = 30, source = "bill 2" }]'
    made.file.write_text(made.file.read_text().replace('"bill 1" }]', '"bill 1" }' + more))
    said = made.penstock("carbon", "restate", "2022-06", "--reason", "bill 2 came", "--who", "ada", "--now", "2022-06-17T08:00+02:00")
    assert (said.code, "batch 1" in said.out) == (0, True), said.all
    assert sums(book(made))["gas", "direct"][0] == 130_000_000
    assert made.penstock("verify", "--recompute").code == 0
