"""A town whose ledger is posted, with a contract, an enterprise, a building and homes, and its books as a terminal tells them."""

import re
from pathlib import Path

from tests.service.ledger_town import ACCOUNTS, night
from tests.town import PARTS, Town, prepared

AFTER = "2022-07-02T00:00+02:00"
EXTRA = """
[[contracts]]
id = "ppa"
accounts = ["el-hall"]
plant = "windy"
technology = "wind"
market = "CN"
first_day = 2022-01-01
last_day = 2022-12-31
certificates = "none issued"
hours_file = "ppa.csv"

[[enterprises]]
id = "works"
name = "Works"
accounts = ["el-hall"]
streams = [{ id = "power", account = "el-hall", parameter = "electricity bought", instrument = "DTS 1", accuracy_percent = 0.5 }]
years = [{ year = 2022, carried_in = 100, bought = 5 }]

[[buildings]]
id = "house"
sites = ["here", "home-1"]
floor_area_m2 = 100
people = 5

[households]
k = 3
epsilon = 0.4
"""
LOT = (
    "id,scheme,first,last,issued_on,produced_from,produced_to,technology,plant,market\n"
    "roof-1,GEC,R1,R3,2022-06-20,2022-06-01,2022-06-30,solar,sun,CN\n"
    "far-1,GO,F1,F9,2022-06-20,2022-06-01,2022-06-30,wind,windmill,SE\n"
    "old-1,GEC,O1,O9,2020-06-20,2020-06-01,2020-06-30,hydro,dam,CN\n"
)


def posted(folder: Path) -> Town:
    """The town with five days in the ledger; tests must not write to it."""
    parts = {"imports": PARTS["imports"], "accounts": ACCOUNTS, "extra": EXTRA}
    homes = "".join(f', {{ id = "home-{i}", sector = "services", district = "old-town" }}' for i in range(4))
    made = Town(folder, days=5, parts=parts)
    made = prepared(made.changed("head", '{ id = "here", sector = "services" }', f'{{ id = "here", sector = "services" }}{homes}'))
    # 4 kWh in every hour of one day: the hall takes 20 to 30, its roof gives all of it at noon and nothing at night.
    rows = "".join(f"2022-06-15T{hour:02d}:00+02:00,4\n" for hour in range(24))
    (made.folder / "ppa.csv").write_text(f"hour,kwh\n{rows}")
    (made.folder / "lots.csv").write_text(LOT)
    night(made)
    return made


def books(town: Town, *words: str, who: str = "ping") -> str:
    said = town.penstock("carbon", *words, OPERATOR=who)
    assert said.foreseen, said.all
    return said.all


def number(text: str, before: str) -> float:
    found = re.search(rf"{before} ([\d,.]+)", text)
    assert found, text
    return float(found[1].replace(",", ""))
