"""The carbon page: the year, the chain, an explanation down to the reading, closing a month, statements as archives."""

import io
import re
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from console import data
from console.carbon import statements as carbon_statements
from console.words import WORDS
from service import schema as t
from service.store import open_store, results
from tests.signed_in import token


def opened(name: str = "operator", language: str = "en") -> AppTest:
    data.forget()
    at = AppTest.from_string("from console import pages\npages.show('carbon')", default_timeout=60)
    at.session_state["token"] = token(name)
    at.session_state["language"] = language
    at.run()
    assert not at.exception
    return at


def text(at: AppTest) -> str:
    parts = [re.sub(r"<[^>]+>", " ", html.proto.body) for html in at.html]
    parts += [str(element.value) for kind in ("caption", "error") for element in getattr(at, kind)]
    parts += [frame.value.to_string() for frame in at.dataframe]
    return " ".join(" ".join(parts).split())


def test_the_year_at_a_glance_is_the_sum_of_the_entries(city: Path) -> None:
    """96 quarters of 25 kWh of one feeder: 2400 kWh at the published average of Zhejiang, all in scope 2."""
    seen = text(opened())
    entries = data.entries("el-1")
    total = entries["mg"].sum() / 1e9
    assert f"CO2e {total:.2f} t" in seen
    assert f"Scope 2 {total:.2f} t 100.0%" in seen
    assert "days posted: 1" in seen
    assert "Usable time 100.0 %" in seen
    assert "Ledger sound not signed" in seen


def test_a_changed_batch_is_seen_and_said(city: Path) -> None:
    (file,) = (city / "ledger").glob("*.zip")
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.chmod(0o644)
    file.write_bytes(raw)
    seen = text(opened())
    assert re.search(r"Ledger faults: [1-9]", seen)
    assert "ledger batch 0" in seen


def test_a_total_is_explained_down_to_its_readings(city: Path) -> None:
    at = opened()
    at.selectbox(key="explain_field").set_value("sector").run()
    at.selectbox(key="explain_value").set_value("services").run()
    next(button for button in at.button if button.label == "Explain").click().run()
    seen = text(at)
    assert "account el-1 (point feeder-01.energy, site town)" in seen
    assert "25, 25, 25" in seen
    assert "cn.mee.grid.average-provincial.CN-ZJ" in seen


def test_what_cannot_be_explained_is_told_in_a_sentence(city: Path) -> None:
    at = opened()
    at.text_input(key="explain_cell").set_value("2022-06/planet=mars")
    next(button for button in at.button if button.label == "Explain").click().run()
    assert not at.exception
    assert "planet=mars" in text(at)


def test_a_month_that_is_not_posted_to_its_end_cannot_be_closed(city: Path) -> None:
    at = opened("planner")
    at.text_input(key="close_note").set_value("looked at the silent meters")
    at.button(key="close_button").click().run()
    assert "Wait for its last night" in text(at)
    assert not results.rows(open_store(f"sqlite:///{city / 'penstock.db'}"), t.ledger_close)


def test_a_viewer_closes_nothing(city: Path) -> None:
    at = opened("viewer")
    assert at.button(key="close_button").disabled
    assert "a planner or operator closes periods" in text(at)


def test_one_month_cannot_be_compared_and_says_so(city: Path) -> None:
    assert "No two whole months are posted yet." in text(opened())
    assert "尚无两个完整月份可比较" in text(opened(language="zh"))


def test_csv_tables_come_as_one_archive_with_the_same_bytes(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv"):
        (tmp_path / name).write_text(name)
    paths = [tmp_path / "b.csv", tmp_path / "a.csv"]
    made = carbon_statements._archive(paths)
    assert made == carbon_statements._archive(paths[::-1])
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"a.csv": b"a.csv", "b.csv": b"b.csv"}


def test_every_driver_of_a_decomposition_has_its_words() -> None:
    from carbon.why.kaya import BY_GDP, BY_POPULATION, PROCESS

    assert {f"driver_{name}" for name in (*BY_GDP, *BY_POPULATION, PROCESS)} <= set(WORDS)


def test_odds_both_paths_and_warnings_of_a_target_are_shown(city: Path) -> None:
    """A restated base: the path first stated stays beside the one in force; odds stand with their calibration."""
    file = city / "city.toml"
    restated = '[[targets.restatements]]\npublished = 2022-01-31\nbase_value = 0.6\ntrigger = "census"\nreason = "fifth census"\n'
    target = '[[targets]]\nid = "per-gdp"\nmeasure = "energy_per_gdp"\nbase_year = 2021\nbase_value = 0.5\nmilestones = { 2026 = -0.1 }\n'
    said = file.read_text()
    line = next(line for line in said.splitlines() if line.startswith("targets = ["))
    file.write_text(said.replace(line, "") + target + restated)
    odds = [{"milestone": 2026, "asked": 0.54, "odds": 0.35, "low": 0.4, "middle": 0.55, "high": 0.7}]
    detail = {"light": "amber", "year": 2022, "odds": odds, "so_far": 0.31, "vintage": "census", "warnings": ["prices of two years"]}
    engine = open_store(f"sqlite:///{city / 'penstock.db'}")
    night = results.rows(engine, t.target_progress)[0].night
    row = {"night": night, "target_id": "per-gdp", "required": 0.59, "actual": 0.62, "on_path": False, "sentence": "", "detail": detail}
    with engine.begin() as connection:
        connection.execute(t.target_progress.insert().values(**row))
    at = opened()
    seen = text(at)
    assert "0.620 tce/10k CNY" in seen
    assert "behind, can be caught up" in seen
    assert "2026: 35 % odds of meeting it, asks for 0.540" in seen
    assert "so far 0.310 · GDP after census" in seen
    assert "prices of two years" in seen
    assert "Brier score 0.181, a straight line 0.190" in seen
    (standing,) = [one for one in data.standings() if one.target_id == "per-gdp"]
    assert (standing.path[0], standing.path_now[0]) == ((2021, 0.5), (2021, 0.6))
