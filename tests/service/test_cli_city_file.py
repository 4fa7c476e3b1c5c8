"""What an operator writes in city.toml: every fault is a sentence with its place, told by every command."""

from pathlib import Path

import pytest

from tests.town import HEAD, NOW, Town

NEEDED = {"approve": ["latest", "--who", "ada"], "hold": ["all", "--who", "ada"], "work": ["--once"]}
DECISION, FIRST_STEP = "2022-06-16T00:40+02:00", "2022-06-16T01:00+02:00"


@pytest.mark.parametrize("command", ["init", "import", "poll", "work", "night", "report", "status"])
def test_a_missing_city_file_is_named_by_every_command(command: str, tmp_path: Path) -> None:
    said = Town(tmp_path / "nowhere").penstock(command, *NEEDED.get(command, []))
    assert said.code == 1
    assert "nowhere/city.toml: No such file" in said.err
    assert said.foreseen


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"city = {\n", "line 1"),
        (b'city = { id = "x", id = "y" }\n', "city.toml"),
        (b"name = '\xff\xfe'\n", "not UTF-8"),
        (b"city = 3\n", "city.id"),
        (b"[city]\nid = 7\n", "city.id"),
        (b'city = { id = "../../etc" }\n', "city.id"),
        (b"", "city.id"),
    ],
)
def test_a_city_file_that_cannot_be_read_is_told_with_its_place(text: bytes, told: str, tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.file.write_bytes(text)
    for command in ("status", "night"):
        said = town.penstock(command)
        assert (said.code, said.foreseen) == (1, True)
        assert "city" in said.err
    assert told in town.penstock("status").err


def test_a_folder_given_as_city_file_is_told(tmp_path: Path) -> None:
    said = Town(tmp_path).penstock("status", CITY=str(tmp_path))
    assert said.code == 1
    assert "directory" in said.err


def test_faults_of_values_and_names_that_point_nowhere_are_told_together(tmp_path: Path) -> None:
    town = (
        Town(tmp_path, days=0)
        .changed("head", "Europe/Rome", "Europe/Roma")
        .changed("head", 'sector = "services"', 'sector = "servces"')
        .changed("head", 'id = "sun", unit = 2,', 'id = "sun", unit = 777,')
        .changed("head", "trees = 20", "tress = 20")
        .changed("tariff", "export_price_per_kwh = 0.1", 'export_price_per_kwh = "a lot"')
        .changed("assets", '"hall.energy"', '"hall.enrgy"')
        .changed("controls", "sun.setpoint", "sun.power")
        .changed("accounts", "hall.energy", "hull.energy")
        .write()
    )
    said = town.penstock("night", "--now", NOW)
    assert said.code == 1
    for path in (
        "city.time_zone", "sites[0].sector: no sector 'servces'", "meters[1].unit", "forecast.tress", "tariff.export_price_per_kwh",
        "assets[1].series: no point 'hall.enrgy'", "controls[0].point: 'sun.power' cannot be written", "accounts[0].point: no meter 'hull'",
    ):  # fmt: skip
        assert path in said.err
    assert "sun.setpoint" in said.err  # what could have been meant
    assert said.foreseen


@pytest.mark.parametrize(
    "night", ["workers = 0", "workers = -1", "steps = 0", "step_s = 0", "hot_days = 0", "history_days = 0", "approved_hours = 0"]
)
def test_a_night_that_could_never_end_or_would_lose_readings_is_refused(night: str, tmp_path: Path) -> None:
    said = Town(tmp_path, days=0, head=HEAD + f"night = {{ {night} }}\n").write().penstock("night", "--now", NOW)
    assert said.code == 1
    assert f"night.{night.split()[0]}" in said.err


@pytest.mark.parametrize("url", ["tcp://127.0.0.1", "127.0.0.1:502", "tcp://127.0.0.1:99999", "udp://127.0.0.1:502", ""])
def test_a_link_that_is_no_address_is_told_with_its_path(url: str, tmp_path: Path) -> None:
    said = Town(tmp_path, days=0).changed("head", "tcp://127.0.0.1:PORT", url).write().penstock("poll", "--now", NOW)
    assert said.code == 1
    assert "links[0].url" in said.err
    assert said.foreseen
