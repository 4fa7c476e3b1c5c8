"""How much of what is planted into shipped rows the linter finds.

`pytest tests/carbon/test_lint_planted.py -s` prints the table of docs/factors.md.

Three ways: `copy`, a city's row that cites the publication and is worded as shipped; `reworded`, the same with words dropped and
shuffled; `alone`, the table of the row without any publication to compare it with, as for data that do not ship.
"""

import random
import sys
from pathlib import Path

import pytest

from carbon import factors
from carbon.lint import lint
from carbon.lint.rows import Row, table_of
from tests.carbon.planted import PLANTS

PLANTED = 60
LABELS = {
    "thousand": "1000 times too large or small",
    "year": "another year of the same region",
    "assessment": "potential of another assessment",
    "neighbour": "row above or below",
    "region": "another region, same year",
    "gas": "CO2 and CO2e exchanged",
    "gas_and_unit": "CO2 as CO2e, unit too",
    "footprint": "footprint or upstream in scope 1, 2",
    "superseded": "validity too long",
    "water": "supply and treatment exchanged",
    "pound": "pound and kilogram",
    "ton": "short or long ton",
    "heat_value": "net and gross exchanged",
    "unsourced": "source, licence or activity lost",
    "unverified": "status",
    "dates": "dates",
    "region_code": "region code",
}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "factors.md"


def _reworded(rng: random.Random, activity: str) -> str:
    """Three words of ten dropped, the others in another order; a single word stays."""
    words = activity.split()
    kept = [word for word in words if rng.random() > 0.3] or words[:1]
    rng.shuffle(kept)
    return activity if len(words) < 2 else " ".join([*kept, "(own list)"])


def _found(rows: tuple[Row, ...], faulty: Row) -> bool:
    """Is the planted row named for another reason than that it counts the same as the shipped one?"""
    return any(f.rule != "duplicate" and f.subject.startswith(f"factor '{faulty['id']}'") for f in lint([faulty], rows))


def _alone(table: tuple[Row, ...], faulty: Row, place: str) -> bool:
    others = [row for row in table if row.place != place and row.place.split(":")[0] == place.split(":")[0]]
    return any(f.subject.startswith(f"factor '{faulty['id']}'") for f in lint([*others, faulty]))


def _shares(kind: str, published: tuple[Row, ...]) -> tuple[int, int, int]:
    rows = [(row.place, row.cells) for row in published]
    rng, found, planted = random.Random(f"{kind} 2026"), [0, 0, 0], 0  # noqa: S311 - a draw that repeats
    while planted < PLANTED:
        at = rng.randrange(len(rows))
        if (cells := PLANTS[kind](rng, rows, at)) is None:
            continue
        planted += 1
        other = {**cells, "id": "own.factor"}
        found[0] += _found(published, Row("own.csv:2", other))
        found[1] += _found(published, Row("own.csv:2", {**other, "activity": _reworded(rng, cells["activity"])}))
        found[2] += _alone(published, Row(rows[at][0], cells), rows[at][0])
    return found[0], found[1], found[2]


@pytest.fixture(scope="module")
def published() -> tuple[Row, ...]:
    return table_of(factors.read_rows(factors.SHIPPED)).rows


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLANTS)
def test_the_share_of_planted_faults_found_is_the_one_in_the_docs(published, kind):
    shares = [f"{100 * found / PLANTED:.0f}" for found in _shares(kind, published)]
    line = f"| {LABELS[kind]} | {' | '.join(shares)} |"
    sys.stdout.write(f"{line}\n")
    assert line in PAGE.read_text(encoding="utf-8").splitlines()
    assert shares[0] == "100"  # what ships is the reference for what copies it


@pytest.mark.slow
def test_rewording_alone_is_no_fault(published):
    rng = random.Random(2026)  # noqa: S311 - a draw that repeats
    alarms = [
        str(finding)
        for row in published
        for finding in lint([Row("own.csv:2", {**row.cells, "id": "own", "activity": _reworded(rng, row["activity"])})], published)
        if finding.rule != "duplicate"
    ]
    assert alarms == []


def test_two_years_exchanged_are_found_in_copies_and_seldom_without_the_publication(published):
    """Exchanged values stay plausible: only the publication tells. Both rows of each of the 30 provinces, 2021 and 2023."""
    cells = {row["id"]: row.cells for row in published if "average-provincial" in row["id"]}
    copies = alone = 0
    for region in sorted({row["region"] for row in cells.values()}):
        early, late = (f"cn.mee.grid.average-provincial.{region}.{year}" for year in (2021, 2023))
        swapped = [
            Row("own.csv:2", {**cells[early], "value": cells[late]["value"]}),
            Row("own.csv:3", {**cells[late], "value": cells[early]["value"]}),
        ]
        copies += {f.rule for f in lint(swapped, published)} >= {"year"}
        others = [Row("own.csv:9", row) for name, row in cells.items() if name not in (early, late)]
        alone += bool(lint([*swapped, *others]))
    assert (copies, alone) == (30, 0)
