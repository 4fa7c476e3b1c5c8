import math
import zipfile
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from city.clock import civil_day
from city.problems import PenstockError
from city.quality import Cause, Flag, cause_of, usable
from city.quantities import Quantity
from meters.roads.archives import within
from meters.roads.drop import read_drop, read_rows
from meters.roads.mapping import Column, Mapping


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


def test_a_header_of_several_lines_below_a_title_names_the_columns(tmp_path):
    path = write(
        tmp_path,
        "Export of the head-end;;\n\n;E-07;;E-08\nOBIS;1.8.0;2.8.0;1.8.0\nTime;kWh;kWh;kWh\n"
        "2022-06-15 00:15;1,5;0;7\n2022-06-15 00:30;2;0;8\n\n",
    )
    mapping = Mapping(
        time="OBIS/Time",
        skip_lines=2,
        header_lines=3,
        separator=";",
        decimal=",",
        quantity=Quantity.ENERGY_REGISTER_KWH,
        columns=(Column(name="E-07/1.8.0/kWh", point="a.energy"), Column(name="E-08/1.8.0/kWh", point="b.energy")),
    )
    (block,) = read_drop(path, mapping)
    assert (block.ids, block.values.tolist()) == (("a.energy", "b.energy"), [[1500, 2000], [7000, 8000]])


def test_a_table_with_a_column_per_register_keeps_leading_zeros_of_meter_numbers(tmp_path):
    path = write(tmp_path, "meter,time,import,export,quality\n007,2022-06-15T00:00Z,1.5,0.25,A\n007,2022-06-15T00:15Z,2.5,0.25,E\n")
    mapping = Mapping(
        layout="table",
        time="time",
        id="meter",
        quantity=Quantity.ENERGY_REGISTER_KWH,
        unit="MWh",
        status="quality",
        statuses={"A": "valid", "E": "estimated"},
        columns=(Column(name="007/import", point="m.energy"), Column(name="007/export", point="m.energy_out")),
    )
    (block,) = read_drop(path, mapping)
    assert block.values.tolist() == [[1_500_000, 2_500_000], [250_000, 250_000]]  # MWh in Wh
    assert block.quality.tolist() == [[int(Flag.VALID), int(Flag.ESTIMATED_LIKE_DAY)]] * 2


@pytest.mark.parametrize(("day", "count"), [("2022-03-27", 92), ("2022-06-15", 96), ("2022-10-30", 100)])
def test_a_row_per_day_has_as_many_intervals_as_the_civil_day(tmp_path, day, count):
    header = ",".join(["meter", "date", *(f"P{i}" for i in range(1, 101))])
    cells = ",".join(map(str, range(count))) + "," * (100 - count)
    mapping = Mapping(layout="days", id="meter", time="date", value="P1", zone="Europe/Rome", quantity=Quantity.ENERGY_KWH)
    (block,) = read_drop(write(tmp_path, f"{header}\nm.energy,{day},{cells}\n"), mapping)
    assert block.values.tolist() == [[1000 * i for i in range(count)]]
    assert block.start_utc == civil_day(datetime.fromisoformat(day).date(), "Europe/Rome")[0]
    if count < 100:
        with pytest.raises(PenstockError, match=f"behind the last of {count}"):
            read_drop(write(tmp_path, f"{header}\nm.energy,{day},{','.join(map(str, range(count + 1)))}{',' * (99 - count)}\n"), mapping)


def test_units_of_each_row_are_converted_and_one_of_another_kind_refuses_the_file(tmp_path):
    long = Mapping(layout="long", time="t", id="id", value="v", unit_column="u", quantity=Quantity.FLOW_M3_PER_H)
    text = "id,t,v,u\nm.flow,2022-06-15T00:00Z,10,L/s\nm.flow,2022-06-15T00:15Z,10,m3/h\n"
    (block,) = read_drop(write(tmp_path, text), long)
    assert block.values.tolist() == [[36.0, 10.0]]
    with pytest.raises(PenstockError, match="'kWh' for flow_m3_per_h"):
        read_drop(write(tmp_path, text + "m.flow,2022-06-15T00:30Z,10,kWh\n"), long)


