"""`penstock water pumps`: a plan for an EPANET file, and what cannot be asked."""

from pathlib import Path

import pandas as pd
from typer.testing import CliRunner

from service.cli import app
from tests.networks.pump_town import TOWN


def test_a_plan_is_told_and_written(tmp_path: Path) -> None:
    inp, csv = tmp_path / "town.inp", tmp_path / "running.csv"
    inp.write_text(TOWN)
    said = CliRunner().invoke(app, ["water", "pumps", str(inp), *["--starts", "1", "--pressure", "B=28", "--csv"], str(csv)])
    assert said.exit_code == 0, said.output
    assert "cost 7.67" in said.output  # the best of all schedules of this town, as the tests of optimisation.pumps find by trying them all
    table = pd.read_csv(csv, index_col="step")
    assert list(table) == ["X", "Y"]
    assert len(table) == 6
    assert set(table.to_numpy().ravel()) <= {0, 1}


def test_without_a_tariff_energy_is_told_and_no_currency(tmp_path: Path) -> None:
    inp = tmp_path / "town.inp"
    inp.write_text("\n".join(line for line in TOWN.splitlines() if "Price 1" not in line))
    said = CliRunner().invoke(app, ["water", "pumps", str(inp), "--pressure", "B=28"])
    assert said.exit_code == 0, said.output
    assert "kWh, the file has no tariff" in said.output
    assert "currency" not in said.output


def test_a_limit_that_is_no_number_is_told_in_a_sentence(tmp_path: Path) -> None:
    inp = tmp_path / "town.inp"
    inp.write_text(TOWN)
    said = CliRunner().invoke(app, ["water", "pumps", str(inp), "--pressure", "B:28"])
    assert said.exit_code != 0
    assert "ID=NUMBER" in said.output + str(said.exception)
