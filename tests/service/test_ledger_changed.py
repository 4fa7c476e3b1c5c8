"""What changes under a ledger: accounts, their ids and sites, gaps, plants, edits; nothing is counted twice, nothing is lost."""

from dataclasses import replace
from pathlib import Path

import pytest

from city.clock import civil_day, local_date, parse_utc
from city.quality import Flag
from service.books import closing, posting
from service.night import Night, ledger
from service.statements import source as statement_source
from service.store import ledger as stored
from service.store import meter_days, readings, writing
from tests.service.ledger_town import ACCOUNTS, NEXT, NIGHT, ZONE, book, night, opened, revised, sums, town
from tests.town import Town

WHEN = ("--who", "ada", "--now", "2022-06-18T08:00+02:00")


def said_otherwise(made: Town, old: str, new: str) -> None:
    text = made.file.read_text()
    assert old in text
    made.file.write_text(text.replace(old, new))


def wh(made: Town) -> int:
    return sum(amount for (name, _), (amount, _) in sums(book(made)).items() if name.startswith("el-hall"))


def test_a_late_reading_after_an_account_got_another_id_counts_no_kwh_twice(tmp_path: Path) -> None:
    made = town(tmp_path)
    night(made)
    before, mg = wh(made), sum(mg for _, mg in sums(book(made)).values())
    said_otherwise(made, 'id = "el-hall"', 'id = "el-hall-east"')
    revised(made, "hall.energy", "2022-06-14", 1_000)
    night(made, NEXT)
    assert wh(made) == before + 1_000
    said = made.penstock("carbon", "restate", "2022-06", "--reason", "the account has another id", *WHEN)
    assert said.code == 0, said.all
    assert wh(made) == before + 1_000
    assert {name for name, _ in sums(book(made))} == {"el-hall-east", "sun", "supply"}
    then = book(made).as_known(parse_utc(NIGHT))
    assert sum(mg for _, mg in sums(then).values()) == mg
    assert made.penstock("verify", "--recompute").code == 0


def test_accounts_that_come_go_and_move_are_taken_in_by_a_restatement_and_stay_as_they_were_then(tmp_path: Path) -> None:
    made = town(tmp_path)
    night(made)
    then = sums(book(made))
    said_otherwise(made, 'sites = [{ id = "here"', 'sites = [{ id = "there", sector = "services" }, { id = "here"')
    supply = ACCOUNTS[ACCOUNTS.index('[[accounts]]\nid = "supply"') :]
    said_otherwise(made, supply, "")
    for part in ("el-hall", "sun"):
        text = made.file.read_text()
        at = text.index(f'id = "{part}"\nkind')
        made.file.write_text(text[:at] + text[at:].replace('site = "here"', 'site = "there"', 1))
    said = made.penstock("carbon", "restate", "2022-06", "--reason", "moved", *WHEN)
    assert said.code == 0, said.all
    now = book(made)
    places = now.book(by=("account_id", "site"), zone=ZONE, period=None)
    assert {row.site for row in places.itertuples() if row.amount} == {"there"}
    assert "supply" not in {name for name, _ in sums(now)}
    assert sums(now.as_known(parse_utc(NIGHT))) == then
    said_otherwise(made, "[carbon]", supply + "[carbon]")
    assert made.penstock("carbon", "restate", "2022-06", "--reason", "the water is counted again", *WHEN).code == 0
    assert sums(book(made)) == then
    assert made.penstock("verify", "--recompute").code == 0


def estimated(made: Town, day: str, part: slice, flags: Flag, now: str = NIGHT) -> None:
    """A further version of a day of the hall, in which some quarters were estimated, or read after all."""
    with opened(made) as (city, engine):
        span = civil_day(parse_utc(f"{day}T12:00Z").date(), ZONE)
        before = meter_days.block(engine, [city.points["hall.energy"]], *span)
        quality = before.quality.copy()
        quality[0, part] = int(flags)
        with writing(engine) as connection:
            keys = readings.keys_of(connection, ["hall.energy"])
            meter_days.revise(connection, replace(before, quality=quality), [span], keys, "night", parse_utc(now), "gap")


@pytest.mark.parametrize("rows", [50, 500_000])
def test_a_gap_across_midnight_is_posted_alike_by_one_night_by_several_and_by_the_recompute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    made, derived = town(tmp_path), Flag.ESTIMATED_LIKE_DAY | Flag.DERIVED
    estimated(made, "2022-06-13", slice(-2, None), derived)
    estimated(made, "2022-06-14", slice(0, 2), derived)
    monkeypatch.setattr(posting, "ROWS", rows)  # a batch a day, or one of all days
    night(made)
    monkeypatch.setattr(posting, "ROWS", 100)
    assert made.penstock("verify", "--recompute").code == 0
    estimated(made, "2022-06-14", slice(0, 2), Flag.VALID, NEXT)
    night(made, NEXT)
    said = made.penstock("verify", "--recompute")
    assert said.code == 0, said.out


