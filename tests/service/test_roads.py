"""Other roads in, through city.toml and the commands: named faults, a file that reaches the store, a foreign map that reaches a folder."""

import re
import shutil
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from city.problems import PenstockError
from service.cli import app
from service.environment import Environment
from service.roads import broker_state, live_points, sources
from service.settings import load
from service.store import open_store, readings
from tests.meters.test_foreign_maps import SAMPLES

HEAD = """
city = { id = "town", name = "Town", time_zone = "Europe/Rome", country = "IT", region = "CN-ZJ" }
sectors = [{ id = "services" }]
sites = [{ id = "here", sector = "services" }]
meters = [
  { id = "hall", site = "here", model = "electricity-meter", commodity = "electricity", role = "load" },
  { id = "p-1", site = "here", model = "pressure-sensor", commodity = "water", role = "sensor" },
  { id = "old", site = "here", model = "electricity-meter", commodity = "electricity", role = "load" },
]
"""
DROP = """
[[drops]]
folder = "in"
settle_s = 0
mapping = { time = "t", columns = [{ name = "kwh", point = "hall.energy", quantity = "energy_register_kwh" }] }
"""
LOGGER = """
brokers = [{ id = "b", url = "mqtt://127.0.0.1:1" }]
loggers = [{ meter = "p-1", broker = "b", topic = "t", values = [{ name = "pressure", unit = "bar" }] }]
"""


def city(folder: Path, text: str) -> Environment:
    (folder / "city.toml").write_text(text)
    return Environment(city=folder / "city.toml", home=folder / "home")


def run(folder: Path, *words: str) -> str:
    done = CliRunner().invoke(app, [*words, "--city", str(folder / "city.toml")], env={"PENSTOCK_HOME": str(folder / "home")})
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        (DROP.replace("hall.energy", "hall.power2"), "drops[0].mapping.columns[0].point", "no point 'hall.power2'"),
        (DROP.replace("settle_s", "settle"), "drops[0].settle", "unknown key"),
        (
            DROP + 'messages = { channels = [{ meter = "a", reading_type = "*" , point = "hall.energy" }] }',
            "drops[0].messages.channels[0]",
            "*",
        ),
        (LOGGER.replace('meter = "p-1"', 'meter = "p-9"'), "loggers[0].meter", "no meter 'p-9'"),
        (LOGGER.replace('broker = "b"', 'broker = "c"'), "loggers[0].broker", "no broker 'c'"),
        (LOGGER.replace('"pressure"', '"presure"'), "loggers[0].values[0].name", "one of pressure"),
        (LOGGER.replace('"bar"', '"kWh"'), "loggers[0].values[0].unit", "another kind"),
        (LOGGER.replace("mqtt://127.0.0.1:1", "mqtt://u:secret@h:1"), "brokers[0].url", "keys of their own"),
        (LOGGER.replace("]\nloggers", ', { id = "b", url = "mqtt://h:1" }]\nloggers'), "brokers", "given 2 times"),
    ],
)
def test_what_is_wrong_with_a_road_is_told_with_its_path(tmp_path: Path, text: str, path: str, says: str) -> None:
    with pytest.raises(PenstockError) as raised:
        load(city(tmp_path, HEAD + text))
    (sentence,) = [str(problem) for problem in raised.value.problems if path in problem.subject]
    assert says in sentence
    assert "secret" not in sentence.replace("secret@h:1'", "") or path == "brokers[0].url"


def test_a_meter_on_a_link_has_no_second_road(tmp_path: Path) -> None:
    linked = HEAD.replace('{ id = "p-1",', '{ id = "p-1", link = "l", unit = 1,') + 'links = [{ id = "l", url = "tcp://127.0.0.1:1" }]\n'
    with pytest.raises(PenstockError, match=r"loggers\[0\]\.meter: 'p-1' hangs on a link"):
        load(city(tmp_path, linked + LOGGER))


