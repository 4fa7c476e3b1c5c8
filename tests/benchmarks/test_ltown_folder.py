"""Folders of the L-TOWN form: parquet and the published CSVs give the same readings."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import _ltown
from city.problems import PenstockError

TIMES = pd.date_range("2019-01-01", periods=12, freq="5min", name="Timestamp")


def tables() -> dict[str, pd.DataFrame]:
    ramp = np.arange(12.0)
    return {
        "pressures_m": pd.DataFrame({"n1": 30.25 + ramp, "n4": 33.5 - ramp}, TIMES),
        "flows_m3h": pd.DataFrame({"p227": 88.14 + ramp}, TIMES),
        "levels_m": pd.DataFrame({"T1": 3.41 + ramp / 100}, TIMES),
        "amr_Lh_30min": pd.DataFrame({"n1": [400.0, 200.0]}, TIMES[::6]),
        "leak_m3h": pd.DataFrame({"p31": [0, 0, 4, 4, 4, 4, 4, 4, 0, 0, 0, 0], "p232": ramp / 10, "p9": 0.0 * ramp}, TIMES),
    }


def as_parquet(folder: Path) -> Path:
    folder.mkdir()
    for part, table in tables().items():
        table.to_parquet(folder / f"2019_{part}.parquet")
    return folder


def as_csv(folder: Path) -> Path:
    names = {"pressures_m": "SCADA_Pressures", "flows_m3h": "SCADA_Flows", "levels_m": "SCADA_Levels", "amr_Lh_30min": "SCADA_Demands"}
    folder.mkdir()
    for part, table in tables().items():
        table.to_csv(folder / f"2019_{names.get(part, 'Leakages')}.csv", sep=";", decimal=",", encoding="utf-8-sig")
    return folder


def test_the_published_csvs_give_what_parquet_gives(tmp_path: Path) -> None:
    ours, theirs = (_ltown.scada(folder, 2019) for folder in (as_parquet(tmp_path / "a"), as_csv(tmp_path / "b")))
    for name in ("pressure", "flow", "level", "consumption"):
        left, right = getattr(ours, name), getattr(theirs, name)
        assert (left.ids, left.start_utc, left.step) == (right.ids, right.start_utc, right.step)
        np.testing.assert_allclose(left.unit_values(), right.unit_values())
    assert ours.start_utc == datetime(2019, 1, 1, tzinfo=UTC)
    assert ours.pressure.ids == ("n1", "n4")
    assert _ltown.sites(ours).pressure == {"n1": "n1", "n4": "n4"}


def test_litres_per_hour_over_half_an_hour_become_cubic_metres(tmp_path: Path) -> None:
    told = _ltown.scada(as_parquet(tmp_path / "a"), 2019).consumption
    assert told is not None
    assert told.unit_values().tolist() == pytest.approx(np.array([[0.2, 0.1]]), rel=1e-6)


def test_missing_times_and_values_become_unusable(tmp_path: Path) -> None:
    folder = as_parquet(tmp_path / "a")
    table = tables()["pressures_m"].drop(TIMES[3])
    table.iloc[5, 1] = np.nan
    table.to_parquet(folder / "2019_pressures_m.parquet")
    usable = _ltown.scada(folder, 2019).pressure.usable()
    assert (~usable).sum() == 3
    assert not usable[:, 3].any()
    assert not usable[1, 6]


def test_leaks_come_from_the_flow_where_there_is_no_table(tmp_path: Path) -> None:
    leaks = _ltown.true_leaks(as_csv(tmp_path / "b"), 2019).set_index("pipe")
    assert leaks["kind"].to_dict() == {"p31": "abrupt", "p232": "abrupt"}  # an hour of data: the ramp is over within it
    assert leaks.loc["p31", "start_utc"] == TIMES[2].tz_localize(UTC)
    assert leaks.loc["p31", "end_utc"] == TIMES[7].tz_localize(UTC)


def test_a_table_ends_the_flow_of_a_repaired_leak(tmp_path: Path) -> None:
    folder = as_parquet(tmp_path / "a")
    told = "linkID,startTime,endTime,leakType\np232,2019-01-01 00:10,2019-01-01 00:30,incipient\n"
    (folder / "2019_leaks.csv").write_text(told)
    assert _ltown.true_leak_flow(folder, 2019)["p232"].tolist() == pytest.approx([0, 0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0, 0, 0, 0])


def test_folders_are_found_one_level_down(tmp_path: Path) -> None:
    ours, theirs = as_parquet(tmp_path / "a"), as_csv(tmp_path / "b")
    assert _ltown.folders(tmp_path) == [ours, theirs]
    assert _ltown.folders(theirs) == [theirs]
    with pytest.raises(PenstockError, match="no pressures of 2019"):
        _ltown.folders(tmp_path / "none")


def test_a_missing_file_and_text_in_a_column_are_sentences(tmp_path: Path) -> None:
    folder = as_csv(tmp_path / "b")
    with pytest.raises(PenstockError, match=r"neither 2018_pressures_m\.parquet nor 2018_SCADA_Pressures\.csv"):
        _ltown.scada(folder, 2018)
    (folder / "2019_SCADA_Flows.csv").write_text("Timestamp;p227\n2019-01-01 00:00:00;wide open\n")
    with pytest.raises(PenstockError, match="column p227 holds text"):
        _ltown.scada(folder, 2019)