def test_a_status_sets_the_quality_and_an_unlisted_one_refuses_the_file(tmp_path):
    words = {"0": "valid", "1": "questionable", "9": "missing", "5": "edited", "7": "projected"}
    text = "id,t,v,s\n" + "".join(f"m.power,2022-06-15T00:{15 * i:02d}Z,{i},{s}\n" for i, s in enumerate("0195"))
    mapping = Mapping(layout="long", time="t", id="id", value="v", status="s", statuses=words, quantity=Quantity.POWER_KW)
    (block,) = read_drop(write(tmp_path, text), mapping)
    assert block.usable().tolist() == [[True, False, False, True]]
    assert cause_of(int(block.quality[0, 2])) is Cause.GAP
    with pytest.raises(PenstockError, match="status: 'X'"):
        read_drop(write(tmp_path, text + "m.power,2022-06-15T01:00Z,4,X\n"), mapping)
    others = mapping.model_copy(update={"statuses": words | {"*": "questionable"}})
    (block,) = read_drop(write(tmp_path, text + "m.power,2022-06-15T01:00Z,4,X\n"), others)
    assert block.usable()[0, 4] == np.False_


@pytest.mark.parametrize(("year", "says"), [("9970", "times like 9970"), ("1066", "times like 1066"), ("2199", "intervals in a file")])
def test_a_file_of_a_few_bytes_cannot_cost_the_memory_of_centuries(tmp_path, monkeypatch, year, says):
    monkeypatch.setattr("meters.roads.delivered._MOST_CELLS", 1_000_000)
    path = write(tmp_path, f"time_utc,m.power\n1970-01-01T00:00Z,1\n{year}-01-01T00:00Z,2\n")
    with pytest.raises(PenstockError, match=says):
        read_drop(path, Mapping(quantity=Quantity.POWER_KW))


def test_an_archive_bomb_is_refused_by_what_it_states_and_a_lying_one_by_its_checksum(tmp_path, monkeypatch):
    mapping = Mapping(quantity=Quantity.POWER_KW)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", "time_utc,m.power\n" + "0" * 3_000_000)
    honest = (tmp_path / "bomb.zip").read_bytes()
    lying = honest.replace((3_000_017).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lying != honest
    (tmp_path / "lie.zip").write_bytes(lying)
    with pytest.raises(PenstockError, match="whole ZIP file"):
        read_drop(tmp_path / "lie.zip", mapping)
    monkeypatch.setattr("meters.roads.archives.MOST_BYTES", 1_000_000)
    with pytest.raises(PenstockError, match="1 members, 3000017 bytes"):
        read_drop(tmp_path / "bomb.zip", mapping)


def test_a_parquet_file_that_states_too_many_rows_is_refused_unread(tmp_path, monkeypatch):
    pd.DataFrame({"time_utc": pd.to_datetime(["2022-06-15T00:00Z"] * 1000), "m.power": 1.0}).to_parquet(tmp_path / "x.parquet")
    monkeypatch.setattr("meters.roads.table_size.MOST_CELLS", 1000)
    with pytest.raises(PenstockError, match="1,000 rows, 2 columns"):
        read_drop(tmp_path / "x.parquet", Mapping(quantity=Quantity.POWER_KW))


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"quantity": "power_kw", "factor": 2, "unit": "W"}, "exclude each other"),
        ({"quantity": "power_kw", "unit": "bar"}, "another kind"),
        ({"quantity": "power_kw", "unit_column": "u"}, "long layout"),
        ({"quantity": "power_kw", "layout": "table"}, "needs columns"),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused(keys, says):
    with pytest.raises(ValidationError, match=says):
        Mapping(**keys)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 10**9), st.sampled_from("VQM")), min_size=1, max_size=40, unique_by=lambda r: r[0]
    )
)
def test_what_is_written_in_a_long_file_comes_back_reading_by_reading(rows):
    start = datetime(2022, 1, 1, tzinfo=UTC)
    lines = [f"m.energy;{(start + timedelta(minutes=15 * i)).isoformat()};{wh / 1000};{status}" for i, wh, status in rows]
    mapping = Mapping(
        layout="long",
        time="t",
        id="id",
        value="v",
        separator=";",
        status="s",
        statuses={"V": "valid", "Q": "questionable", "M": "missing"},
        quantity=Quantity.ENERGY_REGISTER_KWH,
    )
    found = read_rows("x.csv", "\n".join(["id;t;v;s", *lines]).encode(), mapping)
    assert [round((t - start).total_seconds() / 900) for t in found["time_utc"]] == [i for i, _, _ in rows]
    assert [None if math.isnan(v) else round(v * 1000) for v in found["value"]] == [None if s == "M" else wh for _, wh, s in rows]
    assert usable(found["quality"].to_numpy()).tolist() == [s == "V" for _, _, s in rows]
