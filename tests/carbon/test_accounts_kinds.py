"""Each kind of account: the exact ratio of every gas, computed here by hand from the printed numbers."""

import json
import os
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import ValidationError

from carbon.accounts import KINDS, account_of, apply, lines_of, provisional
from carbon.accounts.fuel import NAMES
from city.places import Site
from city.problems import PenstockError

GOLDEN = Path(os.environ.get("PENSTOCK_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "carbon" / "golden_vectors.json"
IN_2022, IN_2025 = date(2022, 6, 15), date(2025, 6, 15)
PLACE = {"point": "m.energy", "site": "works", "sector": "industry", "region": "CN-ZJ"}
# GB/T 2589-2020: kgce per kg or m3 over kgce per MJ.
DIESEL_MJ, GAS_MJ = Fraction("1.4571") / Fraction("0.03412"), Fraction("1.2143") / Fraction("0.03412")
TERA = 10**6


def make(kind: str, **fields):
    return account_of(id="a", kind=kind, **{**PLACE, **fields})


def ratios(account, factors, on=IN_2022, supply="grid") -> dict[str, Fraction]:
    """Gas -> mg per stored unit."""
    return {rule.gas: Fraction(rule.numerator, rule.denominator) for rule in apply(account, factors, on, supply)}


def test_a_kilowatt_hour_of_the_grid_weighs_its_provinces_factor_and_own_supply_nothing(shipped):
    account = make("grid-electricity")
    (grid,) = apply(account, shipped, IN_2022)
    (own,) = apply(account, shipped, IN_2022, "own")
    assert (grid.numerator, grid.denominator, grid.kind, grid.basis) == (5153, 10, "posting", "location")  # 0.5153 kg/kWh in mg/Wh
    assert (own.numerator, own.kind, own.basis, own.gas) == (0, "posting", "direct", "CO2")
    assert grid.parts == (("cn.mee.grid.average-provincial.CN-ZJ.2022", next(f.sha256 for f in shipped if f.id == grid.rule_id)),)


@pytest.mark.parametrize("kind", ["natural-gas", "water-supply", "heat", "water-loss-energy", "certificate"])
def test_only_electricity_that_is_used_or_lost_has_own_supply(shipped, kind):
    with pytest.raises(PenstockError, match="own supply of"):
        apply(make(kind), shipped, IN_2025, "own")


def test_gas_is_posted_by_gas_and_says_which_one_is_lacking(shipped):
    rules = apply(make("natural-gas"), shipped, IN_2022)
    assert [rule.gas for rule in rules] == ["CO2", "CH4"]
    assert ratios(make("natural-gas"), shipped) == {"CO2": GAS_MJ * 56100 / TERA, "CH4": GAS_MJ / TERA}  # kg/m3 = mg/mL
    assert "N2O not posted: no verified factor" in rules[0].note


def test_a_verified_factor_of_the_citys_own_set_adds_the_lacking_gas(shipped):
    methane = next(f for f in shipped if f.id == "ipcc2006.v2.ch4.natural_gas")
    nitrous = methane.model_copy(update={"id": "own.n2o.natural_gas", "gas": "N2O", "value": Decimal("0.1")})
    rules = apply(make("natural-gas"), (*shipped, nitrous), IN_2022)
    assert [rule.gas for rule in rules] == ["CO2", "CH4", "N2O"]
    assert Fraction(rules[2].numerator, rules[2].denominator) == GAS_MJ / 10 / TERA
    assert "not posted" not in rules[0].note


def test_a_citys_own_factor_stands_before_the_worlds_while_it_is_valid(shipped):
    methane = next(f for f in shipped if f.id == "ipcc2006.v2.ch4.natural_gas")
    said = {"valid_from": date(2022, 1, 1), "valid_to": date(2022, 12, 31)}
    own = methane.model_copy(update={"id": "own.ch4", "region": "CN-ZJ", "value": Decimal(2), **said})
    nation = methane.model_copy(update={"id": "cn.ch4", "region": "CN", "value": Decimal(3)})
    sets = (*shipped, nation, own)
    assert ratios(make("natural-gas"), sets)["CH4"] == GAS_MJ * 2 / TERA
    assert ratios(make("natural-gas"), sets, date(2023, 6, 15))["CH4"] == GAS_MJ * 3 / TERA
    with pytest.raises(PenstockError, match=r"2 factors: own\.ch4, again"):
        apply(make("natural-gas"), (*sets, own.model_copy(update={"id": "again"})), IN_2022)


def test_diesel_by_mass_volume_and_heat_weighs_the_same_per_megajoule(shipped):
    by_mass = ratios(make("fuel", fuel="diesel", counts="mass_kg"), shipped)
    assert by_mass == {gas: DIESEL_MJ * Fraction(per_tj) / TERA * 1000 for gas, per_tj in (("CO2", 74100), ("CH4", 3), ("N2O", "0.6"))}
    by_volume = ratios(make("fuel", fuel="diesel", counts="volume_m3", density_kg_per_m3="840", source="data sheet"), shipped)
    assert by_volume == {gas: ratio / 1000 * 840 for gas, ratio in by_mass.items()}  # mg/g = g/kg; x 840 kg/m3 = mg/mL
    by_heat = ratios(make("fuel", fuel="diesel", counts="heat_kwh", heat_value="net"), shipped)
    assert by_heat["CO2"] == Fraction(36, 10) * 74100 / TERA * 1000
    gross = ratios(make("fuel", fuel="diesel", counts="heat_kwh", heat_value="gross", net_per_gross="0.95", source="IPCC"), shipped)
    assert gross["CO2"] == by_heat["CO2"] * Fraction(95, 100)


def test_a_stated_heat_value_is_used_and_needs_its_source(shipped):
    coal = {"fuel": "anthracite", "counts": "mass_kg", "heat_value_mj": "26.7", "heat_value": "net"}
    assert ratios(make("fuel", **coal, source="laboratory, 2022-03"), shipped) == {"CO2": Fraction("26.7") * 98300 / TERA * 1000}
    with pytest.raises(ValidationError, match="where they are from"):
        make("fuel", **coal)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"fuel": "anthracite", "counts": "mass_kg"}, "no heat value is shipped for anthracite by kg"),
        ({"fuel": "diesel", "counts": "volume_m3"}, "no heat value is shipped for diesel by m3"),
        ({"fuel": "diesel", "counts": "heat_kwh"}, "heat_value = net or gross"),
        ({"fuel": "diesel", "counts": "heat_kwh", "heat_value": "gross"}, "net_per_gross"),
        ({"fuel": "diesel", "counts": "mass_kg", "heat_value": "net"}, "belongs to a stated heat value"),
        ({"fuel": "diesel", "counts": "mass_kg", "density_kg_per_m3": 840, "source": "x"}, "belongs to a volume"),
        ({"fuel": "peat", "counts": "mass_kg"}, "Input should be"),
    ],
)
def test_a_fuel_whose_heat_is_not_told_is_refused(fields, words):
    with pytest.raises(ValidationError, match=words):
        make("fuel", **fields)


