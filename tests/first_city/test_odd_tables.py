"""`penstock new --csv` on what spreadsheets and meters really export: told rightly, or refused with a sentence that says what to do."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from city.problems import PenstockError
from meters.roads.drop import read_drop
from service.beginning.begin import begin
from service.beginning.city_file import Device, Named
from service.environment import Environment
from service.settings import load
from tests.town import Town

NOW = pd.Timestamp("2024-05-01T00:00Z").to_pydatetime()
ROME = Named("city", "City", "Europe/Rome", "IT", "CN-ZJ", "EUR")
CHINA = Named("city", "城市", "Asia/Shanghai", "CN", "CN-ZJ", "CNY")
QUARTERS = pd.date_range("2024-03-01", "2024-04-15", freq="15min", inclusive="left")


def rows(times: pd.DatetimeIndex, form: str, cell: str = "5.5", split: str = ",") -> str:
    return "".join(f"{time:{form}}{split}{cell}\n" for time in times)


def made(tmp_path: Path, text: str | bytes, place: Named = ROME, **options: object) -> tuple[dict, list, list[str]]:
    """(city.toml, the blocks that `penstock import` will read, what was said) of a CSV."""
    file = tmp_path / "odd.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    told = list(begin(tmp_path / "city", place, NOW, file, **options))  # type: ignore[arg-type]
    city = load(Environment(city=tmp_path / "city" / "city.toml", home=tmp_path / "city" / "var" / "city"))
    blocks = read_drop(tmp_path / "city" / "var" / "city" / "history.csv", city.settings.imports[0].mapping)
    return tomllib.loads((tmp_path / "city" / "city.toml").read_text(encoding="utf-8")), blocks, told


def test_a_german_spreadsheet_with_mark_semicolons_decimal_commas_and_hourly_kilowatts(tmp_path: Path) -> None:
    times = pd.date_range("2024-02-01", "2024-03-01", freq="h", inclusive="left")
    text = "\ufeffZeit;Rathaus [kW];PV (kW);Status\r\n" + "".join(f"{t:%d.%m.%Y %H:%M};12,50;3,25;OK\r\n" for t in times)
    city, (block,), told = made(tmp_path, text)
    assert [meter["id"] for meter in city["meters"]] == ["rathaus", "pv"]
    assert [meter["role"] for meter in city["meters"]] == ["load", "generation"]
    assert city["night"] == {"step_s": 3600, "steps": 48, "lead_minutes": 60}
    assert block.values[0, 0] == 12_500, "an hour at 12.5 kW is 12,500 Wh"
    assert block.start_utc == pd.Timestamp("2024-01-31T23:00Z"), "midnight in Rome in winter"
    assert any("summer time" in line for line in told)


def test_quarter_hours_in_kilowatts_are_a_quarter_of_a_kilowatt_hour_each(tmp_path: Path) -> None:
    _, (block,), _ = made(tmp_path, "time,hall kW\n" + rows(QUARTERS, "%Y-%m-%dT%H:%M:%SZ", "8"))
    assert set(np.unique(block.values)) == {2000}, "Wh"


def test_local_times_with_summer_time_and_winter_time_all_year_are_told_apart(tmp_path: Path) -> None:
    summer = pd.date_range("2024-03-01", "2024-04-15", freq="15min", tz="Europe/Rome", inclusive="left").tz_localize(None)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    city, (block,), _ = made(tmp_path / "a", "time,hall kWh\n" + rows(summer, "%Y-%m-%d %H:%M"))
    assert city["imports"][0]["mapping"]["zone"] == "Europe/Rome"
    assert block.end_utc == pd.Timestamp("2024-04-14T22:00Z")
    city, (block,), _ = made(tmp_path / "b", "time,hall kWh\n" + rows(QUARTERS, "%Y-%m-%d %H:%M"))
    assert city["imports"][0]["mapping"]["zone"] == "Etc/GMT-1"
    assert block.end_utc == pd.Timestamp("2024-04-14T23:00Z")


def test_times_at_the_end_of_their_interval_tabs_and_lines_above_the_header(tmp_path: Path) -> None:
    text = "exported by METERSOFT\n\nDate\thall kWh\n" + rows(QUARTERS + pd.Timedelta("15min"), "%d/%m/%Y %H:%M", split="\t")
    city, (block,), _ = made(tmp_path, text)
    mapping = city["imports"][0]["mapping"]
    assert (mapping["time_marks"], mapping["skip_lines"], mapping["separator"]) == ("end", 2, "\t")
    assert block.start_utc == pd.Timestamp("2024-02-29T23:00Z")


def test_a_chinese_table_in_gb18030_with_water(tmp_path: Path) -> None:
    text = "时间,用电 kWh,进水 m3/h\n" + "".join(f"{t:%Y/%m/%d %H:%M},5.5,8\n" for t in QUARTERS)
    city, blocks, _ = made(tmp_path, text.encode("gb18030"), CHINA)
    assert {str(block.quantity): int(block.values[0, 0]) for block in blocks} == {"energy_kwh": 5500, "volume_m3": 2_000_000}
    assert {meter["commodity"] for meter in city["meters"]} == {"electricity", "water"}


REFUSED = {
    "register": ("time,hall kWh\n" + "".join(f"{t:%Y-%m-%d %H:%M},{100000 + 5 * i}\n" for i, t in enumerate(QUARTERS)), "differences"),
    "no unit": ("time,hall\n" + rows(QUARTERS, "%Y-%m-%d %H:%M"), "hall [kWh]"),
    "newest first": ("time,hall kWh\n" + rows(QUARTERS[::-1], "%Y-%m-%d %H:%M"), "oldest first"),
    "date only": ("date,hall kWh\n" + rows(pd.date_range("2024-01-01", "2024-03-01"), "%Y-%m-%d"), "too coarse"),
    "every two hours": ("time,hall kWh\n" + rows(QUARTERS[::8], "%Y-%m-%d %H:%M"), "120 minutes"),
    "thousands": ("time;hall kWh\n" + rows(QUARTERS, "%Y-%m-%d %H:%M", "1.234,5", ";"), "thousands"),
    "day or month": ("time,hall kWh\n" + rows(QUARTERS[:300], "%d/%m/%Y %H:%M"), "%d/%m/%Y %H:%M and %m/%d/%Y %H:%M"),
    "no header": (rows(QUARTERS, "%Y-%m-%d %H:%M"), "header"),
    "a word": ("time,hall kWh\n" + rows(QUARTERS, "%Y-%m-%d %H:%M").replace(",5.5", ",oops", 1), "'oops' in row 1"),
    "a workbook": ("PK\x03\x04", "Save as"),
    "nothing": (" \n", "empty"),
    "one column": ("time\n" + "".join(f"{t:%Y-%m-%d %H:%M}\n" for t in QUARTERS), "separator"),
    "two alike": ("time,a kWh,a kWh\n" + rows(QUARTERS, "%Y-%m-%d %H:%M", "1,1"), "two columns called"),
    "binary": (bytes(range(256)).decode("latin-1") * 4, "not a text"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_told_is_refused_with_what_to_do_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    text, word = REFUSED[name]
    with pytest.raises(PenstockError) as refused:
        made(tmp_path, text.encode("latin-1") if name == "binary" else text)
    assert word in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["odd.csv"], "nothing half done"


def test_hostile_names_of_columns_become_plain_ids_and_quoted_text(tmp_path: Path) -> None:
    head = 'time;"x""; evil = 1 # kWh";<script>alert(1)</script> kWh;../../etc kWh;=1+1 kWh\n'
    city, blocks, _ = made(tmp_path, head + "".join(f"{t:%Y-%m-%d %H:%M};1.5;1.5;1.5;1.5\n" for t in QUARTERS))
    assert "evil" not in city
    assert [meter["id"] for meter in city["meters"]] == ["x-evil-1", "script-alert-1-script", "etc", "1-1"]
    assert blocks[0].values.shape[0] == 4


@pytest.mark.parametrize(("place", "foreign"), [(ROME, True), (CHINA, False)])
def test_emission_factors_of_another_country_are_told_as_such(place: Named, foreign: bool, tmp_path: Path) -> None:
    _, _, told = made(tmp_path, "time,hall [kWh]\n" + rows(QUARTERS, "%Y-%m-%dT%H:%M:%SZ"), place)
    assert any("emission factors of CN-ZJ, not of IT" in line for line in told) is foreign
    assert ("NOT of IT" in (tmp_path / "city" / "city.toml").read_text(encoding="utf-8")) is foreign


def test_a_folder_that_holds_something_is_never_written_into(tmp_path: Path) -> None:
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "city.toml").write_text("mine")
    said = Town(tmp_path).penstock("new", str(tmp_path / "begun"), "--simulator")
    assert (said.code, "there already" in said.err) == (1, True)
    assert (tmp_path / "begun" / "city.toml").read_text() == "mine"


def test_every_fault_of_what_was_asked_is_told_at_once(tmp_path: Path) -> None:
    said = Town(tmp_path).penstock("new", str(tmp_path / "X Y!"), "--zone", "Rome", "--name", "a\nb")
    assert said.code == 1
    for word in ("no short name", "no IANA time zone", "not printable", "nothing to begin with"):
        assert word in said.err
    said = Town(tmp_path).penstock("new", str(tmp_path / "x"), "--meter", "ftp://x", "--model", "../../etc/passwd")
    assert said.code == 1
    assert said.foreseen
    assert not (tmp_path / "x").exists()


def test_a_real_meter_begins_read_only_with_its_model(tmp_path: Path) -> None:
    told = list(begin(tmp_path / "city", ROME, NOW, device=Device("tcp://192.0.2.10:502", "eastron-sdm630", 7, "")))
    city = tomllib.loads((tmp_path / "city" / "city.toml").read_text())
    assert city["links"] == [{"id": "field", "url": "tcp://192.0.2.10:502", "read_only": True}]
    assert (city["meters"][0]["unit"], city["meters"][0]["model"]) == (7, "eastron-sdm630")
    assert any("penstock poll" in line for line in told)
