"""The benchmark of targets: published figures reproduced, a smoke run prints its keys, and nobody is judged who taught."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks import _promises, data_folder, targets
from carbon.targets.heading import GDP_SPREAD
from city.problems import PenstockError


def drifting(n: int, seed: int = 1) -> dict[str, pd.Series]:
    rng = np.random.default_rng(seed)
    years = pd.RangeIndex(1980, 2023)
    return {f"c{i:02d}": pd.Series(np.cumsum(rng.normal(rng.normal(-0.02, 0.01), 0.03, len(years))), years) for i in range(n)}


def test_halves_share_no_country() -> None:
    teaching, judging = _promises.halves(drifting(9))
    assert not teaching.keys() & judging.keys()
    assert len(teaching) + len(judging) == 9


def test_what_came_after_the_anchor_teaches_nothing() -> None:
    """Changing every value after 2002 changes no constant learned for 2002, and changes those for 2012."""
    told = drifting(6)
    other = {name: one.where(one.index <= 2002, one + 0.5 * (one.index - 2002)) for name, one in told.items()}
    assert _promises.learned(told, 2002, 30) == _promises.learned(other, 2002, 30)
    assert _promises.learned(told, 2012, 30) != _promises.learned(other, 2012, 30)


def test_cases_know_the_past_and_nothing_else() -> None:
    one = {"a": pd.Series(np.arange(10.0), pd.RangeIndex(2000, 2010))}
    (case,) = _promises.cases(one, [2004], 5, 3)
    assert case.logs.tolist() == [[1, 2, 3, 4]]
    assert case.came.tolist() == [5]
    assert _promises.cases(one, [2005], 5, 3) == []


def test_a_straight_line_carries_a_line_on() -> None:
    case = _promises.Cases(np.array([[0.0, -0.1, -0.2, -0.3]]), np.array([-0.5]), 5)
    end, error = _promises.straight_line(case, None)
    assert end == pytest.approx(-0.5)
    assert error == pytest.approx(0, abs=1e-9)


def test_the_mean_change_is_carried_on_from_the_last_value() -> None:
    case = _promises.Cases(np.array([[0.0, -0.1, -0.4]]), np.array([-0.5]), 4)
    end, error = _promises.from_the_last(case, None)
    assert end == pytest.approx(4 * -0.2)
    assert error**2 == pytest.approx(0.02 * 4 * (1 + 4 / 2))  # variance of -0.1 and -0.3


@pytest.mark.data
@pytest.mark.slow
def test_a_smoke_run_reproduces_what_was_published_and_prints_its_keys() -> None:
    try:
        data_folder("carbon")
        data_folder("load")
    except PenstockError as error:
        pytest.skip(str(error))
    done = subprocess.run([sys.executable, "-m", "benchmarks", "targets", "--json", "--quick"], capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["owid_china_years"] == figures["owid_china_years_equal"] == 33
    assert figures["nbs_max_error_points"] <= 0.05
    assert figures["basis_warning_2025"] is True
    assert figures["odds_brier"] < figures["odds_brier_straight_line"]
    assert 0.85 <= figures["odds_cover90"] <= 0.95
    assert figures["nowcast_error_percent"] < figures["nowcast_even_days_error_percent"]


@pytest.mark.data
def test_gdp_carried_on_with_its_last_growth_is_off_by_what_the_interval_allows() -> None:
    try:
        table = pd.read_csv(data_folder("carbon") / "owid_energy_gdp_compact.csv")
    except PenstockError as error:
        pytest.skip(str(error))
    logs = np.log(table[table["country"] == "China"].set_index("year")["gdp_intl2011usd"].loc[1990:].dropna().to_numpy())
    off = [logs[1 + years :] - logs[1:-years] - years * (logs[1:-years] - logs[: -1 - years]) for years in (1, 2)]
    assert [0.0, *(float(np.sqrt((one**2).mean())) for one in off)] == pytest.approx(GDP_SPREAD, abs=5e-4)


@pytest.mark.data
def test_published_changes_are_missed_by_less_than_their_printed_digit() -> None:
    try:
        misses = targets.nbs_misses()
    except PenstockError as error:
        pytest.skip(str(error))
    assert set(misses) == {2010, 2012, 2017, 2018, 2020}
    assert max(map(abs, misses.values())) <= targets.Decimal("0.05")
