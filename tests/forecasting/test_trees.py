"""LightGBM is the oracle: every answer must have its bits."""

import subprocess
import sys

import lightgbm as lgb
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import learning, trees

FEATURES = 5
EDGY = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-35, -1e-35, 1e-36, 1e-45, 3.4e38, -3.4e38]


def grown(x: np.ndarray, rounds: int = 12, **params: object) -> lgb.Booster:
    rng = np.random.default_rng(3)
    y = np.nan_to_num(x[:, 0]) * 2 + np.sin(3 * np.nan_to_num(x[:, 1])) + np.isnan(x[:, 2]) + 0.1 * rng.normal(size=len(x))
    if params.get("objective") == "binary":
        y = y > 0
    given = {"objective": "l1", "num_leaves": 31, "max_bin": 127, "verbosity": -1, "num_threads": 1, "deterministic": True} | params
    return lgb.train(given, lgb.Dataset(x, y.astype(np.float32)), rounds)


def rows(missing: float, seed: int = 0, count: int = 3_000) -> np.ndarray:
    """Features with zeros, ties and a share of missing values; the last one is constant."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, FEATURES)).astype(np.float32)
    x[:, 1] = np.round(x[:, 1], 1)
    x[rng.random(x.shape) < 0.1] = 0
    x[rng.random(x.shape) < missing] = np.nan
    x[:, 4] = 7
    return x


@pytest.fixture(scope="module")
def boosters() -> dict[str, lgb.Booster]:
    return {
        "missing while learning": grown(rows(0.2)),
        "nothing missing while learning": grown(rows(0.0)),
        "bagged as in the product": grown(rows(0.05), 30, bagging_fraction=0.8, bagging_freq=1, feature_fraction=0.7, lambda_l2=1.0),
        "deep": grown(rows(0.2), num_leaves=128, min_data_in_leaf=2),
        "many thresholds": grown(rows(0.2), 60, max_bin=250, num_leaves=64),
        "quantile": grown(rows(0.2), objective="quantile", alpha=0.9),
        "nothing to split": grown(rows(0.0), min_data_in_leaf=5_000),
    }


@pytest.fixture(scope="module")
def forests(boosters: dict[str, lgb.Booster]) -> dict[str, trees.Forest]:
    return {name: trees.forest(booster.model_to_string()) for name, booster in boosters.items()}


@pytest.fixture(scope="module")
def ties(forests: dict[str, trees.Forest]) -> dict[str, list[float]]:
    """Values on a threshold and just above it."""
    found = {}
    for name, forest in forests.items():
        at = forest.edges[np.isfinite(forest.edges)]
        found[name] = [*at.tolist(), *np.nextafter(at[at < 1e38], np.float32(np.inf)).tolist()][:400]
    return found


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_every_row_gets_the_bits_of_lightgbm(
    boosters: dict[str, lgb.Booster], forests: dict[str, trees.Forest], ties: dict[str, list[float]], data: st.DataObject
):
    name = data.draw(st.sampled_from(sorted(boosters)))
    value = st.one_of(st.sampled_from([*EDGY, *ties[name]]), st.floats(width=32))
    table = data.draw(st.lists(st.lists(value, min_size=FEATURES, max_size=FEATURES), min_size=1, max_size=8))
    x = np.array(table, np.float32)
    assert np.array_equal(forests[name].predict(x.T), boosters[name].predict(x, num_threads=1))


@pytest.mark.parametrize("count", [1, 511, 512, 513, 5_000])
def test_any_number_of_rows_is_answered(boosters: dict[str, lgb.Booster], forests: dict[str, trees.Forest], count: int):
    for name, booster in boosters.items():
        x = rows(0.3, seed=9, count=count)
        assert np.array_equal(forests[name].predict(x.T), booster.predict(x, num_threads=1)), name


@pytest.mark.parametrize("more", [-1, 1])
def test_other_features_than_it_learned_from_are_refused(forests: dict[str, trees.Forest], more: int):
    with pytest.raises(ValueError, match=f"{FEATURES + more} features, the trees were grown on {FEATURES}"):
        forests["deep"].predict(np.zeros((FEATURES + more, 3), np.float32))


def test_missing_goes_both_ways_within_one_model(boosters: dict[str, lgb.Booster]):
    """Otherwise the tests above would not have tried it."""
    found = trees.forest(boosters["missing while learning"].model_to_string())
    assert {0, 255} <= set(found.missing.tolist())
    assert len(found.feature) > len(set(found.feature.tolist()))


def test_a_threshold_between_two_float32_values_rounds_down():
    assert float(np.float32(-3.1)) == -3.0999999046325684
    below = trees._below(np.array([-3.1000000238418575, 0.5, 1e300, np.inf]))
    assert below.tolist() == [float(np.float32(-3.1000001430511475)), 0.5, float(np.finfo(np.float32).max), np.inf]


@pytest.mark.parametrize(
    "params",
    [
        {"objective": "binary"},
        {"objective": "regression", "boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1},
        {"num_leaves": 200, "min_data_in_leaf": 2},
        {"zero_as_missing": True},
    ],
    ids=["transformed", "averaged", "too many leaves", "zero as missing"],
)
def test_what_it_cannot_read_it_says(params: dict):
    with pytest.raises(trees.NotPlain):
        trees.forest(grown(rows(0.0), 20, **params).model_to_string())


def test_categories_are_left_to_lightgbm():
    x = rows(0.0)
    x[:, 1] = np.round(np.abs(x[:, 1]))
    booster = lgb.train({"objective": "l1", "verbosity": -1}, lgb.Dataset(x, x[:, 1] % 2, categorical_feature=[1]), 5)
    with pytest.raises(trees.NotPlain):
        trees.forest(booster.model_to_string())


def test_without_a_compiler_lightgbm_answers(boosters: dict[str, lgb.Booster], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    with pytest.raises(trees.NotPlain, match="switched off"):
        trees.forest(boosters["deep"].model_to_string())


def test_commands_that_forecast_nothing_do_not_pay_for_the_compiler():
    code = "import sys, service.cli, forecasting.forecast; sys.exit('numba' in sys.modules or 'lightgbm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_trees_give_the_same_bits_before_and_after_the_compiler_takes_over(
    boosters: dict[str, lgb.Booster], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(learning, "SOME_ROWS", 5_000)
    grown_trees = learning.Trees(text=boosters["missing while learning"].model_to_string())
    x = rows(0.3, seed=5)
    first, then = grown_trees.predict(x), grown_trees.predict(x)
    assert "_forest" in grown_trees.__dict__
    assert np.array_equal(first, then)


def test_trees_nobody_can_compile_are_answered_by_lightgbm(boosters: dict[str, lgb.Booster], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(learning, "SOME_ROWS", 0)
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    booster = boosters["missing while learning"]
    x = rows(0.3, seed=5)
    assert np.array_equal(learning.Trees(text=booster.model_to_string()).predict(x), booster.predict(x).astype(np.float32))
