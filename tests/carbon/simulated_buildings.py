"""Buildings whose use per day is known: temperatures of a year and noise that remembers the day before."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
from scipy.signal import lfilter

FIRST = date(2023, 1, 1)


def remembering(rng: np.random.Generator, n: int, share: float) -> np.ndarray:
    """AR(1) noise of unit variance."""
    fresh = rng.standard_normal(n) * np.sqrt(1 - share**2)
    fresh[0] = rng.standard_normal()
    return lfilter([1.0], [1.0, -share], fresh)


def temperatures(rng: np.random.Generator, n: int) -> np.ndarray:
    """Daily means [degC]: a season around 12 and weather of some days."""
    return 12 - 11 * np.cos(2 * np.pi * np.arange(n) / 365) + 3 * remembering(rng, n, 0.7)


def use(kind: str, degc: np.ndarray, heating: float = 13.0, cooling: float = 19.0, slopes: tuple[float, float] = (6.0, 5.0)) -> np.ndarray:
    """Use per day [kWh] without noise."""
    cold, warm = np.maximum(heating - degc, 0), np.maximum(degc - cooling, 0)
    return {
        "1P": 100 + 0 * degc,
        "2P": 140 - 2 * degc,
        "3PH": 100 + slopes[0] * cold,
        "3PC": 100 + slopes[1] * warm,
        "4P": 100 + slopes[0] * cold + 0.3 * slopes[1] * np.maximum(degc - heating, 0),
        "5P": 100 + slopes[0] * cold + slopes[1] * warm,
    }[kind]


def days(degc: np.ndarray, used: np.ndarray, first: date = FIRST) -> pd.DataFrame:
    return pd.DataFrame({"day": [first + timedelta(days=i) for i in range(len(used))], "use": used, "degc": degc})
