"""What comes in is checked whole, stored in one transaction, and the same file again changes nothing."""

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from service import schema as t
from service.exchange import files_in
from service.store import open_store, readings
from tests.exchange.test_export import export
from tests.town import NOW, Town, count

HEAD = "point_id,time_utc,value\n"
GOOD = "hall.energy,2022-06-15T20:00:00Z,1.5\n"
EVENTS = "kind,subject,start_utc,end_utc,factor,reason\n"


def take(town: Town, kind: str, path: Path) -> Any:
    return town.penstock("exchange", "take", kind, str(path), "--who", "ada", "--now", NOW)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_what_was_exported_and_taken_into_an_empty_store_is_exported_as_the_same_bytes(
    form: str, exchange_night: Town, empty: Town, tmp_path: Path
) -> None:
    out = export(exchange_night, tmp_path / "out", "--format", form)
    said = take(empty, "readings", tmp_path / "out" / f"readings.{form}")
    assert said.code == 0, said.all
    assert "30 of 30 readings are new" in said.out
    again = export(empty, tmp_path / "again", "readings", "--format", form)
    assert again[f"readings.{form}"] == out[f"readings.{form}"]
    assert "stored before, nothing changed" in take(empty, "readings", tmp_path / "out" / f"readings.{form}").out
    assert readings.size(open_store(empty.database))["reading"] == 30


def test_taken_readings_count_as_if_poll_had_stored_them(empty: Town, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEAD + GOOD + "inflow.volume,2022-06-15T22:00:00+02:00,12.000001\nhall.energy,2022-06-15T20:15:00Z,\n")
    assert take(empty, "readings", path).code == 0
    with open_store(empty.database).connect() as connection:
        rows = {(row.time_utc.minute, row.value, row.quality) for row in connection.execute(select(t.reading))}
        audit = connection.execute(
            select(t.audit.c.action, t.audit.c.who, t.audit.c.sentence).where(t.audit.c.action == "take readings")
        ).one()
    assert (0, 1500, 1) in rows
    assert (0, 12_000_001, 1) in rows
    assert audit.who == "ada"
    assert files_in.sha256(path) in audit.sentence
    assert count(empty, t.latest) == 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("nobody.energy,2022-06-15T20:00:00Z,1\n", "row 1, column point_id: 'nobody.energy'; allowed: a point of city.toml"),
        ("hall.energy,2022-06-15T20:00:00,1\n", "row 1, column time_utc"),
        ("hall.energy,15.06.2022 20:00,1\n", "row 1, column time_utc"),
        ("hall.energy,1969-12-31T23:59:00Z,1\n", "row 1, column time_utc"),
        ("hall.energy,2122-06-15T20:00:00Z,1\n", "row 1, column time_utc"),  # else the newest of its point for a century
        ("hall.energy,2022-06-15T20:00:00Z,nan\n", "row 1, column value"),
        ("hall.energy,2022-06-15T20:00:00Z,inf\n", "row 1, column value"),
        ("hall.energy,2022-06-15T20:00:00Z,1e300\n", "row 1, column value"),
        ('hall.energy,2022-06-15T20:00:00Z,"1,5"\n', "row 1, column value"),
        ("hall.energy,2022-06-15T20:00:00Z,=1+1\n", "row 1, column value"),
        (GOOD + GOOD, "hall.energy at 2022-06-15T20:00:00Z twice"),
        (GOOD + "hall.energy,2022-06-15T22:00:00+02:00,9\n", "hall.energy at 2022-06-15T20:00:00Z twice"),
        (GOOD + "hall.energy,2022-06-15T21:00:00Z\n", "row 2: 2 fields"),
        ("", "no rows"),
    ],
)
def test_a_fault_in_one_row_refuses_the_whole_file_with_row_and_column(rows: str, said: str, empty: Town, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEAD + rows)
    answer = take(empty, "readings", path)
    assert (answer.code, answer.foreseen) == (1, True)
    assert said in answer.err
    assert count(empty, t.reading) == count(empty, t.batch) == 0


def test_up_to_twenty_faults_are_told_at_once_and_that_there_are_more(empty: Town, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEAD + "".join(f"gone-{i}.energy,2022-06-15T20:00:00Z,1\n" for i in range(50)))
    told = take(empty, "readings", path).err.strip().splitlines()
    assert len(told) == 21
    assert "or more besides" in told[-1]


