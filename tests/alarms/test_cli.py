"""`penstock alarms`: what an operator without a screen sees and does."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from city.problems import PenstockError
from service.cli import app
from tests.alarms.conftest import Bench


@pytest.fixture
def said(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    if bench.engine.dialect.name != "sqlite":
        pytest.skip("the command line finds its database by the folder")
    bench.slot("m1", "m2", slots=2)
    file: Path = bench.city.environment.city_file
    monkeypatch.setenv("PENSTOCK_HOME", str(file.parent))
    monkeypatch.delenv("PENSTOCK_DATABASE_URL", raising=False)

    def run(*words: str) -> str:
        told = CliRunner().invoke(app, ["alarms", *words, "--city", str(file), "--now", bench.now_utc.isoformat()])
        if isinstance(told.exception, PenstockError):
            raise told.exception
        assert told.exit_code == 0, told.output
        return told.output

    return run


def test_list_acknowledge_shelve_and_back(said, bench: Bench) -> None:
    number = bench.id_of("m1")
    line = f"#{number} P3 2026-03-02 08:15 UTC unacknowledged: m1 does not answer (TIMEOUT), 1 of 2 points -> Check power"
    assert line in said("list")
    assert "2 on the list, 2 not acknowledged; 0 off it" in said("list")
    assert "1 acknowledged by wang.li" in said("ack", str(number), "--who", "wang.li")
    assert "acknowledged by wang.li: m1" in said("list")
    said("shelve", str(number), "--reason", "meter is exchanged", "--hours", "2", "--who", "wang.li")
    assert "1 on the list, 1 not acknowledged; 1 off it" in said("list")
    assert "shelved until 2026-03-02 10:45 UTC: meter is exchanged: m1" in said("list", "--aside")
    said("unshelve", str(number), "--who", "wang.li")
    said("out-of-service", str(number), "--reason", "taken down", "--who", "chen.gang")
    assert "in service again" in said("out-of-service", str(number), "--restore", "--who", "chen.gang")
    assert bench.states() == {"silent m1": "unacknowledged", "silent m2": "unacknowledged"}


def test_the_list_and_the_report_as_json(said) -> None:
    told = json.loads(said("list", "--json"))
    assert (told["live"], told["not_acknowledged"], [one["subject"] for one in told["alarms"]]) == (True, 2, ["m1", "m2"])
    assert told["alarms"][0]["todo"].startswith("Check power")
    figures = json.loads(said("report", "--days", "1", "--json"))
    assert (figures["annunciated"], figures["shares"]["3"], figures["top"][0]["times"]) == (2, 1.0, 1)
    assert "per operator-hour      0.08   (target about 6)" in said("report", "--days", "1")


def test_a_wrong_number_and_a_missing_reason_are_sentences(said) -> None:
    with pytest.raises(PenstockError, match="no alarm of this number lasts"):
        said("ack", "77", "--who", "wang.li")
    with pytest.raises(PenstockError, match="no reason"):
        said("shelve", "1", "--reason", " ", "--who", "wang.li")
