"""How much of what is planted into shipped rows the linter finds.

`pytest tests/carbon/test_lint_planted.py -s` prints the table of docs/factors.md.

Three ways: `copy`, a city's row that cites the publication and is worded as shipped; `reworded`, the same with words dropped and
shuffled; `alone`, the table of the row without any publication to compare it with, as for data that do not ship.
"""

import random
import sys

import pytest

from carbon import factors
from carbon.lint import lint
from carbon.lint.rows import Row, table_of
from tests.carbon.planted import PLANTS

PLANTED = 60
# Least share found [%] of copies, reworded copies, and alone. A fault of one row that only the publication tells is 0 alone.
LEAST = {
    "thousand": (100, 95, 100),
    "year": (100, 95, 85),
    "assessment": (100, 100, 0),
    "neighbour": (100, 90, 50),
    "region": (100, 95, 90),
    "gas": (100, 85, 90),
    "gas_and_unit": (100, 100, 90),
    "footprint": (100, 85, 95),
    "superseded": (100, 95, 90),
    "water": (100, 80, 40),
    "pound": (100, 90, 40),
    "ton": (100, 80, 0),
    "heat_value": (100, 80, 100),
    "unsourced": (100, 100, 100),
    "unverified": (100, 100, 100),
    "dates": (100, 100, 100),
    "region_code": (100, 100, 100),
}


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
def test_the_share_of_planted_faults_that_is_found(published, kind):
    shares = [100 * found / PLANTED for found in _shares(kind, published)]
    sys.stdout.write(f"| {kind.replace('_', ' ')} | {' | '.join(f'{share:.0f} %' for share in shares)} |\n")
    assert all(share >= least for share, least in zip(shares, LEAST[kind], strict=True)), (shares, LEAST[kind])


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
