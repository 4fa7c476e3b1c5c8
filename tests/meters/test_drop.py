import zipfile
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from city.clock import civil_day
from city.problems import PenstockError
from city.quality import Cause, cause_of
from city.quantities import Quantity
from meters.drop import Column, Mapping, read_drop, within


def write(folder, text, name="file.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_a_wide_file_becomes_one_block_per_quantity(tmp_path):
    path = write(tmp_path, "when;Load MW;Druck\n2022-06-15T00:00Z;1,5;40,25\n2022-06-15T00:15Z;2;\n")
    mapping = Mapping(
        time="when",
        separator=";",
        decimal=",",
        columns=(
            Column(name="Load MW", point="feeder-01.energy", quantity=Quantity.ENERGY_KWH, factor=250.0),
            Column(name="Druck", point="p-1.pressure", quantity=Quantity.PRESSURE_M),
        ),
    )
    energy, pressure = read_drop(path, mapping)
    assert (energy.ids, energy.quantity) == (("feeder-01.energy",), Quantity.ENERGY_KWH)
    assert energy.values.tolist() == [[375_000, 500_000]]  # 1.5 MW for a quarter is 375 kWh, stored in Wh
    assert pressure.values[0, 0] == np.float32(40.25)
    assert cause_of(int(pressure.quality[0, 1])) is Cause.GAP


def test_a_long_parquet_file_keeps_only_the_mapped_series(tmp_path):
    times = pd.to_datetime(["2022-01-01T00:00Z", "2022-01-01T01:00Z"] * 2)
    pd.DataFrame({"t": times, "dma": ["A", "A", "B", "B"], "v": [1.0, 2.0, 3.0, 4.0]}).to_parquet(tmp_path / "x.parquet")
    mapping = Mapping(
        layout="long",
        time="t",
        id="dma",
        value="v",
        step_s=3600,
        quantity=Quantity.VOLUME_M3,
        factor=3.6,
        columns=(Column(name="B", point="dma-b.volume"),),
    )
    (block,) = read_drop(tmp_path / "x.parquet", mapping)
    assert block.ids == ("dma-b.volume",)
    assert block.values.tolist() == [[10_800_000, 14_400_000]]  # L/s for an hour are 3.6 m3


def quarters_of(day, zone="Europe/Rome"):
    start, end = civil_day(day, zone)
    return pd.date_range(start, end, freq="15min", inclusive="left").tz_convert(zone).tz_localize(None)


@pytest.mark.parametrize(("day", "count"), [("2022-03-27", 92), ("2022-06-15", 96), ("2022-10-30", 100)])
def test_naive_local_days_have_92_96_and_100_quarters(tmp_path, day, count):
    times = quarters_of(datetime.fromisoformat(day).date())
    pd.DataFrame({"time_utc": times.astype(str), "m.power": np.arange(count)}).to_csv(tmp_path / "d.csv", index=False)
    (block,) = read_drop(tmp_path / "d.csv", Mapping(zone="Europe/Rome", quantity=Quantity.POWER_KW))
    assert block.values.tolist() == [list(range(count))]
    assert block.start_utc == civil_day(datetime.fromisoformat(day).date(), "Europe/Rome")[0]
    assert block.usable().all()


def test_the_autumn_hour_that_occurs_once_is_refused_not_guessed(tmp_path):
    path = write(tmp_path, "time_utc,m.power\n2022-10-30 01:45,1\n2022-10-30 02:00,2\n2022-10-30 03:00,3\n")
    with pytest.raises(PenstockError, match="occurs once, but twice in the day"):
        read_drop(path, Mapping(zone="Europe/Rome", quantity=Quantity.POWER_KW))


def test_the_hour_spring_leaves_out_is_refused_or_dropped_as_told(tmp_path):
    path = write(tmp_path, "time_utc,m.power\n2022-03-27 01:45,1\n2022-03-27 02:00,9\n2022-03-27 03:00,2\n")
    with pytest.raises(PenstockError, match="does not have"):
        read_drop(path, Mapping(zone="Europe/Rome", quantity=Quantity.POWER_KW))
    (block,) = read_drop(path, Mapping(zone="Europe/Rome", quantity=Quantity.POWER_KW, missing_hour="drop"))
    assert block.values.tolist() == [[1, 2]]


def test_times_with_summer_and_winter_offsets_are_read_as_written(tmp_path):
    path = write(tmp_path, "time_utc,m.power\n2022-10-30T02:45+02:00,1\n2022-10-30T02:00+01:00,2\n")
    (block,) = read_drop(path, Mapping(quantity=Quantity.POWER_KW))
    assert (block.start_utc, block.values.tolist()) == (datetime(2022, 10, 30, 0, 45, tzinfo=UTC), [[1, 2]])


def test_a_period_marked_by_its_end_starts_one_step_earlier(tmp_path):
    path = write(tmp_path, "time_utc,m.energy\n2022-06-15T00:15Z,1\n")
    (block,) = read_drop(path, Mapping(time_marks="end", quantity=Quantity.ENERGY_KWH))
    assert block.start_utc == datetime(2022, 6, 15, tzinfo=UTC)


def test_a_row_that_is_not_there_is_missing_not_filled(tmp_path):
    path = write(tmp_path, "time_utc,m.energy\n2022-06-15T00:00Z,1\n2022-06-15T00:30Z,3\n")
    (block,) = read_drop(path, Mapping(quantity=Quantity.ENERGY_KWH))
    assert block.usable().tolist() == [[True, False, True]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("when,m.power\n2022-06-15T00:00Z,1\n", "no column time_utc"),
        ("time_utc,m.power\n2022-06-15T00:00Z,n/k\n", "cells like 'n/k'"),
        ("time_utc,m.power\nyesterday,1\n", "'yesterday'"),
        ("time_utc,m.power\n2022-06-15T00:07Z,1\n", "grid of 0:15:00"),
        ("time_utc,m.power\n2022-06-15T00:00Z,1\n2022-06-15T00:00Z,2\n", "two values at 2022-06-15T00:00Z"),
        ("time_utc,m.power\n2022-06-15T00:00Z,1\n2022-06-15T00:15,2\n", "without offset among others"),
        ("", "table in utf-8-sig"),
    ],
)
def test_a_bad_file_is_refused_with_a_sentence(tmp_path, text, says):
    with pytest.raises(PenstockError, match=says):
        read_drop(write(tmp_path, text), Mapping(quantity=Quantity.POWER_KW))


