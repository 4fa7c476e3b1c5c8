"""Made truths: the same seed gives the same town, water is conserved, and leaks are what the tables say."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import _ltown, _truths, data_folder, truths
from benchmarks._truths import _openings, drawn_leaks
from city.problems import PenstockError
from networks.network import Network


@pytest.fixture(scope="module")
def nominal() -> Network:
    try:
        return Network.read(data_folder("leak/battledim_official") / "L-TOWN.inp")
    except PenstockError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def town(nominal: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 days of seed 3."""
    folder = tmp_path_factory.mktemp("truths") / "seed-3"
    _truths.make(3, folder, days=8)
    return folder


def test_every_seed_draws_leaks_of_its_own_and_the_same_again(nominal: Network) -> None:
    tables = [drawn_leaks(np.random.default_rng([seed, 2018]), nominal, 730) for seed in (1, 2, 1)]
    pd.testing.assert_frame_equal(tables[0], tables[2])
    assert set(tables[0]["linkID"]) != set(tables[1]["linkID"])
    for table in tables:
        assert table["linkID"].is_unique
        assert (table["startTime"] <= table["peakTime"]).all()
        assert (table["startTime"] < table["endTime"]).all()
        assert (table["startTime"] >= pd.Timestamp("2018-01-06")).all()  # the first days are clean


def test_a_slow_leaks_diameter_grows_linearly_and_an_abrupt_one_is_there_at_once() -> None:
    start = pd.Timestamp("2018-01-01 01:00")
    leaks = pd.DataFrame(
        {
            "startTime": start,
            "peakTime": [start, start + pd.Timedelta("2h")],
            "endTime": start + pd.Timedelta("4h"),
            "leakDiameter_m": 0.02,
        }
    )
    table = _openings(leaks, 12 * 7)
    full = 0.75 * np.pi * 0.01**2 * np.sqrt(2 * 9.81) * 3600  # 26.5 m3/h at 50 m
    assert table[11].tolist() == [0, 0]
    assert table[12] == pytest.approx([full, full / 24**2], rel=1e-5)
    assert table[23, 1] == pytest.approx(full / 4, rel=1e-5)  # half the diameter, a quarter of the area
    assert table[12 * 5] == pytest.approx([full, full], rel=1e-5)
    assert table[12 * 5 + 1].tolist() == [0, 0]


@pytest.mark.slow
def test_water_is_conserved_in_both_areas(town: Path) -> None:
    flow, level = _ltown.readings(town, 2018, "flows_m3h"), _ltown.readings(town, 2018, "levels_m")["T1"]
    use = pd.read_parquet(town / "2018_use_m3h_30min.parquet")
    leak = _ltown.readings(town, 2018, "leak_m3h").sum(axis=1).mean()
    into_ab = (flow["p227"] + flow["p235"] - flow["PUMP_1"]).mean()
    filling = (level.iloc[-1] - level.iloc[0]) * np.pi * 8**2 / (8 * 24)
    assert into_ab + flow["PUMP_1"].mean() - filling == pytest.approx(use["AB"].mean() + use["C"].mean() + leak, abs=0.5)


@pytest.mark.slow
def test_a_made_folder_reads_like_the_others(town: Path) -> None:
    told = _ltown.scada(town, 2018)
    _ltown.sites(told).check(_ltown.network(town))
    assert (len(told.pressure.ids), len(told.flow.ids), told.pressure.steps) == (33, 3, 8 * 288)
    assert told.pressure.unit_values().min() > 20
    assert told.consumption is not None
    assert len(told.consumption.ids) == 82


@pytest.mark.slow
def test_the_same_seed_makes_the_same_readings(nominal: Network, tmp_path: Path) -> None:
    for name in ("a", "b"):
        _truths.make(5, tmp_path / name, days=1)
    for part in ("pressures_m", "flows_m3h", "amr_Lh_30min"):
        pd.testing.assert_frame_equal(*(_ltown.readings(tmp_path / name, 2018, part) for name in ("a", "b")))


@pytest.mark.slow
def test_a_made_town_is_as_noisy_as_the_given_one(nominal: Network) -> None:
    given, made = truths.run(Namespace(quick=True, seed=1, count=1))["truths"]
    assert (given["name"], given["ceiling_eur"]) == ("ltown_r", 523_154)
    assert 0.5 < made["demand_noise_5min_pct"] / given["demand_noise_5min_pct"] < 2
    assert 0.4 < made["pressure_step_at_night_mm"] / given["pressure_step_at_night_mm"] < 2.5
    assert 0.3 < made["nominal_misfit_mm"] / given["nominal_misfit_mm"] < 6  # pipes may be older than L-TOWN-R's