def test_carbon_of_biomass_stands_outside_the_sum(shipped):
    (rule,) = apply(make("fuel", fuel="wood biogenic", counts="heat_kwh", heat_value="net"), shipped, IN_2022)
    assert (rule.kind, rule.gas) == ("outside", "CO2")
    assert "CH4, N2O not posted" in rule.note


def test_bought_heat_weighs_the_national_default_per_gigajoule(shipped):
    # 0.11 t/GJ = 0.11 kg/MJ; 3.6 MJ/kWh -> 0.396 kg/kWh = 396 mg/Wh
    assert ratios(make("heat"), shipped, IN_2025) == {"CO2": Fraction(396)}
    with pytest.raises(PenstockError, match="2025-01-01"):
        apply(make("heat"), shipped, IN_2022)
    with pytest.raises(PenstockError, match="is for CN"):
        apply(make("heat", region="IT-25"), shipped, IN_2025)


def test_wastewater_weighs_methane_and_nitrous_oxide_by_the_stated_parameters(shipped):
    methane = {"organics_kg_per_m3": "0.30", "sludge_kg_per_m3": "0.10", "b0_kg_per_kg": "0.25", "mcf": "0.03"}
    nitrous = {
        "nitrogen_kg_per_m3": "0.040",
        "ef_kg_per_kg": "0.016",
        "effluent_nitrogen_kg_per_m3": "0.014",
        "effluent_ef_kg_per_kg": "0.005",
    }
    account = make("process", methane=methane, nitrous_oxide=nitrous, source="IPCC 2019, tables 6.3 and 6.8A; COD and TN of the laboratory")
    # (0.30 - 0.10) x 0.25 x 0.03 = 0.0015 kg/m3; (0.040 x 0.016 + 0.014 x 0.005) x 44/28 kg/m3
    assert ratios(account, shipped) == {"CH4-non-fossil": Fraction("0.0015"), "N2O": Fraction("0.00071") * Fraction(44, 28)}
    assert (account.gpc_code, account.scope_number, str(account.quantity)) == ("III.4.1", 1, "volume_m3")
    assert account.model_copy(update={"scope": 3}).gpc_code == "III.4.2"
    # the effluent forms methane too, where it is led: + 0.06 x 0.25 x 0.11
    behind = make("process", methane=methane | {"effluent_organics_kg_per_m3": "0.06", "effluent_mcf": "0.11"}, source="x")
    assert ratios(behind, shipped) == {"CH4-non-fossil": Fraction("0.0015") + Fraction("0.00165")}
    with pytest.raises(ValidationError, match="more is removed or recovered"):
        make("process", methane=methane | {"recovered_kg_per_m3": "0.002"}, source="x")


