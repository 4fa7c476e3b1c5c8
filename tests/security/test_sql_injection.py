"""Text of people reaches the database as a value: hostile words through the commands; the source searched for SQL put together."""

import ast
import sqlite3
from pathlib import Path

import pytest

from service.store import open_store
from tests.town import Town, prepared

ROOT = Path(__file__).resolve().parents[2]
WORDS = ["'; DROP TABLE audit; --", "x'); DELETE FROM hold; --", "\" OR %s ? :p $1 \\'"]
NOW = ("--now", "2022-06-16T00:40+02:00")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return prepared(Town(tmp_path_factory.mktemp("sql") / "town", days=0))


def tables(town: Town) -> set[str]:
    with sqlite3.connect(town.folder / "penstock.db") as connection:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


COMMANDS = {
    "hold": ("hold", "sun", "--reason", "WORD", "--who", "ada", *NOW),
    "hold's subject": ("hold", "WORD", "--reason", "x", "--who", "ada", *NOW),
    "hold's person": ("hold", "sun", "--reason", "x", "--who", "WORD", *NOW),
    "approve": ("approve", "WORD", "--who", "ada", *NOW),
    "settle": ("settle", "WORD", "--found", "1", "--who", "ada", *NOW),
    "audit's person": ("audit", "list", "--who", "WORD"),
    "audit's text": ("audit", "list", "--text", "WORD"),
    "audit's action": ("audit", "list", "--action", "WORD"),
    "shift note": ("shift", "note", "WORD", "--who", "ada", *NOW),
    "case": ("case", "open", "WORD", "--who", "ada", *NOW),
    "point's versions": ("meters", "versions", "WORD", "--day", "2022-06-15"),
    "event": ("event", "list"),
    "explain": ("explain", "WORD"),
    "pipe dug": ("water", "dug", "WORD", "WORD", "--found", "--who", "ada", *NOW),
    "valve": ("water", "valve", "WORD", "--state", "stuck", "--who", "ada", *NOW),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_word_on_the_command_line_changes_more_than_its_own_row(name: str, town: Town) -> None:
    before = tables(town)
    for word in WORDS:
        said = town.penstock(*(part if part != "WORD" else word for part in COMMANDS[name]))
        assert said.foreseen, said.all
        assert "sqlite3." not in said.all
        assert "syntax error" not in said.all
    assert tables(town) == before
    assert "audit" in before


def test_a_search_of_the_audit_for_a_sign_of_patterns_finds_that_sign_only(town: Town) -> None:
    town.penstock("hold", "sun", "--reason", "100 % sure_of it", "--who", "ada", *NOW)
    everything = town.penstock("audit", "list", "--limit", "1000").out.count("\n")
    assert 0 < town.penstock("audit", "list", "--text", "100 % sure_of", "--limit", "1000").out.count("\n") < everything
    assert town.penstock("audit", "list", "--text", "sureXof", "--limit", "1000").out.count("\n") == 0


def test_what_was_typed_is_stored_as_it_was_typed(town: Town) -> None:
    for word in WORDS:
        town.penstock("hold", "sun", "--reason", word, "--who", "ada", *NOW)
    engine = open_store(town.database)
    with engine.connect() as connection:
        told = "\n".join(str(row[0]) for row in connection.exec_driver_sql("SELECT sentence FROM audit"))
    assert [word for word in WORDS if word not in told] == []


# Where SQL is put together, only from names of our own tables, columns and days: each looked at by hand.
OURS = {
    *(f"service/keeping/{name}.py" for name in ("backup", "restoring", "copying")),
    *(f"service/store/{n}.py" for n in ("__init__", "newest", "partitions", "columns", "due", "readings", "meter_days", "sums", "cold")),
    *(f"meters/spool/{name}.py" for name in ("spool", "fill", "recovery", "reserve")),
    *(f"service/{name}.py" for name in ("lease", "vee/open_days", "store/reading_only", "metrics/collector", "doctor/database")),
}


def put_together(path: Path) -> list[int]:
    """Lines where a text that is not a constant goes to the database as SQL."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
            first = node.args[0]
            sql = name in ("exec_driver_sql", "executescript") or (
                name in ("execute", "text") and isinstance(first, (ast.JoinedStr, ast.BinOp))
            )
            if sql and not isinstance(first, ast.Constant):
                found.append(node.lineno)
    return found


def test_sql_is_put_together_only_where_it_was_looked_at() -> None:
    paths = [
        path for folder in ("service", "meters", "console") for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts
    ]
    found = {str(path.relative_to(ROOT)) for path in paths if put_together(path)}
    assert found - OURS == set(), "look whether anything of a person can get there, then add the file to OURS"
