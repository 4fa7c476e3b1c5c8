import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import bwdf, data_folder
from city.problems import PenstockError


def measured(name: str) -> dict:
    try:
        data_folder("load")
    except PenstockError as error:
        pytest.skip(str(error))
    done = subprocess.run([sys.executable, "-m", "benchmarks", name, "--json", "--quick"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.data
@pytest.mark.slow
def test_the_load_benchmark_prints_its_keys_and_never_crosses():
    figures = measured("load")
    keys = {
        "series",
        "rmae_d1",
        "rmae_d2",
        "rcrps_d1",
        "rcrps_d2",
        "cov80_pooled",
        "cov80_by_group",
        "cov_err",
        "fit_cpu_s",
        "predict_cpu_s",
    }
    assert keys <= set(figures)
    assert figures["crossings"] == 0
    assert [r["name"].split()[0] for r in figures["rivals"]] == ["seasonal", "mean", "holt-winters", "mlforecast"]


@pytest.mark.data
@pytest.mark.slow
def test_the_water_benchmark_ranks_itself_beside_the_published_teams():
    figures = measured("bwdf")
    assert 1 <= figures["virtual_rank"] <= 32
    assert len(figures["weeks"]) == 4
    assert figures["pi1"] < next(r for r in figures["rivals"] if r["name"] == "naive")["pi1"]


@pytest.mark.data
@pytest.mark.slow
def test_the_scale_benchmark_answers_every_series_with_bands_that_do_not_cross():
    figures = measured("forecast_scale")
    assert [scale["series"] for scale in figures["scales"]] == [60, 120]
    for scale in figures["scales"]:
        assert {"fit_cpu_s", "predict_cpu_s", "series_days_per_cpu_s", "peak_rss_mb"} <= set(scale)
        assert scale["sound"]
    assert {"predict_cpu_s_exponent", "peak_rss_mb_exponent"} <= set(figures)


def test_indicators_are_day_one_mean_day_one_worst_and_the_rest():
    truth = np.zeros((1, 168))
    said = np.zeros((1, 168))
    said[0, 3] = 24.0
    said[0, 100] = 144.0
    assert bwdf.indicators(truth, said).tolist() == [[1.0, 24.0, 1.0]]


def test_the_better_forecast_of_two_ranks_first_in_every_cell_and_a_missing_one_last():
    ours = np.full((1, 1, 3), 1.0)
    teams = np.stack([np.full((1, 1, 3), 2.0), np.full((1, 1, 3), np.nan)])
    assert bwdf.ranked(ours, teams).tolist() == [3.0, 6.0, 9.0]


@pytest.mark.data
@pytest.mark.slow
def test_the_hierarchy_benchmark_adds_up_on_both_trees():
    figures = measured("hierarchy")
    for town in ("load", "water"):
        methods = [row["method"] for row in figures[town]["rmae"]]
        assert methods == ["base", "bottom-up", "ols", "wls-structural", "wls", "mint"]
        assert figures[town]["incoherence"]["base"] > 1e-4
        assert max(v for name, v in figures[town]["incoherence"].items() if name != "base") <= 1e-9
        drawn = {row["paths"]: row for row in figures[town]["joint"]}
        assert drawn["together"]["crps_of_day_sum"] < 1.05 * drawn["independent"]["crps_of_day_sum"]  # few days in a quick run
        assert 0 <= figures[town]["peaks"]["brier_together"] <= 1
    assert figures["sizes"][0]["incoherence"] <= 1e-9
