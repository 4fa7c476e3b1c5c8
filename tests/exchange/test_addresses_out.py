"""An export, a run report and the console hold of a webhook's address the host alone; a backup holds the file as it is."""

import hashlib
import tomllib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from service import schema as t
from service.night.configured import configured
from service.store import open_store, results, writing
from service.view import history
from tests.exchange.conftest import load_of
from tests.town import Town

SECRET = "gTr0ub4dor3x"
HOOK = f"https://hooks.chat.example/services/T0AB/{SECRET}"


@pytest.fixture
def told(full: Town) -> Town:
    """The town with a webhook whose address has changed, as two nights recorded it."""
    text = full.file.read_text(encoding="utf-8")
    engine = open_store(full.database)
    newest = max(row.run_id for row in results.rows(engine, t.run))
    for url in (HOOK, f"{HOOK}-next"):
        full.file.write_text(f'{text}\n[[notify]]\nid = "chat"\nkind = "webhook"\nurl = "{url}"\n', encoding="utf-8")
        found = configured(load_of(full), engine)
        with writing(engine) as connection:
            found.keep(connection)
            connection.execute(
                t.run.update().where(t.run.c.run_id == newest).values(config_hash=found.config_hash, config_changed=found.changed)
            )
    assert SECRET in (found.changed or "")
    engine.dispose()
    return full


def test_an_export_of_everything_holds_the_host_alone(told: Town, tmp_path: Path) -> None:
    assert told.penstock("export", "all", "--format", "csv", "--into", str(tmp_path / "csv")).code == 0
    assert [path.name for path in (tmp_path / "csv").iterdir() if SECRET.encode() in path.read_bytes()] == []
    assert told.penstock("export", "run", "config_version", "--into", str(tmp_path / "parquet")).code == 0
    versions = {row["config_hash"]: row["text"] for row in pq.read_table(tmp_path / "parquet" / "config_version.parquet").to_pylist()}
    own = hashlib.sha256(told.file.read_bytes()).hexdigest()  # the hash stays that of the file as it was used
    assert tomllib.loads(versions[own])["notify"][0]["url"] == "https://hooks.chat.example/***"
    assert SECRET not in str(versions)
    changed = str(pq.read_table(tmp_path / "parquet" / "run.parquet").column("config_changed").to_pylist())
    assert '+url = "https://hooks.chat.example/***"' in changed
    assert SECRET not in changed


def test_a_run_report_holds_the_host_alone(told: Town) -> None:
    assert told.penstock("run-report").code == 0
    reports = [path.read_text(encoding="utf-8") for path in told.folder.glob("nights/*/*")]
    assert len(reports) == 3
    assert all("hooks.chat.example" in report and SECRET not in report for report in reports)


def test_the_console_shows_the_host_alone_in_the_list_of_runs_and_in_the_settings(told: Town) -> None:
    changes = str(history.recent(open_store(told.database))["config_changed"].tolist())
    text = history.settings(load_of(told))
    assert len(text.splitlines()) == len(told.file.read_text(encoding="utf-8").splitlines())
    for shown in (changes, text):
        assert "hooks.chat.example" in shown
        assert SECRET not in shown


def test_a_backup_holds_the_file_as_it_is(told: Town, tmp_path: Path) -> None:
    assert told.penstock("backup", str(tmp_path / "backup")).code == 0
    assert f"{HOOK}-next" in (tmp_path / "backup" / "city" / "city.toml").read_text(encoding="utf-8")
