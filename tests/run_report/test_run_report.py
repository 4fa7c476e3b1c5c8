"""The run report: complete, checked by its schema, the same for the same store, and safe to open."""

import copy
import json
import os
import shutil
from collections.abc import Callable
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from city.problems import PenstockError
from service import migrations
from service import schema as t
from service.environment import Environment
from service.run_report import VERSION, writing
from service.run_report.document import MOST_PROBLEMS, document
from service.run_report.document import _zones_out as zones_out
from service.run_report.page import page
from service.settings import load
from service.store import open_store
from service.store import writing as transaction
from tests.run_report.conftest import SECRET, Reported
from tests.town import Town

NIGHT = date(2022, 6, 16)
SCHEMA = json.loads(files("service.run_report").joinpath("report.schema.json").read_text(encoding="utf-8"))
EVIL = "<img src=x onerror=alert(1)>\"'&{x}"


@pytest.fixture(scope="module")
def made(reported: Reported) -> dict[str, Any]:
    return json.loads((reported.folder / "report.json").read_text(encoding="utf-8"))


@pytest.fixture
def own(reported: Reported, tmp_path: Path) -> Town:
    shutil.copytree(reported.town.folder, tmp_path / "town")
    return Town(tmp_path / "town", parts=reported.town.parts)


def faults(told: dict[str, Any]) -> list[str]:
    return [one.message for one in Draft202012Validator(SCHEMA, format_checker=FormatChecker()).iter_errors(told)]


def test_a_night_leaves_a_page_in_each_language_and_the_data_and_nothing_half_done(reported: Reported) -> None:
    assert sorted(path.name for path in reported.folder.iterdir()) == ["report.en.html", "report.json", "report.zh.html"]


def test_the_data_are_as_the_schema_says(made: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert faults(made) == []
    assert made["version"] == VERSION == SCHEMA["properties"]["version"]["const"]
    assert SCHEMA["$id"].endswith(f":{VERSION}")


@pytest.mark.parametrize("part", ["city", "run", "forecasts", "plan", "ledger", "counts", "alarms"])
def test_the_schema_refuses_a_key_that_is_missing_or_more(part: str, made: dict[str, Any]) -> None:
    for key in made[part]:
        less = copy.deepcopy(made)
        del less[part][key]
        assert faults(less), key
    assert faults({**made, part: {**made[part], "more": 1}})
    assert faults({key: value for key, value in made.items() if key != part})


def test_the_report_says_what_the_night_did(made: dict[str, Any]) -> None:
    assert (made["night"], made["city"]["id"], made["run"]["status"]) == ("2022-06-16", "town", "problems")  # fourteen days are little
    assert [step["name"] for step in made["steps"]] == ["validate", "forecast", "plan", "leaks", "ledger", "targets"]
    assert made["forecasts"]["series"] == 3
    plan = made["plan"]
    assert len(plan["grid_kw"]["plan"]) == plan["steps"] == 192
    assert plan["cost"] <= plan["baseline_cost"] + 0.01
    assert made["ledger"]["posted_to"] == "2022-06-15"
    assert [one["plan_id"] for one in made["approvals"]] == [plan["plan_id"]]
    assert {curve["kind"]: len(curve["p50"]) for curve in made["forecasts"]["curves"]}.keys() == {"load", "pv", "water"}


def test_the_same_store_gives_the_same_bytes(reported: Reported, own: Town) -> None:
    before = {path.name: path.read_bytes() for path in reported.folder.iterdir()}
    shutil.rmtree(own.folder / "nights")
    said = own.penstock("run-report")
    assert said.code == 0
    paths = [Path(line) for line in said.out.splitlines()]
    assert {path.name: path.read_bytes() for path in paths} == before
    only = own.penstock("run-report", "--date", "2022-06-16", "--language", "zh").out.splitlines()
    assert [Path(line).name for line in only] == ["report.zh.html", "report.json"]


def test_a_zone_of_very_many_points_leaves_a_report_that_can_be_opened(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'penstock.db'}", create=True)
    migrations.upgrade(engine)
    row = {"city": "town", "night": NIGHT, "step": "validate", "zone": "dma-1", "problems": [f"point {i}: garbage" for i in range(100_000)]}
    with transaction(engine) as connection:
        connection.execute(t.zone_out.insert().values(**row))
    (zone,) = zones_out(engine, "town", NIGHT)
    assert (len(zone["problems"]), zone["problems"][0]) == (MOST_PROBLEMS, "point 0: garbage")


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--date", "16.06.2022"], "a date such as"), (["--date", "2022-06-15"], "no run"), (["--language", "fr"], "en or zh")],
)
def test_what_cannot_be_reported_is_a_sentence(words: list[str], told: str, own: Town) -> None:
    said = own.penstock("run-report", *words)
    assert (said.code, said.foreseen) == (1, True)
    assert told in said.err


