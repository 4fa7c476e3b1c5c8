"""A sub-meter in the books takes off its main meter what it saw, on the way from the store to the ledger: for any commodity."""

from pathlib import Path

import pandas as pd

from tests.service.ledger_town import ACCOUNTS, book, night, sums
from tests.town import PARTS, Town

SUB = '{ id = "works", site = "here", model = "water-meter", commodity = "water", role = "load", step_s = 3600, under = "inflow" },\n]'
WITHIN = (
    '[[accounts]]\nid = "part"\nkind = "water-supply"\npoint = "works.volume"\nsite = "here"\nsector = "services"\nregion = "CN-ZJ"\n'
    'within = "supply"\n'
)


def stocked(folder: Path, accounts: str) -> Town:
    """A town with a works meter that sees a quarter of the inflow."""
    plain = Town(folder, parts={"imports": PARTS["imports"], "accounts": accounts}, days=3).changed("head", "\n]\n", f"\n  {SUB}\n")
    made = plain.write()
    table = pd.read_csv(folder / "water.csv")
    table.assign(**{"works.volume": (table["inflow.volume"] / 4).round(3)}).to_csv(folder / "water.csv", index=False)
    assert made.penstock("init").code == 0
    assert made.penstock("import").code == 0
    return made


def test_a_waterworks_meter_moves_into_the_books_and_the_supply_stands(tmp_path: Path) -> None:
    without, inside = stocked(tmp_path / "without", ACCOUNTS), stocked(tmp_path / "inside", ACCOUNTS + WITHIN)
    found = []
    for made in (without, inside):
        night(made)
        found.append({key: amount for key, (amount, _) in sums(book(made)).items()})
    main, part = ("supply", "-"), ("part", "-")
    assert found[0][main] == found[1][main] + found[1][part]
    assert 0.24 < found[1][part] / found[0][main] < 0.26
    assert found[0]["el-hall", "location"] == found[1]["el-hall", "location"]
