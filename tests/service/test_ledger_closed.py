"""A closed period keeps the sums that were signed; what is restated later is shown against them."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from sqlalchemy import select

from city.clock import parse_utc
from service import schema as t
from service.books import closing
from service.books.completeness import completeness
from service.store import open_store
from tests.carbon.silence import completeness as of_entries
from tests.service.ledger_town import NEXT, ZONE, book, night, opened, revised, town
from tests.town import Town

SIGNED = ("--by", "ada", "--note", "compared with the bills", "--now", "2022-06-16T09:00+02:00")


@pytest.fixture
def made(tmp_path: Path) -> Town:
    """All of May and half of June, posted."""
    prepared = town(tmp_path, days=46)
    night(prepared)
    return prepared


def test_a_sign_off_records_root_sums_completeness_and_threshold(made: Town) -> None:
    said = made.penstock("carbon", "close", "2022-05", *SIGNED)
    assert said.code == 0, said.all
    with opened(made) as (city, engine):
        (row,) = closing.closes(engine)
        total = closing.tonnes(row.sums, city)
    assert (row.who, row.number, row.completeness, row.materiality) == ("ada", 1, "1", "0.05")
    assert f"{total:,.3f} t CO2e" in said.out
    assert "material above" in said.out
    with open_store(made.database).connect() as connection:
        (line,) = connection.execute(select(t.audit).where(t.audit.c.action == "close")).all()
    assert "compared with the bills" in line.sentence
    assert made.penstock("verify").code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("2022-06", *SIGNED), "posted up to 2022-06-15"),
        (("2022-13", *SIGNED), "neither a month nor a year"),
        (("9999-12", *SIGNED), "neither a month nor a year"),
        (("0000", *SIGNED), "neither a month nor a year"),
        (("2022-05", "--by", "ada", "--now", "2022-06-16T09:00+02:00"), "no note"),
        (("2022-04", *SIGNED), "least of el-hall ("),
    ],
)
def test_what_cannot_be_closed_is_a_sentence(made: Town, words: tuple[str, ...], told: str) -> None:
    said = made.penstock("carbon", "close", *words)
    assert (said.code, said.foreseen, told in said.err) == (1, True, True), said.all


def test_too_much_missing_closes_only_with_an_explanation(made: Town) -> None:
    said = made.penstock("carbon", "close", "2022-04", *SIGNED, "--explain", "the meters were hung up on 1 May")
    assert said.code == 0, said.all
    assert "incomplete because the meters were hung up on 1 May" in said.out


def test_a_viewer_may_not_close_and_the_try_is_audited(made: Town) -> None:
    (made.folder / "people.toml").write_text('[[accounts]]\nname = "vic"\nrole = "viewer"\nhash = "$argon2id$x"\n')
    made.file.write_text('accounts_file = "people.toml"\n' + made.file.read_text())
    said = made.penstock("carbon", "close", "2022-05", "--by", "vic", *SIGNED[2:])
    assert (said.code, said.foreseen) == (1, True)
    with open_store(made.database).connect() as connection:
        assert connection.execute(select(t.audit.c.action)).scalars().all()[-1] == "close refused"
    assert made.penstock("carbon", "close", "2022-05", *SIGNED).code == 1  # ada has no account


def test_a_small_restatement_is_shown_and_a_large_one_needs_another_sign_off(made: Town) -> None:
    made.penstock("carbon", "close", "2022-05", *SIGNED)
    revised(made, "hall.energy", "2022-05-20", 2_000, "late readings")
    _, after = night(made, NEXT)
    assert after is not None
    assert after.problems == []
    with opened(made) as (city, engine):
        (one,) = closing.standings(engine, city)
    assert one.reasons == ("late readings",)
    # 2 kWh more, at the factor of Zhejiang in 2022: 0.5153 kg/kWh
    assert one.delta_t == Decimal("0.0010306")
    assert "restated by +0.001031 t" in made.penstock("carbon", "periods", "--now", NEXT).out
    revised(made, "hall.energy", "2022-05-21", 50_000_000, "edit: misread", now=NEXT)
    _, after = night(made, "2022-06-18T00:30+02:00")
    assert after is not None
    assert "close it again" in str(after.problems[0])
    said = made.penstock("carbon", "periods", "--now", "2022-06-18T09:00+02:00")
    assert (said.code, "close it again" in said.out) == (2, True)
    assert made.penstock("carbon", "close", "2022-05", *SIGNED).code == 0
    assert made.penstock("carbon", "periods", "--now", "2022-06-18T09:00+02:00").code == 0
    again = made.penstock("carbon", "close", "2022-05", *SIGNED)
    assert (again.code, "unchanged since" in again.err) == (1, True)


def test_a_period_with_versions_that_are_not_taken_in_yet_waits(made: Town) -> None:
    revised(made, "hall.energy", "2022-05-20", 2_000)
    said = made.penstock("carbon", "close", "2022-05", *SIGNED)
    assert (said.code, "newer versions of 2022-05-20" in said.err) == (1, True)
    restated = made.penstock("carbon", "restate", "2022-05", "--reason", "late readings", "--who", "ada", *SIGNED[4:])
    assert (restated.code, "batch 1" in restated.out) == (0, True), restated.all
    assert made.penstock("carbon", "close", "2022-05", *SIGNED).code == 0


def test_a_sign_off_whose_sums_were_changed_is_found(made: Town) -> None:
    made.penstock("carbon", "close", "2022-05", *SIGNED)
    with open_store(made.database).begin() as connection:
        row = connection.execute(select(t.ledger_close)).one()
        key = next(name for name in row.sums if "posting/location" in name)
        connection.execute(t.ledger_close.update().values(sums={**row.sums, key: "1 1"}))
    assert "period 2022-05, sign-off 1" in made.penstock("verify").out


def test_completeness_by_batches_is_that_of_all_entries_together(made: Town) -> None:
    revised(made, "hall.energy", "2022-05-20", 2_000)
    night(made, NEXT)
    span = closing.span("2022-04", ZONE)[0], closing.span("2022-05", ZONE)[1]  # silent in April, but for its last days
    with opened(made) as (city, _):
        found = completeness(book(made), city, *span)
    frame = of_entries(book(made), *span).set_index("account_id")
    usable = frame["measured"] + frame["estimated"] + frame["substituted"]
    whole = int((span[1] - span[0]).total_seconds())
    assert {name: Fraction(int(seconds), whole) for name, seconds in usable.items()} == found.accounts
    assert 0 < found.share < 1


def test_a_period_is_civil_in_the_citys_zone() -> None:
    assert closing.span("2022-03", ZONE) == (parse_utc("2022-02-28T23:00Z"), parse_utc("2022-03-31T22:00Z"))
    assert closing.span("2022", ZONE) == (parse_utc("2021-12-31T23:00Z"), parse_utc("2022-12-31T23:00Z"))
    assert closing.span("2022-12", ZONE)[1] == parse_utc("2022-12-31T23:00Z")