def test_a_gas_that_escaped_weighs_itself_and_process_parameters_need_a_source(shipped):
    account = make("process", gas="SF6", source="log of refills")
    assert ratios(account, shipped) == {"SF6": Fraction(1000)}  # mg per g
    assert (account.gpc_code, str(account.quantity)) == ("IV.2", "mass_kg")
    assert make("process", gas="CH4-fossil", source="pipe survey").gpc_code == "I.8.1"
    with pytest.raises(PenstockError, match=r"gas 'SF7'; allowed: one of .*SF6"):
        apply(make("process", gas="SF7", source="log of refills"), shipped, IN_2022)
    with pytest.raises(ValidationError, match="source"):
        make("process", gas="SF6")
    with pytest.raises(ValidationError, match="either wastewater"):
        make("process", source="x")


def test_losses_of_the_grid_weigh_as_grid_electricity_in_scope_two(shipped):
    account = account_of(id="loss", kind="grid-loss", site="grid", sector="energy", region="CN-ZJ", infeed=["infeed.energy"])
    assert ratios(account, shipped) == {"CO2": Fraction("515.3")}
    assert (account.point, account.scope_number, account.gpc_code) == ("loss.loss", 2, "I.6.3")


def test_volumes_generation_and_certificates_are_amounts_alone(shipped):
    for kind, basis in (("own-renewable", "-"), ("water-supply", "-"), ("water-loss", "-"), ("certificate", "market")):
        (rule,) = apply(make(kind), shipped, IN_2022)
        assert (rule.kind, rule.gas, rule.numerator, rule.basis) == ("memo", "-", 0, basis), kind


def test_a_year_after_the_last_factor_is_refused_unless_the_account_or_the_city_says_so(shipped):
    plain = make("grid-electricity")
    with pytest.raises(PenstockError, match="none is carried over"):
        apply(plain, shipped, IN_2025)
    for account in (make("grid-electricity", provisional="latest"), *provisional([plain])):
        (rule,) = apply(account, shipped, IN_2025)
        assert rule.provisional
        assert rule.rule_id == "cn.mee.grid.average-provincial.CN-ZJ.2023"
        assert "2023-01-01 to 2023-12-31" in rule.note
    assert not apply(provisional([plain])[0], shipped, IN_2022)[0].provisional
    with pytest.raises(PenstockError):  # before the first factor nothing stands in
        apply(provisional([plain])[0], shipped, date(2019, 1, 1))
    assert provisional([make("grid-electricity", provisional="refuse")])[0].provisional == "refuse"


def test_an_older_factor_by_name_is_provisional_and_needs_a_note(shipped):
    named = {"factor_id": "cn.mee.grid.average-provincial.CN-ZJ.2023"}
    with pytest.raises(PenstockError, match="or a note"):
        apply(make("grid-electricity", **named), shipped, IN_2025)
    (rule,) = apply(make("grid-electricity", **named, note="as agreed with the verifier"), shipped, IN_2025)
    assert rule.provisional
    assert rule.note.startswith("as agreed with the verifier; Provisional")
    assert "outside" not in rule.note
    (early,) = apply(make("grid-electricity", **named, note="the year's own is disputed"), shipped, IN_2022)
    assert not early.provisional
    assert "outside its region or years: cn.mee.grid.average-provincial.CN-ZJ.2023 is for CN-ZJ, 2023-01-01" in early.note
    (national,) = apply(make("grid-electricity", factor_id="cn.mee.grid.average-national.CN.2022", note="as reported"), shipped, IN_2022)
    assert "is for CN, 2022-01-01 to 2022-12-31" in national.note
    assert "outside" not in apply(make("natural-gas", note="behind the boiler"), shipped, IN_2022)[0].note


