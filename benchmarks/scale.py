"""What 1 M and 50 M meters need, on paper, from docs/figures/night.json; `--write` lays the tables of docs/scale.md anew."""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import _night_paper as paper

SUMMARY = "on paper: what a city of 1 M meters and a province of 50 M need, from the measured nights"
ROOT = Path(__file__).resolve().parents[1]
FIGURES, PAGE = ROOT / "docs" / "figures" / "night.json", ROOT / "docs" / "scale.md"
SIZES = {"100,000": 100_000, "a city of 1 M": 1_000_000, "a province of 50 M": 50_000_000}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--take", type=Path, help="the last line of `python -m benchmarks night --json`: its nights replace those kept")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/scale.md")


def tables(figures: dict[str, Any]) -> dict[str, str]:
    """{name of a place in the page: table}."""
    return {"measured": paper.measured(figures), "growth": paper.growth(figures), "paper": paper.paper(figures, SIZES)}


def laid(page: str, found: dict[str, str]) -> str:
    """The page with the tables in their places."""
    for name, table in found.items():
        before, rest = page.split(f"<!-- {name} -->\n", 1)
        _, after = rest.split(f"<!-- end of {name} -->", 1)
        page = f"{before}<!-- {name} -->\n{table}\n<!-- end of {name} -->{after}"
    return page


def run(args: argparse.Namespace) -> dict[str, Any]:
    figures = json.loads(FIGURES.read_text())
    if args.take is not None:
        told = json.loads(args.take.read_text().splitlines()[-1])
        figures |= {name: told[name] for name in ("scales", "growth", "growth_exponent", "commit")}
        FIGURES.write_text(json.dumps(figures, indent=1) + "\n")
    if args.write:
        PAGE.write_text(laid(PAGE.read_text(), tables(figures)))
    return {"nights": len(figures["scales"]), "needs": [{"points": n, **paper.needs(figures, n)} for n in SIZES.values()]}