def test_an_archive_is_read_and_one_that_points_outside_is_refused(tmp_path):
    for name, member in (("good.zip", "june/file.csv"), ("bad.zip", "../../etc/file.csv"), ("root.zip", "/etc/file.csv")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(member, "time_utc,m.power\n2022-06-15T00:00Z,1\n")
    mapping = Mapping(quantity=Quantity.POWER_KW)
    assert read_drop(tmp_path / "good.zip", mapping)[0].values.tolist() == [[1]]
    for name in ("bad.zip", "root.zip"):
        with pytest.raises(PenstockError, match="out of the archive"):
            read_drop(tmp_path / name, mapping)
    (tmp_path / "no.zip").write_bytes(b"PK")
    with pytest.raises(PenstockError, match="ZIP file"):
        read_drop(tmp_path / "no.zip", mapping)


def test_a_name_that_leaves_the_drop_folder_is_refused(tmp_path):
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "way-out").symlink_to("/etc")
    assert within(tmp_path / "drop", "june/file.csv").name == "file.csv"
    for name in ("../city.toml", "/etc/passwd", "way-out/passwd", ".", "june/../../x"):
        with pytest.raises(PenstockError, match="outside"):
            within(tmp_path / "drop", name)


def test_a_mapping_without_quantity_or_with_an_unknown_zone_is_refused():
    with pytest.raises(ValidationError, match="quantity is missing"):
        Mapping()
    with pytest.raises(ValidationError, match="IANA"):
        Mapping(quantity=Quantity.POWER_KW, zone="../../etc/passwd")