def test_the_points_that_poll_brings_are_those_of_a_link_a_logger_or_a_folder(tmp_path: Path) -> None:
    assert live_points(load(city(tmp_path, HEAD + LOGGER + DROP))) == {"hall.energy", "p-1.pressure"}
    anything = DROP.replace(DROP[DROP.index("mapping") :], 'mapping = { quantity = "power_kw" }\n')
    assert live_points(load(city(tmp_path, HEAD + LOGGER + anything))) == {
        "hall.energy",
        "hall.power",
        "p-1.pressure",
        "old.energy",
        "old.power",
    }


def test_a_file_put_into_the_folder_is_in_the_store_after_the_next_slot(tmp_path: Path) -> None:
    env = city(tmp_path, HEAD + DROP)
    run(tmp_path, "init")
    folder = load(env).folder / "in"
    folder.mkdir(parents=True)
    (folder / "june.csv").write_text("t,kwh\n2022-06-15T00:00Z,100\n2022-06-15T00:15Z,100.5\n")
    (folder / "bad.csv").write_text("t,kwh\n2022-06-15T00:00Z,lots\n")
    run(tmp_path, "poll", "--now", "2022-06-15T00:30Z")
    stored = readings.hot(open_store(env.url), ["hall.energy"], datetime(2022, 6, 15, tzinfo=UTC), datetime(2022, 6, 16, tzinfo=UTC))
    assert stored["value"].tolist() == [100, 100.5]
    assert [path.name.partition("-")[2] for path in (folder / "done").iterdir()] == ["june.csv"]
    (reason,) = (folder / "refused").glob("*.txt")
    assert "cells like 'lots'" in reason.read_text()
    examined = CliRunner().invoke(app, ["doctor", "--city", str(env.city_file)], env={"PENSTOCK_HOME": str(tmp_path / "home")})
    assert "FAULT drops in: folder" in examined.output
    assert "1 files were refused" in examined.output


def test_the_night_validates_what_came_by_file(tmp_path: Path) -> None:
    env = city(tmp_path, HEAD + DROP)
    run(tmp_path, "init")
    folder = load(env).folder / "in"
    folder.mkdir(parents=True)
    rows = [f"2022-06-{14 + (h + 22) // 24}T{(h + 22) % 24:02d}:{m:02d}Z,{h * 4 + m / 15}" for h in range(25) for m in (0, 15, 30, 45)]
    (folder / "day.csv").write_text("\n".join(["t,kwh", *rows]))
    run(tmp_path, "poll", "--now", "2022-06-16T00:00Z")
    done = CliRunner().invoke(
        app, ["night", "--now", "2022-06-16T00:30+02:00", "--city", str(env.city_file)], env={"PENSTOCK_HOME": str(tmp_path / "home")}
    )
    assert "96 intervals of 1 day, 100.0 % usable" in done.output


def test_a_broker_that_is_not_there_does_not_keep_poll_from_starting(tmp_path: Path) -> None:
    loaded = load(city(tmp_path, HEAD + LOGGER))
    loaded.folder.mkdir(parents=True)
    (source,) = sources(loaded)
    assert source.readings(datetime.now(UTC)).empty
    source.close()
    with pytest.raises(PenstockError, match="a broker that takes connections"):
        broker_state(loaded, loaded.settings.brokers[0])


def test_a_map_of_another_tool_is_written_into_a_folder_once(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "homeassistant.yaml", tmp_path / "ha.yaml")
    words = ["meters", "import-map", "homeassistant", str(tmp_path / "ha.yaml")]
    shown = CliRunner().invoke(app, words)
    assert re.search(r"3 devices; \d+ things could not be carried over:", shown.output)
    assert "climates 'Bedroom'" in shown.output
    written = CliRunner().invoke(app, [*words, "--write", str(tmp_path / "devices")])
    assert written.exit_code == 0
    assert len(list((tmp_path / "devices").glob("*.toml"))) == 4
    entries = tomllib.loads((tmp_path / "devices" / "city-entries.toml").read_text())
    assert {meter["model"] for meter in entries["meters"]} <= {path.stem for path in (tmp_path / "devices").iterdir()}
    again = CliRunner().invoke(app, [*words, "--write", str(tmp_path / "devices")])
    assert "exists" in str(again.exception)
