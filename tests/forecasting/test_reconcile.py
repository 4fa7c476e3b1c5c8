"""Forecasts that add up: by hand, against the closed form, and as a law over random trees."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from city.problems import PenstockError
from forecasting.correlation import Correlation, correlation
from forecasting.reconcile import Tree, reconcile, structural, trees

TOWN = {"city": {"north": 1.0, "south": 1.0}, "north": {"a": 1.0, "b": 1.0}, "south": {"c": 1.0, "d": 1.0, "south rest": 1.0}}


def _one(sums: dict) -> Tree:
    (tree,) = trees(sums)
    return tree


def _at(tree: Tree, values: dict[str, float]) -> np.ndarray:
    return np.array([values[name] for name in tree.ids])[:, None, None]


def test_least_squares_shares_the_difference_equally() -> None:
    """Total 10, parts 3 and 6: the missing 1 is shared by three, so 9 2/3 = 3 1/3 + 6 1/3."""
    tree = _one({"total": {"a": 1.0, "b": 1.0}})
    said = reconcile(tree, _at(tree, {"total": 10, "a": 3, "b": 6}), np.ones((3, 1)))[:, 0, 0]
    assert said == pytest.approx([29 / 3, 10 / 3, 19 / 3])


def test_what_is_certain_stays_and_the_uncertain_gives_way() -> None:
    """The total is certain, b errs twice as much as a: of the missing 1, b takes 4/5 (variances 4 and 1)."""
    tree = _one({"total": {"a": 1.0, "b": 1.0}})
    said = reconcile(tree, _at(tree, {"total": 10, "a": 3, "b": 6}), np.array([[0.0], [1.0], [2.0]]))[:, 0, 0]
    assert said == pytest.approx([10, 3.2, 6.8])


def test_bottom_up_is_the_case_of_certain_parts() -> None:
    tree = _one({"total": {"a": 1.0, "b": 1.0}})
    said = reconcile(tree, _at(tree, {"total": 10, "a": 3, "b": 6}), np.array([[1.0], [0.0], [0.0]]))[:, 0, 0]
    assert said == pytest.approx([9, 3, 6])
    nothing_moves = reconcile(tree, _at(tree, {"total": 10, "a": 3, "b": 6}), np.zeros((3, 1)))[:, 0, 0]
    assert nothing_moves == pytest.approx([9, 3, 6])


def test_generation_behind_a_net_meter_is_subtracted() -> None:
    """Net 4, load 10, sun 5: 10 - 5 is 1 more than 4; each gives a third: 4 1/3 = 9 2/3 - 5 1/3."""
    tree = _one({"net": {"load": 1.0, "sun": -1.0}})
    said = reconcile(tree, _at(tree, {"net": 4, "load": 10, "sun": 5}), np.ones((3, 1)))[:, 0, 0]
    assert said == pytest.approx([13 / 3, 29 / 3, 16 / 3])


def test_errors_that_go_together_move_together() -> None:
    """With W known, minimum trace is S (S' W^-1 S)^-1 S' W^-1 y (the other form of the same estimator, by plain inverses)."""
    tree = _one(TOWN)
    rng = np.random.default_rng(3)
    n = len(tree.ids)
    past = correlation(rng.standard_normal((n, 40, 6)) @ np.diag([1, 0.9, 0.8, 0.7, 0.6, 0.5]) + rng.standard_normal((1, 40, 6)))
    spread = rng.uniform(0.5, 3, (n, 4))
    y = rng.uniform(5, 20, (n, 3, 4))
    said = reconcile(tree, y, spread, past)
    summing = tree.summing.toarray()
    dense = past.shrunk * np.eye(n) + (1 - past.shrunk) * past.z.T @ past.z
    for step in range(4):
        inverse = np.linalg.inv(spread[:, step, None] * dense * spread[:, step])
        closed = summing @ np.linalg.solve(summing.T @ inverse @ summing, summing.T @ inverse @ y[:, :, step])
        assert said[:, :, step] == pytest.approx(closed, rel=1e-9)


def test_shrinkage_is_that_of_schaefer_and_strimmer_taken_pair_by_pair() -> None:
    """The sums over all pairs, written out with the n x n matrices that the product never forms; one error per origin is their own case."""
    z = np.random.default_rng(5).standard_normal((5, 12, 1)) + 0.7 * np.random.default_rng(6).standard_normal((1, 12, 1))
    unit = z[:, :, 0] / np.sqrt((z[:, :, 0] ** 2).sum(axis=1, keepdims=True))
    off = ~np.eye(5, dtype=bool)
    each = np.einsum("ic,jc->cij", unit, unit)
    variance = 12 / 11 * ((each - each.mean(axis=0)) ** 2).sum(axis=0)
    assert correlation(z).shrunk == pytest.approx(variance[off].sum() / (each.sum(axis=0)[off] ** 2).sum())


def test_chance_is_shrunk_away_and_what_is_common_is_kept() -> None:
    rng = np.random.default_rng(8)
    alone = rng.standard_normal((30, 28, 12))
    common = alone * 0.3 + rng.standard_normal((1, 28, 12))
    assert correlation(alone).shrunk > 0.7
    assert correlation(common).shrunk < 0.1


@pytest.mark.parametrize("samples", [2, 12])
def test_samples_have_the_correlation_they_are_drawn_with(samples: int) -> None:
    """Also with fewer errors than series, where the covariance itself is not of full rank."""
    rng = np.random.default_rng(9)
    past = correlation(rng.standard_normal((9, 3, samples)) * 0.4 + rng.standard_normal((1, 3, samples)))
    dense = past.shrunk * np.eye(9) + (1 - past.shrunk) * past.z.T @ past.z
    assert past.times(np.eye(9)) == pytest.approx(dense)
    assert np.cov(past.draw(np.random.default_rng(1), 100_000)) == pytest.approx(dense, abs=0.02)


def test_usage_stays_at_or_above_zero_and_still_adds_up() -> None:
    """Total 1, parts 0.1 and 5: least squares would take a below zero; it becomes 0 and the total is what b is."""
    tree = _one({"total": {"a": 1.0, "b": 1.0}})
    said = reconcile(tree, _at(tree, {"total": 1, "a": 0.1, "b": 5}), np.ones((3, 1)), nonnegative=np.ones(3, bool))[:, 0, 0]
    assert said[1] == 0
    assert said[0] == said[2] > 0


def test_every_series_stays_where_it_is_when_all_adds_up_already() -> None:
    tree = _one(TOWN)
    bottom = np.random.default_rng(1).uniform(0, 9, (5, 6))
    values = (tree.summing @ bottom).reshape(8, 2, 3)
    assert reconcile(tree, values, np.ones((8, 3))) == pytest.approx(values, rel=1e-12)


def test_structural_spread_is_the_root_of_the_number_of_parts() -> None:
    tree = _one(TOWN)
    assert tree.ids[:3] == ("city", "north", "south")
    assert structural(tree) ** 2 == pytest.approx([5, 2, 3, 1, 1, 1, 1, 1])


def test_sums_that_have_nothing_in_common_are_trees_of_their_own() -> None:
    assert [tree.ids for tree in trees(TOWN | {"water": {"dma-a": 1.0, "dma-b": 1.0}})] == [
        ("city", "north", "south", "a", "b", "c", "d", "south rest"),
        ("water", "dma-a", "dma-b"),
    ]


@pytest.mark.parametrize(
    ("sums", "told"),
    [({"a": {"b": 1.0}, "b": {"a": 1.0}}, "a part of itself"), ({"a": {"a": 1.0}}, "a part of itself"), ({"a": {}}, "has no parts")],
)
def test_a_sum_in_a_circle_or_of_nothing_is_refused(sums: dict, told: str) -> None:
    with pytest.raises(PenstockError, match=told):
        trees(sums)


def test_a_forecast_that_is_not_a_number_is_refused() -> None:
    tree = _one({"total": {"a": 1.0}})
    with pytest.raises(PenstockError, match="not finite"):
        reconcile(tree, np.array([[[np.nan]], [[1.0]]]), np.ones((2, 1)))


@some.composite
def _towns(draw: some.DrawFn) -> tuple[Tree, np.random.Generator]:
    """A random tree of up to three levels; parts may be subtracted, and bottom series may stand in several sums."""
    rng = np.random.default_rng(draw(some.integers(0, 2**32)))
    leaves = [f"m{i}" for i in range(draw(some.integers(2, 30)))]
    level, sums = leaves, {}
    for depth in range(draw(some.integers(1, 3))):
        parents = [f"s{depth}.{i}" for i in range(max(1, len(level) // 3))]
        for i, parent in enumerate(parents):
            sums[parent] = {part: float(rng.choice([1, 1, 1, -1])) for part in level[i :: len(parents)]}
        level = parents
    sums["all"] = dict.fromkeys(leaves, 1.0)
    return trees(sums)[0], rng


@given(_towns(), some.booleans(), some.sampled_from([1e-3, 1.0, 1e6]))
@settings(max_examples=60, deadline=None)
def test_paths_add_up_whatever_the_tree_the_bands_and_the_unit(town: tuple[Tree, np.random.Generator], mint: bool, unit: float) -> None:
    tree, rng = town
    n = len(tree.ids)
    y = unit * rng.lognormal(0, 2, (n, 3, 2))
    spread = unit * rng.lognormal(0, 2, (n, 2)) * (rng.random((n, 2)) > 0.2)
    past = correlation(rng.standard_normal((n, 10, 4))) if mint else None
    said = reconcile(tree, y, spread, past, nonnegative=np.ones(n, bool))
    assert tree.incoherence(said) <= 1e-9
    assert (said[tree.bottom] >= 0).all()


def test_ten_thousand_meters_stay_sparse() -> None:
    """200 feeders of 50 meters, 10 substations, one city."""
    sums = {f"f{f}": {f"m{f}.{m}": 1.0 for m in range(50)} for f in range(200)}
    sums |= {f"s{s}": {f"f{f}": 1.0 for f in range(s * 20, s * 20 + 20)} for s in range(10)} | {"city": {f"s{s}": 1.0 for s in range(10)}}
    tree = _one(sums)
    y = np.random.default_rng(2).uniform(0, 5, (len(tree.ids), 3, 4))
    said = reconcile(tree, y, np.ones((len(tree.ids), 4)), Correlation(np.zeros((1, len(tree.ids))), 0.5))
    assert tree.constraint.nnz == 10_000 + 200 + 10 + 211
    assert tree.incoherence(said) <= 1e-12
