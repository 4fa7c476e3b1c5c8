"""Water quality of the composed city: two stations with made signals, and muddy river water on the evening of the live day.

Every signal is a level that swings with the day and wanders slowly, plus the noise of its sensor. Nothing of it is measured anywhere.
"""

import numpy as np
import pandas as pd

# station -> signal -> (level, swing over the day, step of its slow wandering, noise), in the units of the register map water-quality
STATIONS = {
    "wq-river": {
        "chlorine": (0.62, 0.05, 0.003, 0.008),
        "turbidity": (0.16, 0.02, 0.002, 0.006),
        "ph": (7.58, 0.04, 0.002, 0.010),
        "conductivity": (412.0, 6.0, 0.4, 1.0),
    },
    "wq-centre": {
        "chlorine": (0.34, 0.08, 0.003, 0.008),
        "turbidity": (0.22, 0.03, 0.002, 0.006),
        "ph": (7.66, 0.03, 0.002, 0.010),
        "conductivity": (425.0, 4.0, 0.4, 1.0),
    },
}
MUDDY = "wq-river"  # after rain: turbidity climbs, chlorine is used up
MUDDY_AFTER = pd.Timedelta(hours=23, minutes=30)  # of local midnight of the live day
_CHANGE = {"turbidity": 0.45, "chlorine": -0.22}
_CLIMB = 4  # steps that it takes
_FORGETS = 0.98  # of the wandering, per step


def signals(times: pd.DatetimeIndex, live: pd.Timestamp, seed: int) -> pd.DataFrame:
    """Every signal at every time, one column per point; drawn apart from the rest of the city, which so stays as it is."""
    rng = np.random.default_rng([seed, 7])
    hours = ((times - times[0]) / pd.Timedelta("1h")).to_numpy()
    climbed = np.clip(((times - (live + MUDDY_AFTER)) / pd.Timedelta("15min")).to_numpy() / _CLIMB, 0.0, 1.0)
    made = {}
    for station, kinds in STATIONS.items():
        for kind, (level, swing, wander, noise) in kinds.items():
            slow = pd.Series(rng.normal(0, wander, len(times))).ewm(alpha=1 - _FORGETS, adjust=False).mean().to_numpy() / (1 - _FORGETS)
            value = level + swing * np.sin(2 * np.pi * hours / 24) + slow + rng.normal(0, noise, len(times))
            made[f"{station}.{kind}"] = value + (_CHANGE.get(kind, 0.0) * climbed if station == MUDDY else 0.0)
    return pd.DataFrame(made, index=times).clip(lower=0).round(3)
