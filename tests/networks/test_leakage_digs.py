"""What a crew finds moves belief by Bayes' rule."""

from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.problems import PenstockError
from networks.leakage.digs import Dig, after_digs

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PIPES = ["p1", "p2", "p3", "p4"]
LENGTH = pd.Series([100.0, 50.0, 10.0, 200.0], PIPES)
EVEN = pd.Series(0.25, PIPES)

shares = st.lists(st.floats(0.001, 1.0), min_size=4, max_size=4).map(lambda w: pd.Series(w, PIPES) / sum(w))
misses = st.builds(Dig, st.sampled_from(PIPES), st.just(NOW), st.just(False), st.none() | st.floats(0.0, 300.0))


def test_nothing_found_on_one_of_four_even_pipes() -> None:
    after = after_digs(EVEN, [Dig("p1", NOW, False)], LENGTH, missed=0.1)
    assert after["p1"] == pytest.approx(0.1 / 3.1)  # 0.25 x 0.1 of 0.775
    assert after["p2"] == pytest.approx(1 / 3.1)


def test_half_a_pipe_looked_at_leaves_the_other_half() -> None:
    after = after_digs(EVEN, [Dig("p1", NOW, False, looked_m=50)], LENGTH, missed=0.1)
    assert after["p1"] / after["p2"] == pytest.approx(0.5 + 0.5 * 0.1)


def test_a_leak_found_is_on_its_pipe_even_where_nobody_expected_it() -> None:
    prior = pd.Series([1.0, 0.0, 0.0, 0.0], PIPES)
    assert after_digs(prior, [Dig("p1", NOW, False), Dig("p3", NOW, True)], LENGTH).to_list() == [0, 0, 1, 0]


@given(shares, st.lists(misses, max_size=5), st.floats(0.01, 0.99), st.randoms(use_true_random=False))
def test_sums_to_one_and_the_order_of_digs_does_not_matter(prior: pd.Series, digs: list[Dig], missed: float, random: object) -> None:
    after = after_digs(prior, digs, LENGTH, missed)
    assert after.sum() == pytest.approx(1.0)
    assert (after >= 0).all()
    shuffled = list(digs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    pd.testing.assert_series_equal(after, after_digs(prior, shuffled, LENGTH, missed))


@given(shares, misses, st.floats(0.01, 0.99))
def test_not_found_never_raises_the_dug_pipe_nor_lowers_another(prior: pd.Series, dig: Dig, missed: float) -> None:
    after = after_digs(prior, [dig], LENGTH, missed)
    others = [pipe for pipe in PIPES if pipe != dig.pipe]
    assert after[dig.pipe] <= prior[dig.pipe] + 1e-12
    assert (after[others] >= prior[others] - 1e-12).all()


@given(shares, st.lists(misses, max_size=3), st.lists(misses, max_size=3))
def test_digs_one_day_after_another_equal_all_at_once(prior: pd.Series, first: list[Dig], second: list[Dig]) -> None:
    stepwise = after_digs(after_digs(prior, first, LENGTH), second, LENGTH)
    pd.testing.assert_series_equal(stepwise, after_digs(prior, first + second, LENGTH))


def test_what_cannot_be_is_told_in_a_sentence() -> None:
    with pytest.raises(PenstockError, match="found on pipes p1, p2; allowed: one pipe"):
        after_digs(EVEN, [Dig("p1", NOW, True), Dig("p2", NOW, True)], LENGTH)
    with pytest.raises(PenstockError, match="dig at pipe p9"):
        after_digs(EVEN, [Dig("p9", NOW, False)], LENGTH)
    with pytest.raises(PenstockError, match="above 0 and below 1"):
        after_digs(EVEN, [], LENGTH, missed=0.0)
