"""Before the first machine, and after an edit of the city file."""

from pathlib import Path

from service.environment import Environment
from service.forecasts.series import opened, place_of
from tests.town import NOW, Town, prepared


def test_a_worker_that_outlives_an_edit_of_the_city_file_works_with_the_new_one(town: Town) -> None:
    environment = Environment(city=town.file, home=town.folder)
    place = place_of(environment)
    assert opened(place) is opened(place)
    assert opened(place)[0].settings.forecast.trees == 20
    town.file.write_text(town.file.read_text().replace("trees = 20", "trees = 21"))
    assert opened(place_of(environment))[0].settings.forecast.trees == 21


def test_now_without_a_machine_says_that_a_night_must_come_first(tmp_path: Path) -> None:
    town = prepared(Town(tmp_path, days=5))
    said = town.penstock("forecast", "now", "--now", NOW)
    assert said.code == 1
    assert "Run `penstock night` first" in said.err
    assert town.penstock("forecast", "backtest", "--now", "2022-06-10T12:00Z").out == "nothing to backtest: too little history\n"
