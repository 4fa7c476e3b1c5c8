"""Everything goes out, the same bytes each time, in tables that other programs read."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from sqlalchemy import func, select

from service import schema as t
from service.exchange import rows
from service.exchange.kinds import KINDS, WITHHELD
from service.store import cold, meter_days, open_store
from tests.api.conftest import SLOTS
from tests.exchange.conftest import load_of
from tests.town import MIDNIGHT_UTC, Town


def export(town: Town, into: Path, *words: str) -> dict[str, bytes]:
    said = town.penstock("export", *words, "--into", str(into))
    assert said.code == 0, said.all
    return {path.name: path.read_bytes() for path in into.iterdir()}


def test_every_table_of_the_store_is_exported_or_withheld_for_a_reason() -> None:
    told = {table for kind in KINDS.values() for table in kind.tables}
    assert told | set(WITHHELD) == set(t.metadata.tables)
    assert told.isdisjoint(WITHHELD)
    assert all(len(reason) > 10 for reason in WITHHELD.values())
    for table in t.metadata.tables.values():
        for column in table.columns:
            rows.arrow_type(column)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_export_of_everything_is_whole_under_its_manifest_and_the_same_bytes_again(
    form: str, exchange_night: Town, tmp_path: Path
) -> None:
    first = export(exchange_night, tmp_path / "a", "all", "--format", form)
    assert first == export(exchange_night, tmp_path / "b", "--format", form)
    told = json.loads(first["manifest.json"])
    assert set(told["kinds"]) == set(KINDS)
    for entry in told["kinds"].values():
        content = first[entry["file"]]
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (entry["sha256"], entry["bytes"])
    with open_store(exchange_night.database).connect() as connection:
        for name, kind in KINDS.items():
            if kind.tables == (name,) and kind.schema.names == [c.name for c in t.metadata.tables[name].columns]:
                assert (
                    told["kinds"][name]["rows"]
                    == connection.execute(select(func.count()).select_from(t.metadata.tables[name])).scalar_one()
                )


def test_csv_and_parquet_tell_the_same(exchange_night: Town, tmp_path: Path) -> None:
    export(exchange_night, tmp_path / "csv", "readings", "days", "forecast", "skill", "--format", "csv")
    export(exchange_night, tmp_path / "parquet", "readings", "days", "forecast", "skill")
    for name in ("readings", "days", "forecast", "skill"):
        one = pd.read_csv(tmp_path / "csv" / f"{name}.csv", dtype_backend="pyarrow")
        other = pd.read_parquet(tmp_path / "parquet" / f"{name}.parquet")
        assert len(one) == len(other)
        assert list(one) == [column for column in other if column != "value_scaled"]
        if "value" in one:
            assert one["value"].astype(float).tolist() == pytest.approx(other["value"].astype(float).tolist(), nan_ok=True)


def test_readings_come_out_with_value_time_and_quality(exchange_night: Town, tmp_path: Path) -> None:
    export(exchange_night, tmp_path / "a", "readings", "--format", "csv", "--since", "2022-06-15T20:15Z", "--until", "2022-06-15T20:16Z")
    assert (tmp_path / "a" / "readings.csv").read_text().splitlines() == [
        "point_id,time_utc,quantity,value,quality,received_at_utc",
        "flat.energy,2022-06-15T20:15:00Z,energy_register_kwh,101.500,1,2022-06-15T20:15:03Z",
        "hall.energy,2022-06-15T20:15:00Z,energy_register_kwh,101.500,1,2022-06-15T20:15:03Z",
        "sun.energy,2022-06-15T20:15:00Z,energy_register_kwh,101.500,1,2022-06-15T20:15:03Z",
    ]


def test_archived_readings_are_the_same_bytes_as_hot_ones(full: Town, tmp_path: Path) -> None:
    before = export(full, tmp_path / "a", "readings")
    moved = cold.archive(open_store(full.database), full.folder, MIDNIGHT_UTC + timedelta(days=2))
    assert sum(count for _, count in moved) == 3 * SLOTS
    assert export(full, tmp_path / "b", "readings") == before


def test_days_hold_every_version_and_add_up_to_what_the_store_has(exchange_night: Town, tmp_path: Path) -> None:
    export(exchange_night, tmp_path / "a", "days")
    told = pq.read_table(tmp_path / "a" / "days.parquet").to_pandas()
    city, engine = load_of(exchange_night), open_store(exchange_night.database)
    point = city.points["inflow.volume"]
    block = meter_days.block(engine, [point], MIDNIGHT_UTC - timedelta(days=8), MIDNIGHT_UTC)
    mine = told[told["point_id"] == "inflow.volume"]
    newest = mine[mine["version"] == mine.groupby("day_start_utc")["version"].transform("max")]
    assert newest["value_scaled"].sum() == block.values.sum() > 0
    assert set(mine["quantity"]) == {"volume_m3"}
    assert newest["time_utc"].iloc[1] - newest["time_utc"].iloc[0] == pd.Timedelta("1h")


def test_forecasts_come_out_value_by_value(exchange_night: Town, tmp_path: Path) -> None:
    export(exchange_night, tmp_path / "a", "forecast", "plan_value", "audit")
    told = pq.read_table(tmp_path / "a" / "forecast.parquet").to_pandas()
    one = told[told["series_id"] == "hall.energy"]
    assert (one["p10"] <= one["p50"]).all()
    assert (one["p50"] <= one["p90"]).all()
    assert one["time_utc"].is_monotonic_increasing
    assert one["time_utc"].iloc[0] >= pd.Timestamp(MIDNIGHT_UTC)


def test_a_span_cuts_what_has_a_time(exchange_night: Town, tmp_path: Path) -> None:
    export(exchange_night, tmp_path / "a", "days", "point", "--since", "2022-06-13T22:00Z", "--until", "2022-06-14T22:00Z")
    told = pq.read_table(tmp_path / "a" / "days.parquet").to_pandas()
    assert set(told["day_start_utc"]) == {pd.Timestamp("2022-06-13T22:00Z")}
    assert len(pq.read_table(tmp_path / "a" / "point.parquet")) == len(load_of(exchange_night).points)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "kind 'nonsense'"),
        (["../etc"], "kind '../etc'"),
        (["session"], "opens the console"),
        (["readings", "--format", "xls"], "csv, parquet"),
        (["readings", "--since", "2022-06-15T20:15"], "ISO 8601"),
        (["readings", "--since", "2022-06-16T00:00Z", "--until", "2022-06-15T00:00Z"], "after --since"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_a_file_is_written(
    words: list[str], said: str, exchange_night: Town, tmp_path: Path
) -> None:
    answer = exchange_night.penstock("export", *words, "--into", str(tmp_path / "a"))
    assert (answer.code, answer.foreseen) == (1, True)
    assert said in answer.err
    assert not (tmp_path / "a").exists()


def test_an_export_goes_into_an_empty_folder_only(exchange_night: Town, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    answer = exchange_night.penstock("export", "point", "--into", str(tmp_path))
    assert answer.code == 1
    assert "holds mine.txt" in answer.err
    assert "readings" in exchange_night.penstock("export", "--list").out