@pytest.mark.parametrize("factor_id", ["cn.mee.pcf.national.2023", "uk.desnz.2025.11_101_1011_6_1", "cn.gbt32150.heat.default"])
def test_footprints_upstream_factors_and_other_units_stay_out_of_inventories(shipped, factor_id):
    with pytest.raises(PenstockError):
        apply(make("grid-electricity", factor_id=factor_id, note="because"), shipped, IN_2025)


def test_a_line_of_the_books_knows_scope_sub_sector_carrier_and_district():
    sites = [Site(id="works", sector="industry", district="north"), Site(id="other", sector="industry")]
    power, diesel = make("grid-electricity"), make("fuel", fuel="diesel", counts="mass_kg").model_copy(update={"id": "b", "site": "other"})
    lines = lines_of([power, diesel], sites)
    assert lines["a"].district == "north"
    assert (lines["a"].scope, lines["a"].gpc, lines["a"].carrier, lines["a"].quantity) == (2, "I.3.2", "electricity", "energy_kwh")
    assert (lines["b"].scope, lines["b"].gpc, lines["b"].carrier, lines["b"].district) == (1, "I.3.1", "diesel", "")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.model_fields["kind"].default))
def test_every_kind_is_one_frozen_class_whose_fields_are_described(kind):
    assert kind.model_config["frozen"]
    assert kind.model_config["extra"] == "forbid"
    assert all(field.description for name, field in kind.model_fields.items() if name != "kind")
    assert kind.__doc__


@pytest.mark.data
def test_the_worked_answers_of_guangdong_gas_and_heat_are_met(shipped):
    if not GOLDEN.exists():
        pytest.skip("no measuring data (PENSTOCK_DATA)")
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    gd = make("grid-electricity", region="CN-GD")
    assert ratios(gd, shipped, date(2023, 6, 1))["CO2"] == Fraction(golden["guangdong_1GWh_2023"]["location_province_tCO2"])
    nation = make("grid-electricity", region="CN", factor_activity="grid electricity average-national")
    assert ratios(nation, shipped, date(2023, 6, 1))["CO2"] == Fraction(
        golden["guangdong_1GWh_2023"]["location_national_tCO2"]
    )  # t/GWh = mg/Wh
    gas = golden["gas_1e4_Nm3_GBT32151.34"]
    by_standard = ratios(make("natural-gas", method="gbt32151.34"), shipped, IN_2025)["CO2"]  # mg/mL = t per 1000 m3
    assert round(by_standard * 10, 8) == Fraction(gas["tCO2"])
    stated = {
        "fuel": "natural gas",
        "counts": "gas_m3",
        "heat_value_mj": "38.931",
        "heat_value": "net",
        "source": "389.31 GJ per 10,000 m3",
    }
    assert round(ratios(make("fuel", **stated), shipped, IN_2025)["CO2"] * 10, 8) == Fraction(gas["ipcc2006_tCO2"])


def test_every_shipped_fuel_can_be_posted_and_has_the_gases_the_page_says(shipped):
    ending = " stationary combustion"
    assert {f.activity.removesuffix(ending) for f in shipped if f.activity.endswith(ending)} == set(NAMES)
    gases = {}
    for name in NAMES:
        account = make("fuel", fuel=name, counts="heat_kwh", heat_value="net")
        gases[name] = tuple(rule.gas for rule in apply(account, shipped, IN_2022))
        assert all(rule.numerator > 0 for rule in apply(account, shipped, IN_2022)), name
    assert gases.pop("diesel") == ("CO2", "CH4", "N2O")
    assert gases.pop("natural gas") == gases.pop("other bituminous coal") == ("CO2", "CH4")
    assert set(gases.values()) == {("CO2",)}


def test_a_per_cubic_metre_factor_is_for_consumers_books_outside_the_sum_and_needs_a_note(shipped):
    british = {"factor_id": "uk.desnz.2025.ws", "note": "no Chinese factor is published"}
    (rule,) = apply(make("water-supply", **british), shipped, IN_2025)
    assert (rule.kind, rule.gas, Fraction(rule.numerator, rule.denominator)) == ("outside", "CO2e", Fraction("0.1913"))  # kg/m3 = mg/mL
    assert "outside its region or years: uk.desnz.2025.ws is for GB" in rule.note
    with pytest.raises(ValidationError, match="needs a note"):
        make("water-supply", factor_id="uk.desnz.2025.ws")
    (lost,) = apply(make("water-loss-energy"), shipped, IN_2022)
    assert (lost.kind, Fraction(lost.numerator, lost.denominator)) == ("outside", Fraction("515.3"))
