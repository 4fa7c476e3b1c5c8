"""Books of homes and buildings from the command line: who reads them, what goes with the consent, what is published."""

import re

import pytest
from sqlalchemy import select

from city.clock import parse_utc
from city.problems import PenstockError
from service import schema as t
from service.books import households, publications
from service.decisions import Person
from service.environment import Environment
from service.settings import load
from service.store import open_store, writing
from tests.service.books_town import AFTER, books
from tests.town import Town


@pytest.fixture
def town(books_town: Town) -> Town:
    return books_town


def opt_in(town: Town, *homes: str) -> None:
    for home in homes:
        assert "recorded" in books(town, "household", "consent", home, "--owner", f"owner-{home}", "--since", "2022-06")


def rows(town: Town, table: object) -> list:
    with open_store(town.database).connect() as connection:
        return list(connection.execute(select(table)))  # type: ignore[call-overload]


def test_a_book_is_open_to_its_owner_alone_and_goes_with_the_consent(town: Town) -> None:
    assert "books of 0 households" in books(town, "household", "refresh", "--year", "2022")
    opt_in(town, "here")
    assert "books of 1 households" in books(town, "household", "refresh", "--year", "2022")
    assert "kWh" in books(town, "household", "book", "here", who="owner-here")
    refused = [books(town, "household", "book", home, who=who) for home, who in (("here", "ping"), ("nowhere", "ping"), ("home-1", "ping"))]
    assert len({line.replace("nowhere", "here").replace("home-1", "here") for line in refused}) == 1  # it tells not which exist
    assert "not open to ping" in books(town, "household", "withdraw", "here", who="ping")
    assert "3 rows of its book deleted" in books(town, "household", "withdraw", "here", who="owner-here")
    assert rows(town, t.household_month) == []
    assert "not open" in books(town, "household", "book", "here", who="owner-here")
    assert "books of 0 households" in books(town, "household", "refresh", "--year", "2022")
    told = [row.action for row in rows(town, t.audit)]
    assert told.count("household book refused") == 4
    assert [told.count(f"consent {event}") for event in ("given", "withdrawn")] == [1, 1]


def test_who_moves_in_does_not_read_what_others_used(town: Town) -> None:
    opt_in(town, "here")
    books(town, "household", "withdraw", "here", "--now", AFTER, who="owner-here")
    words = ("household", "consent", "here", "--owner", "bob", "--now", "2022-08-02T00:00+02:00")
    assert "former owner" in books(town, *words, "--since", "2022-06")
    assert "book from 2022-08 on" in books(town, *words)
    assert "books of 0 households" in books(town, "household", "refresh", "--year", "2022")


def test_a_publication_is_answered_once_and_the_year_has_a_budget(town: Town) -> None:
    opt_in(town, *(f"home-{i}" for i in range(4)))
    first = books(town, "household", "publish", "energy_kwh", "2022-06", "--now", AFTER)
    assert re.search(r"^old-town: -?[\d,.]+$", first, re.MULTILINE), first
    assert first == books(town, "household", "publish", "energy_kwh", "2022-06", "--now", AFTER)
    listed = books(town, "household", "published")
    assert [line.strip() for line in listed.splitlines()] == ["energy_kwh 2022-06", *first.splitlines()]
    books(town, "household", "publish", "co2e_kg", "2022-06", "--now", AFTER)
    spent = books(town, "household", "publish", "volume_m3", "2022-06", "--now", AFTER)
    assert "a household would have spent more than 1 of epsilon on 2022" in spent
    assert not re.search(r"\b4\b", spent.split("epsilon")[0])  # how many they are is not told
    assert len(rows(town, t.household_release)) == 2
    # Leaving and coming back renews no budget.
    books(town, "household", "withdraw", "home-1", who="owner-home-1")
    opt_in(town, "home-1")
    assert "have spent" in books(town, "household", "publish", "volume_m3", "2022-06", "--now", AFTER)


def test_a_building_is_told_per_square_metre_unless_it_shows_a_home(town: Town) -> None:
    told = books(town, "building", "house", "--year", "2022")
    found = re.search(r"2022-06: ([\d,.]+) kWh, ([\d.]+) per m2, ([\d.]+) a person", told)
    assert found, told
    amount, per_m2, per_person = (float(part.replace(",", "")) for part in found.groups())
    assert (per_m2, per_person) == (pytest.approx(amount / 100, abs=1e-4), pytest.approx(amount / 5, abs=1e-3))
    assert "nothing in the ledger" in books(town, "building", "house", "--year", "2021")
    opt_in(town, "home-1")
    assert "fewer households" in books(town, "building", "house", "--year", "2022")
    assert "not in city.toml" in books(town, "building", "other", "--year", "2022")


