"""Before the first machine, and after an edit of the city file."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from city.problems import PenstockError
from service.environment import Environment
from service.forecasts.series import Place, opened, place_of
from service.night.configured import configured
from service.settings import load
from service.store import open_store, writing
from tests.town import NOW, Town, prepared


def edited(town: Town) -> None:
    town.file.write_text(town.file.read_text().replace("trees = 20", "trees = 21"))


def trees(place: Place) -> int:
    return opened(place)[0].settings.forecast.trees


def test_a_process_goes_on_with_the_edition_that_it_began_with_and_takes_the_new_one_when_it_reads_again(town: Town) -> None:
    environment = Environment(city=town.file, home=town.folder)
    place = place_of(environment)
    assert opened(place) is opened(place)
    edited(town)
    assert (trees(place), trees(place_of(environment))) == (20, 20)
    assert (trees(place_of(environment.reading())), trees(place)) == (21, 20)


def test_another_process_takes_the_edition_that_the_night_keeps_whatever_the_file_says_by_now(town: Town) -> None:
    environment = Environment(city=town.file, home=town.folder)
    city, engine = load(environment), open_store(environment.url)
    place = town.file, town.folder, city.config_hash
    with writing(engine) as connection:
        configured(city, engine).keep(connection)
    edited(town)
    with ProcessPoolExecutor(1, get_context("spawn")) as another:
        assert another.submit(trees, place).result() == 20
        town.file.unlink()
        assert another.submit(trees, place).result() == 20


def test_an_edition_that_no_night_keeps_is_refused(town: Town) -> None:
    with pytest.raises(PenstockError, match="is not that of the night"):
        opened((town.file, town.folder, "0" * 64))


def test_now_without_a_machine_says_that_a_night_must_come_first(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=5))
    said = town.penstock("forecast", "now", "--now", NOW)
    assert said.code == 1
    assert "Run `penstock night` first" in said.err
    assert town.penstock("forecast", "backtest", "--now", "2022-06-10T12:00Z").out == "nothing to backtest: too little history\n"
