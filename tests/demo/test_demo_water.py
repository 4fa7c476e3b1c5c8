"""The water of the composed city: inflows, pressures, two leaks and a drifting sensor are what the texts beside them promise."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from demo import water
from demo.make import Made, make
from networks.water import Network

ROME = "Europe/Rome"
LIVE = pd.Timestamp("2022-06-15", tz=ROME).tz_convert("UTC")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("demo-water"))


def table(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path).set_index("time_utc")


def history(made: Made, name: str) -> pd.DataFrame:
    return table(made.folder / "history" / f"{name}.parquet")


@pytest.mark.slow
def test_missing_district_hours_stay_missing(made: Made) -> None:
    published = water.inflows().loc[history(made, "water_districts").index]
    stored = history(made, "water_districts")
    assert (stored.isna().to_numpy() == published.isna().to_numpy()).all()
    assert stored.isna().to_numpy().sum() > 100
    more = stored.to_numpy() - published.to_numpy()
    slow = published.columns.get_loc(water.SLOW_ZONE)
    assert np.nanmax(np.abs(np.delete(more, slow, axis=1))) < 1e-6
    began = pd.Timestamp(json.loads(made.truth.read_text())["slow_leak"]["start_utc"])
    assert np.nanmax(np.abs(more[stored.index < began, slow])) < 1e-6
    assert np.nanmean(more[-24:, slow]) == pytest.approx(water.SLOW_M3_PER_H, rel=0.15)


@pytest.mark.slow
def test_water_is_kept(made: Made) -> None:
    """Pumped volume = drawn volume + what the tanks took, over two weeks of June; EPANET's own balance is the rest."""
    start = pd.Timestamp("2022-06-01", tz=ROME).tz_convert("UTC")
    pumped = history(made, "water_sources").loc[start:].to_numpy().sum()
    drawn = water.without_gaps(water.inflows()).loc[start : LIVE - pd.Timedelta("1h")].to_numpy().sum()
    slow = f"{water.SLOW_ZONE}.volume"
    drawn += (history(made, "water_districts")[slow] - water.inflows()[water.SLOW_ZONE]).loc[start:].sum()
    levels = history(made, "levels").loc[start:]
    area = Network.named("Net3").tanks.set_index("id")["area_m2"].loc[["1", "2", "3"]].to_numpy()
    stored = (levels.iloc[-1] - levels.iloc[0]).to_numpy() @ area
    assert abs(pumped - drawn - stored) < 0.005 * pumped


@pytest.mark.slow
def test_pressures_are_finite_and_serve_every_sensor(made: Made) -> None:
    for part in (history(made, "pressures"), table(made.live).filter(like=".pressure")):
        assert np.isfinite(part.to_numpy()).all()
        assert part.min().min() > 15.0
        assert part.shape[1] == 12


@pytest.mark.slow
def test_the_burst_is_in_the_truth_and_in_the_readings_and_starts_on_the_live_afternoon(made: Made) -> None:
    truth = json.loads(made.truth.read_text())["burst"]
    start = pd.Timestamp(truth["start_utc"])
    assert start.tz_convert(ROME).strftime("%Y-%m-%d %H") == "2022-06-15 15"
    assert 60 <= truth["mean_flow_m3_per_h"] <= 120
    flow = table(made.live)[f"{truth['zone']}.flow"]
    usual = water.without_gaps(water.inflows())[truth["zone"]].reindex(flow.index.floor("h")).to_numpy()
    extra = flow - usual
    assert extra.loc[: start - pd.Timedelta("1s")].abs().max() < 1e-6
    assert extra.loc[start:].min() > 60
    pressure = table(made.live)["p-147.pressure"]
    assert pressure.loc[start:].mean() < pressure.loc[: start - pd.Timedelta("1s")].mean()


@pytest.mark.slow
def test_the_drifting_sensor_leaves_its_neighbours_by_a_known_amount(made: Made) -> None:
    """Beside p-197 in the same district: the daily median of their difference moves by 11.5 days of 0.08 m."""
    pressure = history(made, "pressures")
    apart = (pressure[f"{water.DRIFTS}.pressure"] - pressure["p-197.pressure"]).resample("D").median()
    before = apart[apart.index < LIVE - pd.Timedelta(days=water.DRIFT_DAYS + 1)].median()
    assert apart.iloc[-2] - before == pytest.approx(water.DRIFT_M_PER_DAY * (water.DRIFT_DAYS - 0.5), abs=0.2)
