"""The books of a month close to the watt-hour, and a reading that changed behind them is seen."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from city.problems import PenstockError
from service.books.balances import balances
from service.cli import app
from tests.service.ledger_town import ACCOUNTS, book, night, opened, revised, sums, town

# What comes in is what the hall uses, so all that the sun gives is lost: 1 = 1 + sun - sun.
LOSS = '[[accounts]]\nid = "loss"\nkind = "grid-loss"\ninfeed = ["hall.energy"]\nsite = "here"\nsector = "services"\nregion = "CN-ZJ"\n'


def test_a_month_closes_by_city_district_site_and_account_and_so_does_its_electricity(tmp_path: Path) -> None:
    made = town(tmp_path, accounts=ACCOUNTS + LOSS)
    night(made)
    with opened(made) as (city, engine):
        told, problems = balances(engine, city, "2022-06")
        assert problems == []
        assert "by city, district (1), site (1), account (4) compared" in told[0]
        assert told[1].startswith("electricity of 2022-06: ")
        year, problems = balances(engine, city, "2022")
        assert problems == []
        assert year[1].partition(":")[2] == told[1].partition(":")[2]


def test_a_reading_that_changed_behind_the_books_is_a_sentence(tmp_path: Path) -> None:
    made = town(tmp_path, accounts=ACCOUNTS + LOSS)
    night(made)
    revised(made, "hall.energy", "2022-06-14", 7)
    with opened(made) as (city, engine):
        _, (problem,) = balances(engine, city, "2022-06")
    used, came = (int(word) for word in str(problem).replace(",", "").split() if word.isdigit())
    assert came - used == 7


def test_the_command_tells_what_was_compared_and_exits_with_two_where_it_does_not_agree(tmp_path: Path) -> None:
    made = town(tmp_path, accounts=ACCOUNTS + LOSS)
    night(made)
    with opened(made):
        sound = CliRunner().invoke(app, ["carbon", "balance", "2022-06"])
        assert (sound.exit_code, "compared" in sound.output) == (0, True)
        revised(made, "hall.energy", "2022-06-14", 7)
        assert CliRunner().invoke(app, ["carbon", "balance", "2022-06"]).exit_code == 2


def test_a_period_without_entries_is_refused(tmp_path: Path) -> None:
    made = town(tmp_path)
    night(made)
    with opened(made) as (city, engine):
        for period, words in (("2023-01", "posted up to 2022-06-15"), ("2022-6", "neither a month nor a year")):
            with pytest.raises(PenstockError, match=words):
                balances(engine, city, period)


def test_losses_from_a_document_are_posted_day_by_day_and_ask_for_no_meter_of_the_grid(tmp_path: Path) -> None:
    paper = LOSS.replace('infeed = ["hall.energy"]', 'stated = [{ first = 2022-06-12, last = 2022-06-15, amount = 4, source = "report" }]')
    made = town(tmp_path, accounts=ACCOUNTS + paper)
    night(made)
    assert sums(book(made))["loss", "location"] == (4000, 4000 * 5153 // 10)
    with opened(made) as (city, engine):
        told, problems = balances(engine, city, "2022-06")
    assert (len(told), problems) == (1, [])
