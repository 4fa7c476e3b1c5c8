"""How the steps of a night depend on each other: a failed need makes a step wait, an unforeseen error costs one step."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine

from city.problems import fault
from service import night
from service.city_settings import Night as NightSettings
from service.night import NEEDS, STEPS, Night, Output, working
from service.store.runs import StepResult, steps_done

DAY = date(2022, 6, 16)


@dataclass
class Steps:
    """Steps that do what a test says, in place of the real ones."""

    does: dict[str, Any]

    def __call__(self, module: str) -> SimpleNamespace:
        name = module.rsplit(".", 1)[1]
        return SimpleNamespace(compute=lambda _night: self.does.get(name, lambda: Output(StepResult(f"{name} done")))())


@pytest.fixture(params=["sqlite"])
def engine(engine: Engine) -> Engine:
    return engine


def ran(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: dict[str, Any]) -> tuple[str, list[str]]:
    told: list[str] = []
    monkeypatch.setattr(working, "import_module", Steps(does))
    settings = SimpleNamespace(city=SimpleNamespace(id="x"), night=NightSettings())
    city: Any = SimpleNamespace(settings=settings, environment=SimpleNamespace(folder=tmp_path))
    status = night._steps(
        Night(city, engine, DAY, datetime(2022, 6, 15, 22, 30, tzinfo=UTC), {}), lambda name, result: told.append(name) if result else None
    )
    return status, told


def bad() -> Output:
    raise fault("meters", "none", "one", "Add one.")


def test_every_step_needs_earlier_ones_only() -> None:
    assert all(STEPS.index(need) < STEPS.index(step) for step, needs in NEEDS.items() for need in needs)


def test_steps_that_need_a_failed_one_wait_and_run_when_it_is_mended(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, _ = ran(engine, tmp_path, monkeypatch, {"validate": bad})
    assert status == "failed"
    assert set(steps_done(engine, "x", DAY)) == {"validate"}
    status, told = ran(engine, tmp_path, monkeypatch, {})
    assert (status, told) == ("done", list(STEPS))


def test_a_failed_leak_search_does_not_cost_the_plan(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran(engine, tmp_path, monkeypatch, {"leaks": bad})
    assert {name for name, row in steps_done(engine, "x", DAY).items() if row.status == "done"} == {"validate", "forecast", "plan"}


def test_a_step_with_nothing_to_work_on_yet_is_tried_again(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran(engine, tmp_path, monkeypatch, {"ledger": lambda: Output(StepResult("nothing yet", status="waiting"))})
    assert ran(engine, tmp_path, monkeypatch, {})[1] == ["ledger"]


def test_an_error_nobody_foresaw_is_kept_in_a_file_and_costs_one_step(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, _ = ran(engine, tmp_path, monkeypatch, {"plan": lambda: 1 / 0})
    assert status == "failed"
    assert steps_done(engine, "x", DAY)["leaks"].status == "done"
    assert "ZeroDivisionError" in steps_done(engine, "x", DAY)["plan"].sentence
    assert list(tmp_path.glob("error-*.txt"))
