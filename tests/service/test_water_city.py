"""What city.toml or the valve table gets wrong about the network is left out and told; the rest of the water side goes on."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from city.problems import PenstockError
from service import water_check, water_names
from service.cli import app
from service.environment import Environment
from service.settings import load
from service.water import WaterCity, required

DEMO = Path(__file__).resolve().parents[2] / "demo"


def side(folder: Path, *changes: tuple[str, str], valves: str = "") -> WaterCity:
    """The demo's water side with each first text of its city file replaced by the second, and lines added to its valves."""
    text = (DEMO / "city.toml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "city.toml").write_text(text, encoding="utf-8")
    for file in DEMO.glob("*.csv"):
        shutil.copy(file, folder)
    shutil.copytree(DEMO / "devices", folder / "devices")
    with (folder / "valves.csv").open("a") as file:
        file.write(valves)
    return required(load(Environment(city=folder / "city.toml", home=folder)))


def test_the_demo_has_nothing_to_tell(tmp_path: Path) -> None:
    assert water_check.of_city(side(tmp_path)) == []


def test_a_sensor_off_the_network_is_left_out_and_the_others_stay(tmp_path: Path) -> None:
    sound = side(tmp_path).sensors
    shutil.rmtree(tmp_path / "devices")
    made = side(tmp_path, ('zone = "dma-e", node = "103"', 'zone = "dma-e", node = "9103"'))
    assert made.sensors == {point: node for point, node in sound.items() if node != "103"}
    found = [finding for finding in water_check.of_city(made) if finding.kind == "name-unknown"]
    assert len(found) == 1
    assert "no junction '9103'" in found[0].observed
    assert "p-103" in found[0].ids[0]


def test_a_junction_off_the_network_is_left_out_of_its_zone(tmp_path: Path) -> None:
    made = side(tmp_path, ('dma-c = ["131"]', 'dma-c = ["131", "1310"]'))
    assert made.dma_of[made.dma_of == "dma-c"].index.tolist() == ["131"]
    assert [problem.observed for problem in water_names.problems(made)] == ["no junction '1310' in the network"]


def test_a_valve_with_a_fault_is_left_out_and_told(tmp_path: Path) -> None:
    columns = (DEMO / "valves.csv").read_text().splitlines()[0].count(",")
    line = "vx,999999,60,open" + "," * (columns - 3) + "\n"
    made = side(tmp_path, valves=line)
    assert "vx" not in set(made.valves["valve"])
    assert len(made.valves) > 10
    assert [problem.observed for problem in made.faults] == ["link 999999 is not in network Net3"]
    assert any("link 999999" in str(problem) for problem in water_names.problems(made))


def test_a_faulty_line_of_the_citys_inp_costs_that_line(tmp_path: Path) -> None:
    made = side(tmp_path)
    inp = tmp_path / "town.inp"
    made.network.write(inp)
    text = inp.read_text()
    inp.write_text(text.replace("[PIPES]\n", "[PIPES]\n loose 10 nowhere 100 200 120 0 Open\n", 1))
    shutil.rmtree(tmp_path / "devices")
    mended = side(tmp_path, ('network = "Net3"', 'network = "town.inp"'))
    assert set(mended.network.pipes["id"]) == set(made.network.pipes["id"])
    assert [problem.observed.partition(": ")[2] for problem in mended.left_out] == ["its end nowhere is no node"]
    assert [finding.kind for finding in water_check.of_city(mended)] == ["end-unknown"]


def test_the_command_tells_the_citys_findings(tmp_path: Path) -> None:
    side(tmp_path, ('"161" = "Fire station"', '"9161" = "Fire station"'))
    done = CliRunner().invoke(app, ["water", "check", "--city", str(tmp_path / "city.toml")])
    assert done.exit_code == 2
    assert "warning name-unknown: water.critical.9161: no junction '9161' in the network" in done.output
    assert "leaks: doubtful: name-unknown" in done.output


def test_a_network_that_is_no_network_is_one_finding(tmp_path: Path) -> None:
    made = side(tmp_path, ('network = "Net3"', 'network = "town.inp"'))
    assert [finding.kind for finding in water_check.of_city(made)] == ["network-empty"]
    with pytest.raises(PenstockError, match="no such file"):
        _ = made.network
