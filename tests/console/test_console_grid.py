"""The grid page: feeder diagram, what is abnormal, the outage and its restoration step by step; without a grid and without a state."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("streamlit")

from console.grid.geometry import geometry
from console.words.four_eyes import reasons
from networks.grid.estimate import estimate
from networks.grid.flow import Solver
from networks.grid.network import COLUMNS
from service import decisions
from service import schema as t
from service.access.roles import Person
from service.environment import Environment
from service.grid import proposing, side, states, view
from service.settings import load
from service.store import open_store, writing
from tests.console.test_console_pages import opened, text
from tests.optimisation.grid_cases import small

NOW = datetime(2022, 6, 16, 0, 0, tzinfo=UTC)
SINCE = NOW - timedelta(minutes=30)
GRID = '\n[grid]\nnetwork = "grid"\ncritical = { C = "Hospital" }\n'
DARK = ["A", "B", "C"]


@pytest.fixture
def gridded(city: Path) -> Path:
    """The small city with the five buses of `grid_cases.small`, nothing measured yet."""
    network, folder = small(rating_a=12.0), city / "grid"
    folder.mkdir()
    for name in COLUMNS:
        getattr(network, name).to_csv(folder / f"{name}.csv", index=False)
    file = city / "city.toml"
    file.write_text(file.read_text(encoding="utf-8") + GRID, encoding="utf-8")
    return city


def reached(city: Path):
    loaded = load(Environment(city=city / "city.toml", home=city))
    return loaded, side.required(loaded), open_store(loaded.environment.url)


def plant_state(city: Path, at: datetime = NOW, dark: tuple[str, ...] = (), factor: float = 1.0) -> None:
    """A state with every load at its peak times `factor`."""
    _, grid, engine = reached(city)
    network = grid.network
    made = estimate(Solver(network), factor * network.loads["p_kw"].to_numpy()[None, :], {}, 0.95)
    row = states._row(grid, made, network.buses["bus"].isin(dark).to_numpy(), 0, at, {})
    with writing(engine) as connection:
        connection.execute(t.grid_state.insert().values(**row))


def plant_outage(city: Path) -> str:
    """The line from A to B is broken: its breaker opened, A, B and C are dark. Returns the proposal made for it."""
    _, grid, engine = reached(city)
    detail = {
        "buses": DARK,
        "loads": DARK,
        "meters": [],
        "critical": {"C": "Hospital"},
        "places": {"ab": 0.9},
        "districts": [],
        "suspects": ["ab"],
    }
    row = {
        "outage_id": "outage-ab-1",
        "feeder": "sa",
        "branch": "ab",
        "likelihood": 0.9,
        "since_utc": SINCE,
        "found_utc": SINCE,
        "ended_utc": None,
        "customers": 25,
        "sentence": "No power behind ab.",
        "detail": detail,
    }
    with writing(engine) as connection:
        connection.execute(t.grid_outage.insert().values(**row))
    proposing.propose_for(engine, grid, Person(name="eva", role="operator"), "outage-ab-1", NOW)
    return view.proposals(engine, "outage-ab-1")[0].proposal_id


def test_a_city_without_a_grid_says_so_in_one_sentence(city: Path) -> None:
    page = opened("grid")
    assert "This city describes no power network" in text(page)
    assert not page.exception


def test_before_anything_is_measured_the_diagram_is_there_and_no_value(gridded: Path) -> None:
    seen = text(opened("grid"))
    assert "No state of the grid has been computed yet." in seen
    assert "All customers of the model have power." not in seen.split("Outage")[0]
    assert "Feeder diagram" in seen


def test_a_quiet_state_shows_its_figures_and_no_priority(gridded: Path) -> None:
    plant_state(gridded)
    seen = text(opened("grid"))
    assert "All customers of the model have power." in seen
    assert "350" in seen, "100 + 50 + 100 + 100 kW"
    assert "Highest loading" in seen


def test_an_old_state_is_said_and_its_values_are_not_shown(gridded: Path) -> None:
    plant_state(gridded, NOW - timedelta(hours=3))
    seen = text(opened("grid"))
    assert "The newest state of the grid is 3 h old" in seen
    assert "350" not in seen.split("Feeder diagram")[0]


@pytest.fixture
def broken(gridded: Path) -> Path:
    """The grid with the line from A to B broken, and its proposal."""
    plant_state(gridded, dark=tuple(DARK))
    plant_outage(gridded)
    return gridded


def test_the_outage_tells_what_is_dark_what_comes_back_and_why_the_rest_does_not(broken: Path) -> None:
    seen = text(opened("grid"))
    assert "25 customers without power" in seen
    assert "Critical: Hospital" in seen
    for step in ("Open s2", "Close s1", "Open s3", "Close t"):
        assert step in seen.replace("<b>", "").replace("</b>", ""), step
    assert "5 customers, 50.0 kW (B); with s3 closed td would be at 120 % of its rating" in seen
    assert "Proof: every step holds" in seen
    assert "Steps can be ticked off once the order is approved." in seen


def test_in_chinese_nothing_of_the_page_stays_english(broken: Path) -> None:
    seen = text(opened("grid", language="zh"))
    for word in ("转供电方案", "断开", "合上", "辐射状", "负载率", "停电 25 户", "未恢复区域及原因"):
        assert word in seen, word
    assert "Restoration" not in seen
    assert "25 customers" not in seen


def approved(city: Path) -> str:
    loaded, _, engine = reached(city)
    proposal = view.proposals(engine)[0].proposal_id
    for name in ("operator", "second"):
        decisions.approve(engine, loaded, Person(name=name, role="operator"), proposal, NOW, "storm")
    return proposal


def test_a_step_counts_only_when_its_number_is_read_back(broken: Path) -> None:
    approved(broken)
    page = opened("grid")
    first = view.proposals(reached(broken)[2])[0].detail["steps"][0]["switch"]
    page.text_input(key="tell_name_0").set_value("s4")
    press(page).click()
    page.run()
    assert f"Step 1 is {first}: type this number" in text(page)
    assert view.proposals(reached(broken)[2])[0].done[0] == ""
    page.text_input(key="tell_name_0").set_value(first)
    press(page).click()
    page.run()
    assert view.proposals(reached(broken)[2])[0].done[0] == "operator"
    assert "done: operator" in text(opened("grid"))


def press(page):
    return next(button for button in page.button if "Is open" in button.label or "Is closed" in button.label)


def test_a_viewer_can_tell_nothing(broken: Path) -> None:
    approved(broken)
    page = opened("grid", name="viewer")
    assert page.text_input(key="tell_name_0").disabled
    assert press(page).disabled


def test_lines_run_in_right_angles_and_switches_stand_on_them(gridded: Path) -> None:
    loaded, grid, _ = reached(gridded)
    drawn = geometry(view.diagram(loaded))
    for corners in drawn.branches.values():
        for (x, y), (to_x, to_y) in pairwise(corners):
            assert x == to_x or y == to_y
    assert set(drawn.switches) == set(grid.network.switches["switch"])
    assert np.isfinite(list(drawn.switches.values())).all()


def rewritten(city: Path, **changed: object) -> None:
    """The stored proposal with other columns, or with other entries of its detail."""
    _, _, engine = reached(city)
    detail = view.proposals(engine)[0].detail | {name: value for name, value in changed.items() if name != "state"}
    with writing(engine) as connection:
        connection.execute(t.grid_proposal.update().values(detail=detail, state=changed.get("state", "proposed")))


def test_a_step_after_which_nothing_but_a_source_is_live_has_no_lowest_voltage(broken: Path) -> None:
    steps = view.proposals(reached(broken)[2])[0].detail["steps"]
    rewritten(broken, steps=[steps[0] | {"voltage_pu": None, "lowest_bus": ""}, *steps[1:]])
    seen = text(opened("grid"))
    assert "Proof: every step holds" in seen
    assert "lowest voltage – pu at –" in seen


@pytest.mark.parametrize(
    ("changed", "english", "chinese"),
    [
        ({"steps": []}, "Nothing can be switched back: 25 customers", "无可行转供电方案：25 户"),
        ({}, "No order passed the proof", "方案未通过校核"),
        ({"steps": [], "left": []}, "Nobody has lost supply", "无用户失电"),
    ],
)
def test_why_nothing_is_proposed_is_said_in_both_languages(broken: Path, changed: dict, english: str, chinese: str) -> None:
    rewritten(broken, state="none", **changed)
    assert english in text(opened("grid"))
    seen = text(opened("grid", language="zh"))
    assert chinese in seen
    assert english not in seen


def test_what_is_stored_in_english_is_told_in_chinese(broken: Path) -> None:
    page = opened("grid", language="zh")
    seen = text(page) + " ".join(str(table.value) for table in page.dataframe)
    assert "倒闸操作" in seen
    assert "ab 以下失电，可能性 90 %" in seen
    for word in ("a switching order", "No power behind", "as stored"):
        assert word not in seen, word


def test_a_motor_that_failed_leaves_its_step_to_be_read_back_by_hand(broken: Path) -> None:
    approved(broken)
    steps = view.proposals(reached(broken)[2])[0].detail["steps"]
    rewritten(broken, steps=[steps[0] | {"by": "remote"}, *steps[1:]])
    page = opened("grid")
    assert f"Its motor did not turn {steps[0]['switch']}" in text(page)
    assert not page.text_input(key="tell_name_0").disabled


@pytest.mark.parametrize(
    ("stored", "chinese"),
    [
        ("p-1 changes by 1,200 kW, above 1,000", "p-1 变化 1,200 kW，超过 1,000 kW"),
        ("2 valves turn, above 1; 40 customers are cut off, above 10", "操作阀门 2 台，超过 1 台; 影响用户 40 户，超过 10 户"),
        ("something new", "something new"),
    ],
)
def test_why_two_must_decide_in_chinese(monkeypatch: pytest.MonkeyPatch, stored: str, chinese: str) -> None:
    assert reasons(stored) == stored
    monkeypatch.setattr("console.words.catalogue.language", lambda: "zh")
    assert reasons(stored) == chinese
