"""Scope 2, enterprises and households from the command line, on a town whose ledger is posted."""

import re
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from service import schema as t
from service.store import open_store
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


@pytest.fixture(scope="module")
def posted(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Five days in the ledger; tests must not write to it."""
    parts = {"imports": PARTS["imports"], "accounts": ACCOUNTS, "extra": EXTRA}
    homes = "".join(f', {{ id = "home-{i}", sector = "services", district = "old-town" }}' for i in range(4))
    made = Town(tmp_path_factory.mktemp("books") / "town", days=5, parts=parts)
    made = prepared(made.changed("head", '{ id = "here", sector = "services" }', f'{{ id = "here", sector = "services" }}{homes}'))
    # 4 kWh in every hour of one day: the hall takes 20 to 30, its roof gives all of it at noon and nothing at night.
    rows = "".join(f"2022-06-15T{hour:02d}:00+02:00,4\n" for hour in range(24))
    (made.folder / "ppa.csv").write_text(f"hour,kwh\n{rows}")
    (made.folder / "lots.csv").write_text(LOT)
    night(made)
    return made


@pytest.fixture
def town(posted: Town, tmp_path: Path) -> Town:
    shutil.copytree(posted.folder, tmp_path / "town")
    return Town(tmp_path / "town", parts=posted.parts, head=posted.head)


def books(town: Town, *words: str, who: str = "ping") -> str:
    said = town.penstock("carbon", *words, OPERATOR=who)
    assert said.foreseen, said.all
    return said.all


def number(text: str, before: str) -> float:
    found = re.search(rf"{before} ([\d,.]+)", text)
    assert found, text
    return float(found[1].replace(",", ""))


def test_both_views_are_equal_until_something_is_retired(town: Town) -> None:
    told = books(town, "matching", "--year", "2022")
    assert number(told, "location-based") == number(told, "market-based") > 0
    assert "no residual mix is published for CN-ZJ" in told
    shares = [float(share) for share in re.findall(r"([\d.]+) % ", told.split("all accounts")[1])]
    assert shares[0] == shares[1]  # own supply alone: what the roof gives in the hour


def test_a_contract_by_the_hour_covers_what_the_roof_leaves_over(town: Town) -> None:
    before = books(town, "matching", "--year", "2022")
    assert "0.096000 MWh retired" in books(town, "certificates", "retire", "ppa", "--period", "2022-06", "--reason", "2022", "--now", AFTER)
    after = books(town, "matching", "--year", "2022")
    assert number(after, "location-based") == number(before, "location-based")
    assert number(after, "market-based") < number(before, "market-based")
    assert 0 < number(after, "contracts") < 0.096  # at noon the roof gives all: that volume is of no use
    assert "MWh of no use" in after
    # The hourly share grows by what was of use, the volumetric one by all of it.
    hourly, volume = (float(share) for share in re.findall(r"([\d.]+) % ", after.split("all accounts")[1])[:2])
    assert hourly < volume
    assert "before" in books(town, "certificates", "retire", "ppa", "--period", "2022-06", "--reason", "again", "--now", AFTER)
    assert books(town, "matching", "--year", "2022", "--known", "2022-07-01T00:00+02:00") == before
    assert "no electricity" in books(town, "matching", "--year", "2022", "--known", "2022-06-01T00:00+02:00")


def test_a_contract_file_that_changed_since_counts_no_more(town: Town) -> None:
    books(town, "certificates", "retire", "ppa", "--period", "2022-06", "--reason", "2022", "--now", AFTER)
    path = town.folder / "ppa.csv"
    path.write_text(path.read_text().replace("T03:00+02:00,4", "T03:00+02:00,5"))
    told = books(town, "matching", "--year", "2022")
    assert "does not count" in told
    assert number(told, "contracts") == 0


def test_a_sold_certificate_of_the_roof_takes_its_claim_along(town: Town) -> None:
    own = number(books(town, "matching", "--year", "2022"), "own")
    assert "3 certificates of sun" in books(town, "certificates", "import", str(town.folder / "lots.csv"), "--now", AFTER)
    told = books(town, "matching", "--year", "2022")  # issued is enough: the certificate carries the claim now
    assert number(told, "own") < own
    assert "MWh issued" in told  # three days of sun make less than the 3 MWh of the lot
    assert "sold to Buyer" in books(town, "certificates", "sell", "roof-1", "--to", "Buyer", "--count", "3", "--reason", "sale")
    refused = books(
        town,
        "certificates",
        "retire",
        "roof-1",
        "--first",
        "R1",
        "--account",
        "el-hall",
        "--period",
        "2022-06",
        "--reason",
        "x",
        "--now",
        AFTER,
    )
    assert "retired or sold before" in refused
    assert "0 free, 0 retired, 3 sold" in books(town, "certificates", "list")


@pytest.mark.parametrize(("lot", "criterion"), [("far-1", "criterion 5"), ("old-1", "criterion 4")])
def test_a_certificate_of_another_market_or_of_long_ago_covers_nothing(town: Town, lot: str, criterion: str) -> None:
    books(town, "certificates", "import", str(town.folder / "lots.csv"), "--now", AFTER)
    words = ("--count", "1", "--account", "el-hall", "--period", "2022-06", "--reason", "2022", "--now", AFTER)
    assert "retired for el-hall" in books(town, "certificates", "retire", lot, *words)
    told = books(town, "matching", "--year", "2022")
    assert criterion in told
    assert number(told, "certificates") == 0


OWN_SET = """id,activity,scope,gas,value,unit,region,valid_from,valid_to,source,licence,status
own.mix,residual mix electricity,2,CO2,0.8,kgCO2/kWh,CN-ZJ,2022-01-01,2022-12-31,the grid's own count,facts,verified
own.green,green supply,2,CO2,0.2,kgCO2/kWh,CN-ZJ,2022-01-01,2022-12-31,the supplier's own count,facts,verified
"""
MANIFEST = """title = "Own"
publisher = "the city"
licence = "facts"
rows = [{ ids = ["own.mix"], basis = "residual mix" }]
"""
SUPPLIER = '[[suppliers]]\nid = "green"\naccounts = ["el-hall"]\nfactor_id = "own.green"\nsold_attributes_out = true\n'


def test_the_citys_own_residual_mix_and_then_a_suppliers_factor_weigh_the_rest(town: Town) -> None:
    (town.folder / "factors").mkdir()
    (town.folder / "factors" / "own.csv").write_text(OWN_SET)
    (town.folder / "factors" / "own.toml").write_text(MANIFEST)
    told = books(town, "matching", "--year", "2022")
    rest = number(told, "rest")
    assert number(told, "market-based") == pytest.approx(0.8 * rest, abs=0.001)
    assert "residual mix own.mix, 0.8 kgCO2/kWh" in told
    for sold_out, kg in (("true", 0.2), ("false", 0.8)):
        supplied = SUPPLIER.replace("true", sold_out)
        town.file.write_text(town.head.replace("PORT", "1") + "\n".join(town.parts.values()) + supplied)
        told = books(town, "matching", "--year", "2022")
        assert number(told, "market-based") == pytest.approx(kg * rest, abs=0.001)
        assert ("criterion 6 is not met" in told) == (sold_out == "false")


def test_a_year_without_entries_is_a_sentence(town: Town) -> None:
    assert "no electricity in the ledger" in books(town, "matching", "--year", "2021")


def test_a_former_account_must_stay_in_the_file(town: Town) -> None:
    town.file.write_text(town.file.read_text().replace('id = "el-hall"\nkind', 'id = "el-other"\nkind').replace('"el-hall"', '"el-other"'))
    assert "account el-hall of the ledger is not in city.toml" in books(town, "matching", "--year", "2022")


def test_an_enterprise_is_reported_with_its_gaps_and_its_position(town: Town) -> None:
    told = books(town, "enterprise", "works", "--year", "2022", "--now", "2022-06-16T00:30+02:00")
    assert "5 of 166 days complete" in told  # January 1 to June 15
    assert "grade D" in told
    assert "105" not in told.split("allocated")[0]
    assert "allowances stay after surrendering" in told
    assert "not in city.toml" in books(town, "enterprise", "other", "--year", "2022")
    assert "has not begun" in books(town, "enterprise", "works", "--year", "2099")


def opt_in(town: Town, *homes: str) -> None:
    for home in homes:
        assert "recorded" in books(town, "household", "consent", home, "--owner", f"owner-{home}", "--since", "2022-06")


def rows(town: Town, table: object) -> list:
    with open_store(town.database).connect() as connection:
        return list(connection.execute(select(table)))  # type: ignore[call-overload]


def test_a_book_is_open_to_its_owner_alone_and_goes_with_the_consent(town: Town) -> None:
    assert "books of 0 households" in books(town, "household", "refresh", "--year", "2022")
    opt_in(town, "here")
    assert "books of 1 households" in books(town, "household", "refresh", "--year", "2022")
    assert "kWh" in books(town, "household", "book", "here", who="owner-here")
    refused = [books(town, "household", "book", home, who=who) for home, who in (("here", "ping"), ("nowhere", "ping"), ("home-1", "ping"))]
    assert len({line.replace("nowhere", "here").replace("home-1", "here") for line in refused}) == 1  # it tells not which exist
    assert "not open to ping" in books(town, "household", "withdraw", "here", who="ping")
    assert "3 rows of its book deleted" in books(town, "household", "withdraw", "here", who="owner-here")
    assert rows(town, t.household_month) == []
    assert "not open" in books(town, "household", "book", "here", who="owner-here")
    assert "books of 0 households" in books(town, "household", "refresh", "--year", "2022")
    told = [row.action for row in rows(town, t.audit)]
    assert told.count("household book refused") == 4
    assert [told.count(f"consent {event}") for event in ("given", "withdrawn")] == [1, 1]


def test_who_moves_in_does_not_read_what_others_used(town: Town) -> None:
    opt_in(town, "here")
    books(town, "household", "withdraw", "here", "--now", AFTER, who="owner-here")
    words = ("household", "consent", "here", "--owner", "bob", "--now", "2022-08-02T00:00+02:00")
    assert "former owner" in books(town, *words, "--since", "2022-06")
    assert "book from 2022-08 on" in books(town, *words)
    assert "books of 0 households" in books(town, "household", "refresh", "--year", "2022")


def test_a_publication_is_answered_once_and_the_year_has_a_budget(town: Town) -> None:
    opt_in(town, *(f"home-{i}" for i in range(4)))
    first = books(town, "household", "publish", "energy_kwh", "2022-06", "--now", AFTER)
    assert re.search(r"^old-town: -?[\d,.]+$", first, re.MULTILINE), first
    assert first == books(town, "household", "publish", "energy_kwh", "2022-06", "--now", AFTER)
    listed = books(town, "household", "published")
    assert [line.strip() for line in listed.splitlines()] == ["energy_kwh 2022-06", *first.splitlines()]
    books(town, "household", "publish", "co2e_kg", "2022-06", "--now", AFTER)
    spent = books(town, "household", "publish", "volume_m3", "2022-06", "--now", AFTER)
    assert "4 households have spent 1 of epsilon on 2022, or would" in spent
    assert len(rows(town, t.household_release)) == 2
    # Leaving and coming back renews no budget.
    books(town, "household", "withdraw", "home-1", who="owner-home-1")
    opt_in(town, "home-1")
    assert "have spent" in books(town, "household", "publish", "volume_m3", "2022-06", "--now", AFTER)


def test_a_building_is_told_per_square_metre_unless_it_shows_a_home(town: Town) -> None:
    told = books(town, "building", "house", "--year", "2022")
    found = re.search(r"2022-06: ([\d,.]+) kWh, ([\d.]+) per m2, ([\d.]+) a person", told)
    assert found, told
    amount, per_m2, per_person = (float(part.replace(",", "")) for part in found.groups())
    assert (per_m2, per_person) == (pytest.approx(amount / 100, abs=1e-4), pytest.approx(amount / 5, abs=1e-3))
    assert "nothing in the ledger" in books(town, "building", "house", "--year", "2021")
    opt_in(town, "home-1")
    assert "fewer households" in books(town, "building", "house", "--year", "2022")
    assert "not in city.toml" in books(town, "building", "other", "--year", "2022")


def test_one_home_elsewhere_is_hidden_behind_the_district_and_both_in_the_total(town: Town) -> None:
    opt_in(town, "here", *(f"home-{i}" for i in range(4)))
    told = books(town, "household", "publish", "energy_kwh", "2022-06", "--now", AFTER)
    assert "elsewhere, old-town" in told
    assert re.search(r"^all: -?[\d,.]+$", told, re.MULTILINE), told
    (kept,) = rows(town, t.household_release)
    assert set(kept.detail) == {"totals", "together", "withheld", "k", "epsilon", "largest"}  # no true sum, no count


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("energy_kwh", "2022-07"), "has not ended"),
        (("energy_kwh", "2022-13"), "civil month"),
        (("steps", "2022-06"), "measure 'steps'"),
    ],
)
def test_a_publication_that_cannot_be_is_a_sentence(town: Town, words: tuple[str, str], named: str) -> None:
    assert named in books(town, "household", "publish", *words, "--now", AFTER)
    assert rows(town, t.household_release) == []


def test_a_consent_needs_a_site_and_waits_for_the_other_owner(town: Town) -> None:
    assert "no such site" in books(town, "household", "consent", "nowhere", "--owner", "ada")
    assert "up to" in books(town, "household", "consent", "here", "--owner", "ada", "--since", "2099-01")
    assert "up to" in books(town, "household", "consent", "here", "--owner", "ada", "--since", "June")
    assert "no owner" in books(town, "household", "consent", "here", "--owner", " ")
    opt_in(town, "here")
    assert "Withdraw it first" in books(town, "household", "consent", "here", "--owner", "bob")
    assert "nothing changed" in books(town, "household", "consent", "here", "--owner", "owner-here")


def test_names_that_point_nowhere_are_told_with_their_place(town: Town) -> None:
    wrong = town.changed("extra", 'accounts = ["el-hall"]\nplant', 'accounts = ["el-hal"]\nplant').changed(
        "extra", 'id = "works"', 'id = ""'
    )
    wrong.file.write_text(wrong.head.replace("PORT", "1") + "\n".join(wrong.parts.values()))
    assert "contracts[0].accounts" in books(wrong, "certificates", "list")
