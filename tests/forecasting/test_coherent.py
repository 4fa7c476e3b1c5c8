"""A night's forecasts together: what adds up, what keeps its band, and what unlike steps do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from forecasting.coherent import Alone, coherent
from forecasting.reconcile import trees

ORIGINS = np.arange("2022-05-01", "2022-05-29", dtype="datetime64[D]").astype("datetime64[us]")


def _alone(ids: str, step_s: int, bands: list[tuple[float, float, float]], steps: int, seed: int = 1) -> Alone:
    """Series of constant bands whose past errors share half their variance."""
    names = tuple(ids.split())
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((len(names), len(ORIGINS), steps)) + rng.standard_normal((1, len(ORIGINS), steps))
    q = np.repeat(np.array(bands)[:, None], steps, axis=1)
    return Alone(names, step_s, q, ORIGINS, z)


SUMS = {"city": {"a": 1.0, "b": 1.0}}
BANDS = [(80.0, 100.0, 120.0), (20.0, 30.0, 40.0), (50.0, 60.0, 70.0)]


def test_a_band_moves_with_its_p50_and_keeps_its_width() -> None:
    """City 100, parts 30 and 60; squared widths 16 : 4 : 4, so the city gives 2/3 of the missing 10 and each part takes 1/6."""
    made = coherent([_alone("city a b", 900, BANDS, 4)], SUMS, (), (), 50, 1)
    assert made.quantiles["city"][:, 0] == pytest.approx(np.array([80, 100, 120]) - 20 / 3)
    assert made.quantiles["a"][:, 0] == pytest.approx(np.array([20, 30, 40]) + 5 / 3)
    assert made.quantiles["b"][:, 0] == pytest.approx(np.array([50, 60, 70]) + 5 / 3)
    assert made.incoherence <= 1e-12


def test_paths_add_up_one_by_one_and_lie_in_the_band_of_the_forecast() -> None:
    made = coherent([_alone("city a b", 900, BANDS, 24)], SUMS, (), (), 200, 1)
    assert made.paths["city"] == pytest.approx(made.paths["a"] + made.paths["b"], rel=1e-12)
    for name in ("city", "a", "b"):
        low, _, high = made.quantiles[name]
        assert ((made.paths[name] >= low) & (made.paths[name] <= high)).mean() == pytest.approx(0.8, abs=0.05)


def test_quarters_add_up_to_hours_and_keep_their_shape() -> None:
    """A total by the hour of quarters 1, 2, 3, 4 (sum 10) and an hour of 10, forecast as 26: 6 are missing."""
    quarters = _alone("q", 900, [(0.5, 1, 1.5)], 8)
    shape = np.tile([1.0, 2, 3, 4], 2)
    quarters = Alone(quarters.ids, 900, quarters.quantiles * shape[:, None] / np.array([1.0, 1, 1]), ORIGINS, quarters.errors)
    hours = _alone("total h", 3600, [(20.0, 26, 32), (9.0, 10, 11)], 2)
    made = coherent([quarters, hours], {"total": {"q": 1.0, "h": 1.0}}, (), (), 50, 1)
    by_hour = made.quantiles["q"][1].reshape(2, 4)
    assert by_hour.sum(axis=1) + made.quantiles["h"][1] == pytest.approx(made.quantiles["total"][1], rel=1e-12)
    assert by_hour / by_hour[:, :1] == pytest.approx(np.tile([1.0, 2, 3, 4], (2, 1)))
    sums = made.paths["q"].reshape(50, 2, 4).sum(axis=2) + made.paths["h"]
    assert sums == pytest.approx(made.paths["total"], rel=1e-9)


def test_a_series_in_no_sum_keeps_its_forecast_and_gets_paths_only_if_wanted() -> None:
    part = _alone("city a b wind roof", 900, [*BANDS, (1.0, 2.0, 4.0), (0.0, 1.0, 2.0)], 4)
    made = coherent([part], SUMS, {"wind", "nobody"}, (), 50, 1)
    assert made.quantiles["wind"] == pytest.approx(part.quantiles[3].T)
    assert set(made.paths) == {"city", "a", "b", "wind"}
    assert np.quantile(made.paths["wind"], 0.5, axis=0) == pytest.approx(2, rel=0.05)
    assert (made.paths["wind"] >= 0).all()


def test_a_sum_that_misses_a_part_is_left_as_it_is() -> None:
    part = _alone("city a", 900, BANDS[:2], 4)
    made = coherent([part], SUMS, (), (), 50, 1)
    assert made.quantiles["city"] == pytest.approx(part.quantiles[0].T)
    assert not made.paths


def test_what_may_be_zero_still_may_and_the_night_of_the_sun_stays_dark() -> None:
    """P10 of zero stays when P50 rises; a band of zero width does not move at all."""
    part = _alone("city a sun", 900, [(80.0, 100.0, 120.0), (0.0, 30.0, 60.0), (0.0, 0.0, 0.0)], 4)
    made = coherent([part], {"city": {"a": 1.0, "sun": 1.0}}, (), (), 50, 1)
    assert (made.quantiles["a"][0] == 0).all()
    assert (made.quantiles["a"][1] > 30).all()
    assert (made.quantiles["sun"] == 0).all()
    assert (made.paths["sun"] == 0).all()


def test_sums_follow_a_part_that_an_event_changed() -> None:
    """The works of 60 shut down and say 0: the city of 100, forecast without knowing, becomes 30 and the parts stay."""
    made = coherent([_alone("city a b", 900, [BANDS[0], BANDS[1], (0.0, 0.0, 10.0)], 4)], SUMS, (), (), 50, 1, {"b"})
    assert made.quantiles["city"][1] == pytest.approx(30, abs=0.01)
    assert made.quantiles["b"][1] == pytest.approx(0, abs=0.01)


def test_a_net_load_may_fall_below_zero_and_usage_may_not() -> None:
    part = _alone("net load sun", 900, [(-60.0, -40.0, -20.0), (5.0, 10.0, 15.0), (40.0, 55.0, 70.0)], 4)
    made = coherent([part], {"net": {"load": 1.0, "sun": -1.0}}, (), {"net"}, 100, 1)
    assert (made.quantiles["net"][1] < 0).all()
    assert (made.paths["net"] < 0).any()
    assert (made.paths["load"] >= 0).all()


def test_a_feeder_with_more_sun_than_load_behind_it_has_an_ordered_band() -> None:
    """Its meter was taken for usage, but its parts say -20: the sum wins, and P10 does not end above P50."""
    part = _alone("feeder load sun", 900, [(0.0, 0.0, 5.0), (9.0, 10.0, 11.0), (29.0, 30.0, 31.0)], 4)
    made = coherent([part], {"feeder": {"load": 1.0, "sun": -1.0}}, (), (), 50, 1)
    assert made.quantiles["feeder"][1] == pytest.approx(made.quantiles["load"][1] - made.quantiles["sun"][1])
    assert (made.quantiles["feeder"][1] < 0).all()
    assert (np.diff(made.quantiles["feeder"], axis=0) >= 0).all()


@pytest.mark.parametrize("quarters", [(-4.0, -3.0, -2.0, -1.0), (9.0, -3.0, -3.0, -2.0)], ids=["feeding in", "about nothing"])
def test_quarters_of_a_net_load_keep_their_shape_when_its_hours_move(quarters: tuple[float, ...]) -> None:
    """A sum by the hour that asks for more: every quarter moves alike, none is flattened or blown up."""
    net = _alone("net", 900, [(-1.0, 0.0, 1.0)], 8)
    net = Alone(net.ids, 900, net.quantiles + np.tile(quarters, 2)[:, None], ORIGINS, net.errors)
    hours = _alone("total h", 3600, [(20.0, 26, 32), (9.0, 10, 11)], 2)
    made = coherent([net, hours], {"total": {"net": 1.0, "h": 1.0}}, (), {"net", "total"}, 50, 1)
    p50 = made.quantiles["net"][1]
    assert p50.reshape(2, 4).sum(axis=1) + made.quantiles["h"][1] == pytest.approx(made.quantiles["total"][1])
    assert np.ptp(p50 - np.tile(quarters, 2)) < 1e-9


def test_in_a_large_tree_only_sums_and_what_is_wanted_are_sampled() -> None:
    """1,200 meters under 4 feeders: paths of feeders and city add up, those of meters are not drawn."""
    meters = {f"f{f}": {f"m{f}.{m}": 1.0 for m in range(300)} for f in range(4)}
    sums = meters | {"city": {f"f{f}": 1.0 for f in range(4)}}
    (tree,) = trees(sums)
    n = dict.fromkeys(tree.ids, 1.0) | {f"f{f}": 310.0 for f in range(4)} | {"city": 1210.0}
    q = np.array([[[0.7 * n[name], n[name], 1.4 * n[name]]] * 2 for name in tree.ids])
    part = Alone(tree.ids, 900, q, ORIGINS[:2], np.zeros((len(tree.ids), 2, 2)))
    made = coherent([part], sums, {"m0.0"}, (), 20, 1)
    assert set(made.paths) == {"f0", "f1", "f2", "f3", "city", "m0.0"}
    assert made.paths["city"] == pytest.approx(sum(made.paths[f"f{f}"] for f in range(4)), rel=1e-9)
    assert sum(made.quantiles[f"f{f}"][1, 0] for f in range(4)) == pytest.approx(made.quantiles["city"][1, 0], rel=1e-12)


@given(some.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_whatever_was_forecast_bands_are_ordered_and_sums_hold(seed: int) -> None:
    rng = np.random.default_rng(seed)
    q = np.sort(rng.lognormal(0, 2, (4, 3, 3)) * (rng.random((4, 3, 3)) > 0.2), axis=2)
    z = np.where(rng.random((4, len(ORIGINS), 3)) < 0.2, np.nan, rng.standard_normal((4, len(ORIGINS), 3)))
    sums = {"city": {"f": 1.0, "c": 1.0}, "f": {"a": 1.0}}
    made = coherent([Alone(("city", "f", "a", "c"), 900, q, ORIGINS, z)], sums, (), (), 30, seed)
    assert made.incoherence <= 1e-9
    for band in made.quantiles.values():
        assert (np.diff(band, axis=0) >= 0).all()
        assert (band >= 0).all()
