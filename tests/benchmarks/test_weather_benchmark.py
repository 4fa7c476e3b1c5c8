import numpy as np
import pytest

from benchmarks import weather
from tests.benchmarks.test_forecast_benchmarks import measured


def test_errors_of_a_synthetic_forecast_grow_with_the_lead_and_hang_together():
    truth = np.random.default_rng(1).normal(0, 4, (1, 24 * 400)).astype(np.float32)
    issued = 24 * np.arange(390, dtype=np.int64)
    said = weather.vintages(truth, issued, 73, np.random.default_rng(2), 1.0)[0]
    error = (said - truth[0, issued[:, None] + np.arange(73)]) / truth.std()
    assert error[:, 72].std() > 2 * error[:, 1].std()
    assert np.corrcoef(error[:, 30], error[:, 31])[0, 1] > 0.8


@pytest.mark.data
@pytest.mark.slow
def test_the_weather_benchmark_judges_every_case_and_refuses_noise():
    rows = measured("weather")["victoria"]
    assert rows[0]["weather"] == "none"
    assert all("gate_used" in row for row in rows[1:])
    assert not rows[-1]["gate_used"]
