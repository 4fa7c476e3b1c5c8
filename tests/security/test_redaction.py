"""Secrets do not reach crash files, logs or what a command says; crash files are bounded and for their owner alone."""

import io
import json
import os
import stat
import time
from pathlib import Path

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from service import crash
from service.environment import Environment
from service.redaction import HIDDEN, redact_event, redacted

SECRET = "gTr0ub4dor&3x"
FORMS = [
    f"postgresql+psycopg://penstock:{SECRET}@db.city.example/penstock",
    f"postgresql://penstock:pa/ss@{SECRET}@db/penstock",
    f"mqtts://:{SECRET}@broker:8883",
    f"https://api.city.example/hook?token={SECRET}&x=1",
    f"Authorization: Bearer {SECRET}",
    f"{{'authorization': 'Bearer {SECRET}'}}",
    f'{{"client_secret": "{SECRET}", "id": "vtn-1"}}',
    f"connection to server failed: host=db password={SECRET} dbname=penstock",
    f"PENSTOCK_EDGE_TOKEN={SECRET}",
    f"password = '{SECRET}'",
    f"Settings(smtp_password='{SECRET}', port=25)",
    f"-----BEGIN EC PRIVATE KEY-----\n{SECRET}\n-----END EC PRIVATE KEY-----",
    f"-----BEGIN PRIVATE KEY-----\n{SECRET}",  # cut off
    f"eyJhbGciOiJFUzI1NiJ9.eyJzdWIi{SECRET[:4]}.{SECRET.replace('&', '')}",
    f"hash = $argon2id$v=19$m=8,t=1,p=1$c2FsdA${SECRET}",
]
PLAIN = [
    "night of 2022-06-15: 3 of 4 zones planned in 12.5 s; done",
    "tcp://127.0.0.1:15502 unit 7: no answer in 0.2 s",
    "links[0].url, 'tcp://127.0.0.1:1': must be a device",
    "plan-20220616-0 costs 900.0 CNY (peak_kw: 321.0)",
    "postgresql+psycopg://db.city.example/penstock does not answer",
    'File "/srv/penstock/service/access/passwords.py", line 12, in checked',
]


@pytest.mark.parametrize("text", FORMS)
def test_a_secret_is_hidden_by_its_form(text: str) -> None:
    assert SECRET not in redacted(text)
    assert SECRET.replace("&", "") not in redacted(text)
    assert redacted(redacted(text)) == redacted(text)


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize("variable", ["EDGE_TOKEN", "OIDC_SECRET", "COOKIE_SECRET", "ACCESS_KEY", "API_TOKEN", "SMTP_PASSWORD"])
def test_what_the_environment_holds_is_hidden_wherever_it_stands(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"PENSTOCK_{variable}", SECRET)
    for text in (f"no form at all {SECRET} here", "percent gTr0ub4dor%263x", "Basic eDpn Z1RyMHViNGRvciYzeA"):
        assert not any(one in redacted(text) for one in (SECRET, "gTr0ub4dor%263x", "Z1RyMHViNGRvciYzeA")), text


def test_of_a_database_url_the_password_and_of_a_table_each_value_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_DATABASE_URL", f"postgresql+psycopg://penstock:{SECRET}@db/penstock")
    monkeypatch.setenv("PENSTOCK_VTN_SECRETS", json.dumps({"vtn-1": "another-long-secret"}))
    assert redacted(f"FATAL: {SECRET} for penstock at db") == f"FATAL: {HIDDEN} for penstock at db"
    assert "another-long" not in redacted("told another-long-secret to vtn-1")
    assert "vtn-1" in redacted("told another-long-secret to vtn-1")


def test_the_path_of_a_key_file_is_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ledger.pem").write_text("x")
    monkeypatch.setenv("PENSTOCK_LEDGER_KEY", str(tmp_path / "ledger.pem"))
    assert redacted(f"{tmp_path / 'ledger.pem'}: others may read it") == f"{tmp_path / 'ledger.pem'}: others may read it"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400))
def test_any_text_is_taken_and_what_was_hidden_once_stays_hidden(text: str) -> None:
    made = redacted(text)
    assert redacted(made) == made or len(made) <= len(text) + 40


@pytest.mark.parametrize(
    "text", ["a://" * 200_000, "password='" * 100_000, "token=" * 200_000, "-----BEGIN PRIVATE KEY-----" * 40_000, "eyJ" * 300_000]
)
def test_a_text_that_is_made_to_be_slow_is_not(text: str) -> None:
    began = time.process_time()
    redacted(text)
    assert time.process_time() - began < 5


def test_a_log_line_of_structlog_is_redacted_inside_lists_and_tables() -> None:
    out = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(out), processors=[redact_event, structlog.processors.JSONRenderer()], wrapper_class=structlog.BoundLogger
    )
    log.warning("not sent", cause=FORMS[0], more=[FORMS[4], {"token": "x", "a": FORMS[7]}], password="short", count=3)
    assert SECRET not in out.getvalue()
    told = json.loads(out.getvalue())
    assert (told["count"], told["password"], told["more"][1]["token"]) == (3, HIDDEN, HIDDEN)


def test_a_crash_file_is_for_its_owner_alone_and_holds_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path))
    monkeypatch.setenv("PENSTOCK_EDGE_TOKEN", SECRET)
    try:
        raise RuntimeError(f"could not reach {FORMS[0]} with {SECRET}")
    except RuntimeError as error:
        told = crash.keep(error, Environment())
    (path,) = tmp_path.glob("error-*.txt")
    assert str(path) in told
    assert SECRET not in told
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert SECRET not in text
    assert "RuntimeError: could not reach postgresql+psycopg://penstock:***@db.city.example" in text


def test_crash_files_are_the_newest_two_hundred_and_each_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path))
    (tmp_path / "error-in-our-notes.txt").write_text("not ours")
    names = []
    for number in range(crash.KEPT + 25):
        crash.keep(ValueError(f"number {number} " + "x" * (crash.MOST if number == 224 else 0)), Environment())
        names.append(number)
    kept = sorted(tmp_path.glob("error-2*.txt"))
    assert len(kept) == crash.KEPT
    assert "number 25 " in kept[0].read_text()
    assert kept[-1].stat().st_size <= crash.MOST
    assert (tmp_path / "error-in-our-notes.txt").exists()


def test_no_link_that_somebody_laid_is_written_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary folder is everybody's: the name holds random bits and the file must be new."""
    monkeypatch.setattr(crash.secrets, "token_hex", lambda _count: "abcdef")
    target = tmp_path / "elsewhere"
    target.write_text("precious")

    class Stopped:
        @staticmethod
        def now(_zone: object) -> "Stopped":
            return Stopped()

        def __format__(self, _form: str) -> str:
            return "20220616T000000000000"

    monkeypatch.setattr(crash, "datetime", Stopped)
    os.symlink(target, tmp_path / "error-20220616T000000000000-abcdef.txt")
    with pytest.raises(FileExistsError):
        crash._written(tmp_path, "overwritten")
    assert target.read_text() == "precious"
