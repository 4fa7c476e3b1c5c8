"""Scope 2 and enterprises from the command line, on a town whose ledger is posted."""

import re

import pytest

from tests.service.books_town import AFTER, books, number
from tests.town import Town


@pytest.fixture
def town(books_town: Town) -> Town:
    return books_town


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
    assert "sold to Buyer" in books(
        town, "certificates", "sell", "roof-1", "--to", "Buyer", "--count", "3", "--reason", "sale", "--now", AFTER
    )
    no_period = books(town, "certificates", "retire", "roof-1", "--count", "1", "--period", "", "--to", "Buyer", "--reason", "x")
    assert "civil month" in no_period  # never a sale by mistake
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


def test_a_registry_that_writes_the_roof_otherwise_still_takes_its_claim(town: Town) -> None:
    own = number(books(town, "matching", "--year", "2022"), "own")
    path = town.folder / "lots.csv"
    path.write_text(path.read_text().replace(",sun,", ", SUN ,"))
    books(town, "certificates", "import", str(path), "--now", AFTER)
    assert number(books(town, "matching", "--year", "2022"), "own") < own


def test_a_guarantee_of_nuclear_power_covers_and_is_not_renewable(town: Town) -> None:
    def volumetric(told: str) -> str:
        return re.findall(r"([\d.]+) % by volume", told.split("all accounts")[1])[0]

    before = books(town, "matching", "--year", "2022")
    path = town.folder / "nuclear.csv"
    path.write_text(
        "id,scheme,first,last,issued_on,produced_from,produced_to,technology,plant,market,renewable\n"
        "npp,GO,N1,N9,2022-06-20,2022-06-01,2022-06-30,nuclear,reactor,CN,false\n"
    )
    books(town, "certificates", "import", str(path), "--now", AFTER)
    words = ("--count", "1", "--account", "el-hall", "--period", "2022-06", "--reason", "2022", "--now", AFTER)
    books(town, "certificates", "retire", "npp", *words)
    after = books(town, "matching", "--year", "2022")
    assert number(after, "certificates") > 0
    assert volumetric(after) == volumetric(before)


def test_a_contract_of_the_citys_own_roof_claims_nothing_a_second_time(town: Town) -> None:
    town.file.write_text(town.file.read_text().replace('plant = "windy"', 'plant = "Sun"'))
    books(town, "certificates", "retire", "ppa", "--period", "2022-06", "--reason", "2022", "--now", AFTER)
    told = books(town, "matching", "--year", "2022")
    assert number(told, "contracts") == 0
    assert "claims its power as own supply already" in told


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


def test_names_that_point_nowhere_are_told_with_their_place(town: Town) -> None:
    wrong = town.changed("extra", 'accounts = ["el-hall"]\nplant', 'accounts = ["el-hal"]\nplant').changed(
        "extra", 'id = "works"', 'id = ""'
    )
    wrong.file.write_text(wrong.head.replace("PORT", "1") + "\n".join(wrong.parts.values()))
    assert "contracts[0].accounts" in books(wrong, "certificates", "list")