def test_sums_of_many_batches_of_different_accounts_are_those_of_each_batch(tmp_path: Path) -> None:
    made = town(tmp_path)
    for number in range(4):  # more different lists of lines than stay in memory
        night(made) if number == 0 else made.penstock("carbon", "restate", "2022-06", "--reason", "another id", *WHEN)
        said_otherwise(made, f'id = "supply{"-x" * number}"', f'id = "supply{"-x" * (number + 1)}"')
    found = book(made)
    assert len(found.batches) == 4
    amounts: dict[str, int] = {}
    for one in found.batches:
        for line, amount, counts in zip(*(one.columns[name].tolist() for name in ("line", "amount", "counts")), strict=True):
            amounts[one.lines[line].account_id] = amounts.get(one.lines[line].account_id, 0) + amount * counts
    rows = found.book(by=("account_id",), zone=ZONE, period=None).groupby("account_id")["amount"].sum()
    assert rows.to_dict() == amounts
    assert sum(abs(amount) for name, amount in amounts.items() if name in ("supply", "supply-x", "supply-x-x")) == 0


def test_a_plant_that_gave_nothing_after_all_gives_its_kwh_back_to_the_grid(tmp_path: Path) -> None:
    made = town(tmp_path)
    night(made)
    before = sums(book(made))
    with opened(made) as (city, engine):
        span = civil_day(parse_utc("2022-06-14T12:00Z").date(), ZONE)
        read = meter_days.block(engine, [city.points["sun.energy"]], *span)
        with writing(engine) as connection:
            keys = readings.keys_of(connection, ["sun.energy"])
            meter_days.revise(connection, replace(read, values=read.values * 0), [span], keys, "night", parse_utc(NIGHT), "no sun")
    night(made, NEXT)
    after, hours = sums(book(made)), book(made).book(by=("account_id",), zone=ZONE, period="D")
    assert after["el-hall", "direct"][0] < before["el-hall", "direct"][0]
    assert (
        sum(after["el-hall", basis][0] for basis in ("direct", "location"))
        == wh(made)
        == sum(before["el-hall", basis][0] for basis in ("direct", "location"))
    )
    of_day = hours[(hours["basis"] == "direct") & (hours["period"] == "2022-06-14")]
    assert of_day["amount"].tolist() in ([], [0])
    assert made.penstock("verify", "--recompute").code == 0


def test_an_edit_while_the_night_computes_is_taken_in_by_the_next_one(tmp_path: Path) -> None:
    made = town(tmp_path)
    with opened(made) as (city, engine):
        output = ledger.compute(Night(city, engine, local_date(parse_utc(NIGHT), ZONE), parse_utc(NIGHT), {}))
        revised(made, "hall.energy", "2022-06-14", 1_000)
        with writing(engine) as connection:
            output.write(connection)
    before = wh(made)
    night(made, NEXT)
    assert wh(made) == before + 1_000
    assert made.penstock("verify", "--recompute").code == 0


def test_what_was_taken_back_wholly_stands_in_no_statement_and_in_no_sign_off(tmp_path: Path) -> None:
    made = town(tmp_path, days=46)
    night(made)
    said_otherwise(made, 'id = "el-hall"', 'id = "el-east"')
    said_otherwise(made, 'region = "CN-ZJ"\nadds', 'region = "CN-SH"\nadds')
    with opened(made) as (city, engine):
        before = closing.sums(stored.open_ledger(engine, city.folder), city, "2022-05")
    made.penstock("carbon", "restate", "2022", "--reason", "the hall's account is that of the east", *WHEN)
    with opened(made) as (city, engine):
        found = statement_source.source(engine, city, "2022-05", "en")
        assert set(found.book["account_id"]) == {"el-east", "sun", "supply"}
        assert not any("CN-ZJ" in rule for rule in found.book["rule_id"])
        changed = closing.sums(stored.open_ledger(engine, city.folder), city, "2022-05")
    said_otherwise(made, 'region = "CN-SH"\nadds', 'region = "CN-ZJ"\nadds')
    made.penstock("carbon", "restate", "2022", "--reason", "it stands in Zhejiang after all", *WHEN)
    with opened(made) as (city, engine):
        assert closing.sums(stored.open_ledger(engine, city.folder), city, "2022-05") == before != changed


LOSS = '[[accounts]]\nid = "net"\nkind = "grid-loss"\nsite = "here"\nsector = "services"\nregion = "CN-ZJ"\ninfeed = ["sun.energy"]\n'


def test_losses_under_another_id_are_not_lost_twice(tmp_path: Path) -> None:
    made = town(tmp_path, accounts=ACCOUNTS[: ACCOUNTS.index('[[accounts]]\nid = "sun"')] + LOSS)
    with opened(made) as (city, engine):  # what came in: a kilowatt-hour an interval more than the hall took
        spans = [civil_day(parse_utc(f"2022-06-{day}T12:00Z").date(), ZONE) for day in range(11, 16)]
        taken = meter_days.block(engine, [city.points["hall.energy"]], spans[0][0], spans[-1][1])
        with writing(engine) as connection:
            keys = readings.keys_of(connection, ["sun.energy"])
            came = replace(taken, ids=("sun.energy",), values=taken.values + 1_000)
            meter_days.revise(connection, came, spans, keys, "night", parse_utc(NIGHT), "infeed")
    night(made)
    lost = 5 * 96 * 1_000
    assert sums(book(made))["net", "location"][0] == lost
    said_otherwise(made, 'id = "net"', 'id = "network"')
    revised(made, "sun.energy", "2022-06-14", 500, now=NEXT)
    night(made, NEXT)
    assert sum(amount for (name, _), (amount, _) in sums(book(made)).items() if name.startswith("net")) == lost + 500