def test_a_full_disk_leaves_the_former_report_whole(own: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    city = load(Environment(city=own.file, home=own.folder))
    engine = open_store(own.database)
    folder = own.folder / "nights" / "2022-06-16"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with transaction(engine) as connection:
        connection.execute(t.run.update().values(config_author="somebody else"))

    def full(_handle: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PenstockError, match="No space left"):
        writing.write(engine, city, NIGHT)
    assert {name: (folder / name).read_bytes() for name in before} == before
    monkeypatch.undo()
    writing.write(engine, city, NIGHT)
    assert "somebody else" in (folder / "report.json").read_text(encoding="utf-8")
    assert {path.name for path in folder.iterdir()} == set(before)


def _spoiled(value: Any, spoil: Callable[[str, str], str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _spoiled(one, spoil, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_spoiled(one, spoil, key) for one in value]
    return spoil(key, value) if isinstance(value, str) else value


@pytest.mark.parametrize("language", ["en", "zh"])
def test_whatever_stands_in_the_data_is_text_on_the_page(language: str, made: dict[str, Any]) -> None:
    full = copy.deepcopy(made)  # what this quiet night has none of
    full["zones_out"] = [{"step": "plan", "zone": "a", "problems": ["b"]}]
    full["leaks"] = [
        {"id": "l", "kind": "slow", "zone": "z", "pipe": "p", "flow_m3_per_h": 1.0, "since_utc": made["now_utc"], "sentence": "s"}
    ]
    full["outages"] = [{"id": "o", "since_utc": made["now_utc"], "sentence": "s"}]
    case = {"id": 1, "kind": "leak", "subject": "s", "priority": 1, "state": "found", "owner": "w", "due_utc": None, "sentence": "s"}
    full["cases"] = [case]
    words = {"what": "w", "todo": "t"}
    alarm = {"id": 1, "priority": 1, "state": "s", "acknowledged": True, "since_utc": made["now_utc"], "en": words, "zh": words}
    full["alarms"]["rows"] = [alarm]
    full["counts"] |= {"leaks": 1, "outages": 1, "cases": 1, "alarms": 1}
    full["plan"] |= {"reasons": ["r"], "breaches": ["b"]}
    full["run"]["config"] |= {"author": "a", "changed": "c"}
    full["steps"][0] |= {"problems": ["p"] * 20}
    assert faults(full) == []
    kept = {"time_zone", "night", "report"}
    evil = _spoiled(full, lambda key, text: text if key in kept or key.endswith("_utc") else EVIL)
    shown = page(evil, language)
    assert "<img" not in shown
    assert EVIL not in shown
    assert shown.count("&lt;img src=x onerror=alert(1)&gt;&quot;&#x27;&amp;{x}") > 40
    assert "<script" not in shown
    assert "http" not in shown.replace("http-equiv", "")


def test_a_night_that_did_next_to_nothing_has_a_report_too(own: Town) -> None:
    city = load(Environment(city=own.file, home=own.folder))
    engine = open_store(own.database)
    row = {"city": "town", "night": date(2022, 6, 20), "command": "night", "status": "running", "config_hash": "0" * 64, "pid": 1}
    from tests.notices.conftest import NOW

    with transaction(engine) as connection:
        connection.execute(t.run.insert().values(**row, now_utc=NOW, started_utc=NOW))
    told = document(engine, city, date(2022, 6, 20))
    assert faults(told) == []
    assert (told["plan"], told["steps"], told["forecasts"]["series"]) == (None, [], 0)
    assert "未结束" in page(told, "zh")


def test_the_night_told_its_people_with_the_figures_of_the_report(reported: Reported, made: dict[str, Any]) -> None:
    import time

    from service.notices.signing import verified

    bodies = [json.loads(body) for _, body in reported.taken]
    (night,) = [one for one in bodies if one["type"].startswith("penstock.night.")]
    assert night["type"] == "penstock.night.problems"
    assert night["data"]["plan_id"] == made["plan"]["plan_id"]
    assert f"{made['plan']['cost']:,.0f} / " in night["data"]["facts"]["Cost beside doing nothing"]
    assert all(verified(headers, body, SECRET.encode(), time.time(), 600) for headers, body in reported.taken)


@pytest.mark.browser
def test_the_page_asks_for_nothing_and_fits_screen_and_paper(reported: Reported) -> None:
    driver = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with driver.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": 1280, "height": 900})
        asked: list[str] = []
        said: list[str] = []
        shown.on("request", lambda one: asked.append(one.url))
        shown.on("console", lambda one: said.append(one.text))
        for language in ("en", "zh"):
            shown.goto((reported.folder / f"report.{language}.html").as_uri())
            for width in (1280, 820):
                shown.set_viewport_size({"width": width, "height": 900})
                assert shown.evaluate("document.documentElement.scrollWidth") <= width
            assert shown.locator("svg").count() == 4  # the plan, load, sun, water
        assert (len(asked), said) == (2, [])  # the two pages, and nothing that they ask for
        assert 1 <= shown.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") <= 5
        browser.close()


def test_a_plan_that_stands_in_is_told_as_that_and_later_ones_are_left_out(own: Town) -> None:
    """The night's own plan counts, not one that was asked for since; what stands in comes before an impossible one of the same time."""
    city = load(Environment(city=own.file, home=own.folder))
    engine = open_store(own.database)
    with transaction(engine) as connection:
        first = connection.execute(t.plan.select()).first()
        row = {**first._mapping, "cost": None, "baseline_cost": None, "co2_kg": None, "baseline_co2_kg": None}
        later = {**first._mapping, "plan_id": "plan-9", "made_at_utc": first.start_utc, "detail": {**first.detail, "origin": "rolling"}}
        connection.execute(t.plan.insert().values(**later))
    assert document(engine, city, NIGHT)["plan"]["plan_id"] == first.plan_id
    with transaction(engine) as connection:
        connection.execute(t.plan.update().where(t.plan.c.plan_id == first.plan_id).values(status="impossible"))
        detail = {**first.detail, "origin": "fallback", "notes": ["It stands in."], "reasons": ["No solver."]}
        connection.execute(t.plan.insert().values(**(row | {"plan_id": "fallback-1", "status": "fallback", "detail": detail})))
    told = document(engine, city, NIGHT)
    assert faults(told) == []
    assert (told["plan"]["plan_id"], told["plan"]["cost"], told["plan"]["notes"]) == ("fallback-1", None, ["It stands in."])
    assert "stands in for a plan that could not be made" in page(told, "en")
