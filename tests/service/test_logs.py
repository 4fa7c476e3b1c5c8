"""Lines for engineers: each is whole by itself, says whose it is, and holds no secret."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import structlog

from service import logs
from tests.town import NOW, Town

Err = Callable[[], str]


@pytest.fixture
def err(capsys: pytest.CaptureFixture[str]) -> Iterator[Err]:
    """What was written to stderr."""
    yield lambda: capsys.readouterr().err
    structlog.reset_defaults()
    logging.getLogger().handlers = [one for one in logging.getLogger().handlers if not isinstance(one, logs._Forwarded)]


def lines(err: Err) -> list[dict]:
    return [json.loads(line) for line in err().splitlines()]


def test_every_line_has_time_level_event_city_command_and_run_in_this_order(err: Err) -> None:
    logs.configure("poll")
    logs.about(city="town", run_id=7)
    structlog.get_logger().warning("readings wait", batches=3, since=datetime(2022, 6, 15))  # noqa: DTZ001 - as a driver may give it
    (line,) = lines(err)
    assert list(line)[:6] == ["time", "level", "event", "city", "command", "run"]
    assert datetime.fromisoformat(line["time"]).utcoffset().total_seconds() == 0
    assert (line["level"], line["city"], line["command"], line["run_id"], line["batches"]) == ("warning", "town", "poll", 7, 3)


def test_a_traceback_is_one_line_and_its_secrets_are_hidden(err: Err) -> None:
    logs.configure("work")
    try:
        raise RuntimeError("cannot reach postgresql://city:hunter22@db/penstock")
    except RuntimeError:
        structlog.get_logger().exception("part of the round failed")
    text = err()
    assert "RuntimeError" in json.loads(text)["exception"]
    assert "city:***@db" in text
    assert "hunter22" not in text


def test_what_libraries_log_in_pythons_own_way_is_told_alike(err: Err) -> None:
    for _ in range(2):  # configured twice, told once
        logs.configure("api")
    logging.getLogger("uvicorn.error").warning("invalid request from %s", "password=hunter22")
    logging.getLogger("uvicorn.error").info("started")
    (line,) = lines(err)
    assert (line["event"], line["logger"], line["level"]) == ("invalid request from password=***", "uvicorn.error", "warning")


def test_text_is_for_terminals_or_on_demand(err: Err, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.VARIABLE, "text")
    logs.configure("poll")
    structlog.get_logger().info("spool: room for 30 days")
    text = err()
    assert text.count("\n") == 1
    assert "spool: room for 30 days" in text
    assert not text.startswith("{")


@pytest.mark.parametrize("form", logs.FORMS)
def test_no_form_tells_the_secret_of_a_traceback_or_of_what_is_no_text(form: str, err: Err, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.VARIABLE, form)
    logs.configure("work")
    url = "postgresql://city:hunter22@db/penstock"
    try:
        raise RuntimeError(url)
    except RuntimeError as error:
        structlog.get_logger().exception("part of the round failed", cause=error, sent=url.encode(), seen={url})
    text = err()
    assert "RuntimeError" in text
    assert text.count("city:***@db") == 4
    assert "hunter22" not in text


def test_a_librarys_line_that_does_not_fit_its_arguments_is_told_and_ends_nothing(err: Err) -> None:
    logs.configure("api")
    logs._Forwarded().emit(logging.LogRecord("driver", logging.WARNING, "driver.py", 1, "%d retries", ("three",), None))
    (line,) = lines(err)
    assert line["event"] == "%d retries ('three',)"


def test_an_unknown_form_is_a_sentence(tmp_path: Path) -> None:
    said = Town(tmp_path / "town", days=0).write().penstock("init", LOG="yaml")
    assert (said.code, said.foreseen) == (1, True)
    assert "PENSTOCK_LOG: 'yaml'; allowed: json or text." in said.err


def test_a_command_logs_to_stderr_and_talks_on_stdout(tmp_path: Path, err: Err) -> None:
    town = Town(tmp_path / "town", days=0).write()
    (town.folder / "lost.db").write_bytes(b"no database at all" * 100)
    said = town.penstock("poll", "--now", NOW, DATABASE_URL=f"sqlite:///{town.folder / 'lost.db'}")
    told = [json.loads(line) for line in said.err.splitlines() if line.startswith("{")]
    assert {"database does not take readings; they stay in the spool"} <= {line["event"] for line in told}
    assert {(line["city"], line["command"]) for line in told} == {("town", "poll")}
    assert "batches waiting in the spool" in said.out
    assert "{" not in said.out