def test_one_home_elsewhere_is_hidden_behind_the_district_and_both_in_the_total(town: Town) -> None:
    opt_in(town, "here", *(f"home-{i}" for i in range(4)))
    told = books(town, "household", "publish", "energy_kwh", "2022-06", "--now", AFTER)
    assert "elsewhere, old-town" in told
    assert re.search(r"^all: -?[\d,.]+$", told, re.MULTILINE), told
    (kept,) = rows(town, t.household_release)
    assert set(kept.detail) == {"totals", "together", "withheld", "k", "epsilon", "largest"}  # no true sum, no count


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("energy_kwh", "2022-07"), "has not ended"),
        (("energy_kwh", "2022-13"), "civil month"),
        (("steps", "2022-06"), "measure 'steps'"),
        (("energy_kwh", "2022-05"), "holds nothing of 2022-05"),
    ],
)
def test_a_publication_that_cannot_be_is_a_sentence(town: Town, words: tuple[str, str], named: str) -> None:
    assert named in books(town, "household", "publish", *words, "--now", AFTER)
    assert rows(town, t.household_release) == []
    assert [row.action for row in rows(town, t.audit)].count("publish households refused") == 1


def test_who_enters_a_consent_is_not_the_owner(town: Town) -> None:
    refused = books(town, "household", "consent", "here", "--owner", "ping", "--since", "2022-06", who="ping")
    assert "a colleague who enters it" in refused
    assert rows(town, t.household_consent) == []
    assert "not open to ping" in books(town, "household", "book", "here", who="ping")


def test_an_answer_and_its_charge_are_stored_together_or_neither(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    opt_in(town, *(f"home-{i}" for i in range(4)))
    engine, city = open_store(town.database), load(Environment(city=town.file, home=town.folder))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    asked = (engine, city, Person(name="ping", role="planner"), "energy_kwh", "2022-06", parse_utc(AFTER))
    with monkeypatch.context() as broken:
        broken.setattr(publications, "_spend", crash)  # after the answer is written, before it is charged
        with pytest.raises(KeyboardInterrupt):
            publications.publish(*asked)
    assert rows(town, t.household_release) == rows(town, t.household_spent) == []
    made = publications.publish(*asked)
    assert {row.household for row in rows(town, t.household_spent)} == {f"home-{i}" for i in range(4)}
    # Neither a restated ledger nor other homes change the answer that was given.
    with writing(engine) as connection:
        connection.execute(t.household_month.update().values(amount=0))
    opt_in(town, "here")
    assert publications.publish(*asked) == made
    assert len(rows(town, t.household_spent)) == 4


def test_a_site_of_two_buildings_gives_no_difference_away(town: Town) -> None:
    town.file.write_text(town.file.read_text() + '[[buildings]]\nid = "less"\nsites = ["here"]\nfloor_area_m2 = 50\n')
    assert "another's too" in books(town, "building", "house", "--year", "2022")


def test_books_are_made_again_by_somebody_with_the_role_and_it_is_on_record(town: Town) -> None:
    books(town, "household", "refresh", "--year", "2022")
    assert [row.who for row in rows(town, t.audit) if row.action == "household refresh"] == ["ping"]
    engine, city = open_store(town.database), load(Environment(city=town.file, home=town.folder))
    with pytest.raises(PenstockError, match="vera is signed in as viewer; allowed: an account with role planner"):
        households.refresh(engine, city, Person(name="vera", role="viewer"), 2022, parse_utc(AFTER))


def test_a_consent_needs_a_site_and_waits_for_the_other_owner(town: Town) -> None:
    assert "no such site" in books(town, "household", "consent", "nowhere", "--owner", "ada")
    assert "up to" in books(town, "household", "consent", "here", "--owner", "ada", "--since", "2099-01")
    assert "up to" in books(town, "household", "consent", "here", "--owner", "ada", "--since", "June")
    for owner in (" ", "ada\x1b[2J", "a" * 81):
        assert "no owner" in books(town, "household", "consent", "here", "--owner", owner)
    opt_in(town, "here")
    assert "Withdraw it first" in books(town, "household", "consent", "here", "--owner", "bob")
    assert "nothing changed" in books(town, "household", "consent", "here", "--owner", "owner-here")