@pytest.mark.parametrize(
    ("head", "row", "said"),
    [
        ("point_id,time_utc\n", "hall.energy,2022-06-15T20:00:00Z\n", "column value: missing"),
        ("point_id,time_utc,value,colour\n", GOOD[:-1] + ",red\n", "column 'colour': unknown"),
        ("point_id,time_utc,value,value\n", GOOD[:-1] + ",2\n", "twice"),
        ("point_id,time_utc,value,quantity\n", GOOD[:-1] + ",energy_kwh\n", "energy_register_kwh"),
        ("point_id,time_utc,value,unit\n", GOOD[:-1] + ",furlong\n", "that of the point: kWh"),
        ("point_id,time_utc,value,quality\n", GOOD[:-1] + ",70000\n", "a whole number from 0 to 65535"),
    ],
)
def test_columns_that_are_missing_unknown_or_of_another_unit_are_refused(
    head: str, row: str, said: str, empty: Town, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(head + row)
    answer = take(empty, "readings", path)
    assert (answer.code, answer.foreseen) == (1, True)
    assert said in answer.err


def bomb(path: Path) -> None:
    row = f"hall.energy,2022-06-15T20:00:00Z,{'0' * 100_000}1\n"
    path.write_bytes(gzip.compress((HEAD + row * 400).encode()))


def wide_parquet(path: Path) -> None:
    """One long text a million times: some kilobytes on the disk, a terabyte in memory for who takes it row by row."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 300_000, pa.int32()), pa.array(["x" * 1_000_000]))
    pq.write_table(pa.table({"point_id": text, "time_utc": text, "value": pa.array([1.0] * 300_000)}), path, compression="zstd")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv.gz", bomb, "unpacks to more than"),
        ("a.parquet", wide_parquet, "a point of city.toml"),
        ("a.csv", (HEAD + GOOD).encode("utf-16"), "cannot be read"),
        ("a.csv", (HEAD + "h\xe4ll,2022-06-15T20:00:00Z,1\n").encode("latin-1"), "cannot be read"),
        ("a.csv", b"\x00\x01\x02", "cannot be read"),
        ("a.csv", b"", "cannot be read"),
        ("a.csv.gz", b"not gzip", "cannot be read"),
        ("a.csv.zst", b"not zstd", "cannot be read"),
        ("a.parquet", b"PAR1 but nothing", "cannot be read"),
        ("a.xlsx", b"", "of no kind that is known"),
        ("gone.csv", None, "No such file"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused_with_a_sentence(
    name: str, content: Any, said: str, empty: Town, tmp_path: Path
) -> None:
    path = tmp_path / name
    if callable(content):
        content(path)
    elif content is not None:
        path.write_bytes(content)
    answer = take(empty, "readings", path)
    assert (answer.code, answer.foreseen) == (1, True)
    assert said in answer.err
    assert count(empty, t.reading) == 0


def test_what_is_no_file_or_too_large_a_one_is_refused(empty: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.csv").mkdir()
    assert "no regular file" in take(empty, "readings", tmp_path / "folder.csv").err
    (tmp_path / "device.csv").symlink_to("/dev/zero")
    assert "no regular file" in take(empty, "readings", tmp_path / "device.csv").err
    path = tmp_path / "a.csv"
    path.write_text(HEAD + GOOD)
    monkeypatch.setattr(files_in, "MOST_FILE", 10)
    assert "0.0 GB" in take(empty, "readings", path).err
    monkeypatch.undo()
    monkeypatch.setattr(files_in, "MOST_ROWS", 0)
    assert "more than 0 rows" in take(empty, "readings", path).err


def test_a_kind_is_a_word_of_the_list_and_never_a_path(empty: Town, tmp_path: Path) -> None:
    answer = take(empty, "../../etc/passwd", tmp_path / "a.csv")
    assert "readings, history, events, weather, certificates" in answer.err


def test_a_file_that_is_not_as_its_manifest_says_is_refused(exchange_night: Town, empty: Town, tmp_path: Path) -> None:
    export(exchange_night, tmp_path / "out", "readings", "--format", "csv")
    path = tmp_path / "out" / "readings.csv"
    path.write_text(path.read_text().replace("101.500", "901.500"))
    assert "is not as it was exported" in take(empty, "readings", path).err


def test_compressed_readings_are_taken(exchange_night: Town, empty: Town, tmp_path: Path) -> None:
    out = export(exchange_night, tmp_path / "out", "readings", "--format", "csv")["readings.csv"]
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(out))
    (tmp_path / "b.csv.zst").write_bytes(pa.compress(out, codec="zstd", asbytes=True))
    assert "30 of 30" in take(empty, "readings", tmp_path / "a.csv.gz").out
    assert "0 of 30" in take(empty, "readings", tmp_path / "b.csv.zst").out


def test_history_becomes_validated_days_as_that_of_import(exchange_night: Town, empty: Town, tmp_path: Path) -> None:
    frame = pd.read_csv(exchange_night.folder / "water.csv")
    told = pd.DataFrame({"point_id": "inflow.volume", "time_utc": frame["time"], "value": frame["inflow.volume"], "quantity": "volume_m3"})
    told.to_csv(tmp_path / "a.csv", index=False)
    told.assign(time_utc=pd.to_datetime(told["time_utc"], utc=True)).to_parquet(tmp_path / "b.parquet", index=False)
    assert "8 days of points stored" in take(empty, "history", tmp_path / "a.csv").out
    assert "stored before" in take(empty, "history", tmp_path / "b.parquet").out

    def days(town: Town) -> list[Any]:
        with open_store(town.database).connect() as connection:
            m, p = t.meter_day.c, t.point.c
            chosen = select(m.day_start_utc, m.amounts, m.quality).join_from(t.meter_day, t.point, p.point_key == m.point_key)
            return list(connection.execute(chosen.where(p.point_id == "inflow.volume", m.version == 1).order_by(m.day_start_utc)).tuples())

    assert days(empty) == days(exchange_night)[:8]
    told.assign(time_utc="2022-06-01T00:07:00Z").to_csv(tmp_path / "c.csv", index=False)
    assert "a time on the step of its point" in take(empty, "history", tmp_path / "c.csv").err


def test_days_that_a_file_does_not_tell_of_stay_open_for_one_that_does(empty: Town, tmp_path: Path) -> None:
    """One point's span says nothing of another's: no estimate stands where nobody looked, and blocks what was measured."""

    def rows(name: str, day: int) -> str:
        begin = pd.Timestamp(f"2022-06-{day:02d}T00:00", tz="Europe/Rome").tz_convert("UTC")
        times = [begin + i * pd.Timedelta("15min") for i in range(96)]
        return "".join(f"{name},{at:%Y-%m-%dT%H:%M:%SZ},1.5\n" for at in times)

    (tmp_path / "a.csv").write_text(HEAD + "".join(rows("hall.energy", day) for day in (6, 7, 8)) + rows("sun.energy", 7))
    (tmp_path / "b.csv").write_text(HEAD + rows("sun.energy", 6))
    assert "4 days of points stored" in take(empty, "history", tmp_path / "a.csv").out
    assert "1 days of points stored" in take(empty, "history", tmp_path / "b.csv").out
    (tmp_path / "c.csv").write_text(HEAD + rows("sun.energy", 9).replace("2022", "2122"))
    assert "column time_utc" in take(empty, "history", tmp_path / "c.csv").err


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"point_id": pa.array([b"\xff"])}, "column point_id: binary"),
        ({"value": pa.array([b"1234"], pa.binary(4))}, "column value: fixed_size_binary"),
        ({"time_utc": pa.array([2**62], pa.timestamp("ms", "UTC"))}, "beyond the calendar"),  # as microseconds 1970, were it not looked at
        ({"time_utc": pa.array([2**62], pa.timestamp("us", "UTC"))}, "beyond the calendar"),
        ({"value_scaled": pa.array([2**64 - 1], pa.uint64())}, "column value_scaled: 18446744073709551615"),
    ],
)
def test_a_column_of_another_type_or_beyond_its_bits_is_refused_with_a_sentence(
    changed: dict[str, Any], said: str, empty: Town, tmp_path: Path
) -> None:
    row = {"point_id": pa.array(["hall.energy"]), "time_utc": pa.array(["2022-06-15T20:00:00Z"]), "value": pa.array([1.5])}
    pq.write_table(pa.table({**row, **changed}), tmp_path / "a.parquet")
    answer = take(empty, "readings", tmp_path / "a.parquet")
    assert (answer.code, answer.foreseen) == (1, True)
    assert said in answer.err


def test_events_come_in_all_or_none_and_once(empty: Town, tmp_path: Path) -> None:
    path, good = tmp_path / "a.csv", "festival,hall,2022-06-18T18:00+02:00,2022-06-18T23:00+02:00,1.2,lights\n"
    path.write_text(EVENTS + good + "works,nowhere,2022-06-19T08:00,2022-06-19T07:00+02:00,x,\n")
    answer = take(empty, "events", path)
    assert answer.code == 1
    assert "row 2, column start_utc" in answer.err
    assert "row 2, column factor" in answer.err
    assert count(empty, t.known_event) == 0
    path.write_text(EVENTS + good)
    assert "1 events are new, 0 were entered before" in take(empty, "events", path).out
    assert "0 events are new, 1 were entered before" in take(empty, "events", path).out
    with open_store(empty.database).connect() as connection:
        lines = connection.execute(select(t.audit.c.who, t.audit.c.sentence).where(t.audit.c.action == "take events")).all()
    assert [line.who for line in lines] == ["ada", "ada"]
    assert files_in.sha256(path) in lines[0].sentence
    path.write_text(EVENTS + good + good)
    assert "the same as row 1" in take(empty, "events", path).err


def test_certificates_come_in_by_the_same_door(full: Town, tmp_path: Path) -> None:
    path = tmp_path / "lots.csv"
    path.write_text(
        "id,scheme,first,last,issued_on,produced_from,produced_to,technology,plant,market\n"
        "roof-1,GEC,R1,R3,2022-06-12,2022-06-01,2022-06-10,solar,sun,CN\n"
    )
    assert "3 certificates of sun" in take(full, "certificates", path).out
    assert "imported before" in take(full, "certificates", path).out
    weather = take(full, "weather", path)
    assert "names no weather service" in weather.err
