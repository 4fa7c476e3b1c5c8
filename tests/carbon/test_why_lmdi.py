"""Index decomposition: worked answers, zeros as limits, and laws."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from carbon.why.lmdi import chained, decompose, effects, log_mean, log_ratio
from city.problems import PenstockError

GOLDEN = Path(os.environ.get("PENSTOCK_DATA", "../shared/data")) / "carbon" / "golden_vectors.json"
_POSITIVE = arrays(np.float64, (4, 6), elements=st.floats(1e-3, 1e3))


def golden(name: str) -> dict:
    if not GOLDEN.exists():
        pytest.skip(f"{GOLDEN} is not there")
    return json.loads(GOLDEN.read_text())[name]


def random_cases(n: int, seed: int, zeros: float) -> tuple[np.ndarray, np.ndarray]:
    """float64[4, n, 5] twice: magnitudes over eight decades, a share of zeros."""
    rng = np.random.default_rng(seed)
    pair = [10 ** rng.uniform(-4, 4, (4, n, 5)) for _ in range(2)]
    for one in pair:
        one[rng.random(one.shape) < zeros] = 0.0
    return pair[0], pair[1]


def test_published_commercial_buildings_of_china_to_their_digits():
    case = golden("lmdi_pylmdi_china_commercial_2017_2018")
    names = list(case["factors0"])
    made = decompose(names, *(np.array([[float(case[key][name])] for name in names]) for key in ("factors0", "factorsT")))
    assert [made.start, made.end] == pytest.approx([float(value) for value in case["input_MtCO2"]], rel=1e-12)
    for name, expected in case["additive"].items():
        digits = len(expected.split(".")[1])
        assert round(made.additive[name], digits) == float(expected), name
    assert round(made.end - made.start, 10) == float(case["sum"])


def test_a_sector_that_appears_takes_its_analytic_limit_and_not_a_small_value():
    case = golden("lmdi_zero_case")
    output, energy = (np.array([case[f"{kind}0"], case[f"{kind}T"]], float) for kind in "QE")
    years = []
    for q, e in zip(output, energy, strict=True):
        intensity = np.divide(e, q, out=np.full(4, np.nan), where=q > 0)
        years.append(np.array([np.full(4, q.sum()), q / q.sum(), intensity]))
    made = decompose(("activity", "structure", "intensity"), *years)
    for name in made.factors:
        assert made.additive[name] == pytest.approx(float(case["additive_limits"][name]), rel=5e-10)
        assert made.multiplicative[name] == pytest.approx(float(case["multiplicative_limits"][name]), rel=5e-10)
    assert made.effects.sum() == pytest.approx(7, rel=1e-14)
    # 1e-100 instead of zero is 0.0038 away: the reason for the limits.
    assert float(case["delta_1e-100_additive"]["activity"]) - made.additive["activity"] == pytest.approx(0.0038, abs=1e-4)


@pytest.mark.parametrize(
    ("v0", "vt", "x0", "xt", "expected"),
    [  # Ang and Liu 2007: V before and after, the factor before and after, its effect
        (0, 6, 0, 2, 6.0),
        (6, 0, 2, 0, -6.0),
        (0, 6, 2, 2, 0.0),
        (6, 0, 2, 3, 0.0),
        (0, 0, 2, 3, 0.0),
        (0, 0, 0, 0, 0.0),
        (0, 0, 2, 0, 0.0),
        (0, 0, 0, 2, 0.0),
    ],
)
def test_each_of_the_eight_cases_of_zeros(v0, vt, x0, xt, expected):
    """The other factor makes the product what the case says."""
    other = [0.0 if v == 0 and x else (v / x if x else 3.0) for v, x in ((v0, x0), (vt, xt))]
    made = effects(np.array([[float(x0)], [other[0]]]), np.array([[float(xt)], [other[1]]]))
    assert made[0, 0] == expected
    assert made.sum() == vt - v0


def test_the_limit_is_where_ever_smaller_values_go():
    """ln converges slowly: the distance to the limit falls as 1 / ln(1/delta)."""
    after = np.array([[2.0], [3.0], [5.0]])
    exact = effects(np.array([[0.0], [3.0], [4.0]]), after)[:, 0]
    distance = [np.abs(effects(np.array([[10.0**-n], [3.0], [4.0]]), after)[:, 0] - exact).max() * n for n in (50, 100, 200, 300)]
    assert distance[0] < 30
    assert max(distance) / min(distance) < 1.05


def test_residual_stays_below_1e_12_on_100_000_random_cases_with_zeros():
    worst = 0.0
    for seed, zeros in ((1, 0.0), (2, 0.1), (3, 0.4), (4, 0.9)):
        before, after = random_cases(25_000, seed, zeros)
        total = [one.prod(axis=0).sum(axis=1) for one in (before, after)]
        made = effects(before, after).sum(axis=(0, 2))
        larger = np.maximum(*total)
        worst = max(worst, float((np.abs(made - (total[1] - total[0])) / np.where(larger > 0, larger, 1.0)).max()))
    print(f"worst relative residual of 100,000 cases: {worst:.2e}")  # noqa: T201 - the figure of docs/decomposition.md (pytest -s)
    assert 0 < worst < 1e-12


def test_residual_stays_below_1e_12_where_almost_nothing_changed():
    rng = np.random.default_rng(7)
    before = 10 ** rng.uniform(-4, 4, (4, 10_000, 5))
    after = before * (1 + 10 ** rng.uniform(-16, -1, before.shape))
    change = after.prod(axis=0).sum(axis=1) - before.prod(axis=0).sum(axis=1)
    assert (np.abs(effects(before, after).sum(axis=(0, 2)) - change) / before.prod(axis=0).sum(axis=1)).max() < 1e-12


@given(_POSITIVE, _POSITIVE)
@settings(max_examples=60, deadline=None)
def test_effects_of_groups_add_up_to_those_of_the_whole(before, after):
    """Consistency in aggregation, and time reversal."""
    names = ("a", "b", "c", "d")
    whole = decompose(names, before, after)
    parts = [decompose(names, before[:, cut], after[:, cut]) for cut in (slice(0, 2), slice(2, 5), slice(5, 6))]
    scale = max(whole.start, whole.end)
    for name in names:
        assert sum(part.additive[name] for part in parts) == pytest.approx(whole.additive[name], abs=1e-12 * scale)
        weights = [float(log_mean(np.float64(p.end), np.float64(p.start)) / log_mean(whole.end, whole.start)) for p in parts]
        joined = math.prod(part.multiplicative[name] ** w for part, w in zip(parts, weights, strict=True))
        assert joined == pytest.approx(whole.multiplicative[name], rel=1e-10)
    assert math.prod(whole.multiplicative.values()) == pytest.approx(whole.end / whole.start, rel=1e-11)
    assert effects(after, before) == pytest.approx(-effects(before, after), rel=1e-12, abs=1e-12 * scale)
    assert whole.residual < 1e-12


def test_a_chain_adds_up_to_the_change_between_its_ends():
    years = 10 ** np.random.default_rng(3).uniform(-2, 2, (5, 3, 4))
    steps = chained(("a", "b", "c"), years)
    assert len(steps) == 4
    assert sum(step.effects.sum() for step in steps) == pytest.approx(years[4].prod(axis=0).sum() - years[0].prod(axis=0).sum(), rel=1e-12)
    assert [step.start for step in steps[1:]] == [step.end for step in steps[:-1]]


def test_logarithms_keep_their_digits_where_numbers_are_close():
    near = np.nextafter(1.0, 2.0)
    assert log_ratio(np.float64(near), np.float64(1.0)) == pytest.approx(2.0**-52, rel=1e-15)
    assert log_mean(np.float64(near), np.float64(1.0)) == pytest.approx(1 + 2.0**-53, rel=1e-15)
    assert log_mean(np.float64(7.5), np.float64(7.5)) == 7.5
    assert log_mean(np.float64(0.0), np.float64(7.5)) == 0.0
    assert log_mean(np.float64(math.e), np.float64(1.0)) == pytest.approx(math.e - 1, rel=1e-15)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ([[-1.0], [2.0]], "a factor of -1; allowed: zero or more"),
        ([[np.inf], [2.0]], "a factor of inf"),
        ([[1.2e308], [1e-300]], "a factor of 1.2e\\+308; allowed: zero or more, at most 1e\\+300"),  # 1.2e308 + 1.2e308 is infinite
        ([[np.nan], [2.0]], "an undefined factor in a product that is not zero"),
        ([[1e-200], [1e-200]], "beyond the range of float64"),
    ],
)
def test_what_has_no_logarithm_is_refused_with_a_sentence(before, words):
    with pytest.raises(PenstockError, match=words):
        effects(np.array(before), np.array([[1.0], [2.0]]))


def test_a_ratio_from_zero_is_refused_while_the_difference_is_told():
    made = decompose(("a", "b"), np.array([[0.0], [2.0]]), np.array([[3.0], [2.0]]))
    assert made.additive == {"a": 6.0, "b": 0.0}
    with pytest.raises(PenstockError, match="from 0 to 6; allowed: both above zero for ratios"):
        _ = made.multiplicative
