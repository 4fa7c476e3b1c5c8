"""SECURITY.md names tests that exist, and every file of attacks."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", TEXT)))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda one: one or "all")
def test_every_test_the_page_names_exists(file: str, name: str) -> None:
    path = ROOT / file
    assert path.is_file(), f"{file} is not there"
    found = {node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)}
    assert not name or name in found, f"{file} has no {name}"
    assert any(one.startswith("test_") for one in found)


def test_every_file_of_attacks_is_named() -> None:
    named = {file for file, _ in NAMED}
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "security").glob("test_*.py")}
    assert there - named - {"tests/security/test_security_page.py"} == set()


def test_each_promise_is_numbered_and_has_a_test() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+?) \| (.+) \|$", TEXT, re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == list(range(1, len(rows) + 1))
    assert len(rows) >= 20
    for number, _, tests in rows:
        assert re.search(r"`tests/[\w/]+\.py", tests), f"promise {number} names no test"


def test_the_page_says_who_attacks_what_is_not_promised_and_how_to_report() -> None:
    for part in ("How to report a hole", "What is worth attacking", "Who attacks", "Where the borders lie", "What is not promised"):
        assert f"## {part}" in TEXT
    for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", TEXT):
        assert (ROOT / target).exists(), target
