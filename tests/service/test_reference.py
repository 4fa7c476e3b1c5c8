"""The reference is what the code says, and the entry point stays thin."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_reference_is_made_from_the_code_of_today() -> None:
    from service.reference import page

    assert (ROOT / "docs" / "reference.md").read_text(encoding="utf-8") == page(), "run: python -m service.reference > docs/reference.md"


def test_app_imports_the_console_only() -> None:
    tree = ast.parse((ROOT / "app.py").read_text(encoding="utf-8"))
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {str(name).split(".")[0] for name in names} <= {"console", "streamlit", "__future__"}


def test_no_python_file_is_over_300_lines() -> None:
    folders = ("city", "meters", "networks", "forecasting", "optimisation", "carbon", "service", "console", "demo", "benchmarks")
    long = {path.name: n for folder in folders for path in (ROOT / folder).rglob("*.py") if (n := len(path.read_text().splitlines())) > 300}
    assert {name: n for name, n in long.items() if "0001" not in name} == {}
