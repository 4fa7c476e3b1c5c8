"""What the leak watch tells: a report worth a crew, and the list of leaks believed to run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pandas as pd

Kind = Literal["burst", "slow"]


@dataclass(frozen=True)
class Report:
    """Send a crew: `pipe` is where the expected distance to the leak is least, `posterior` the probability of every pipe (sums to 1)."""

    leak_id: str
    detected_utc: datetime
    start_utc: datetime
    kind: Kind
    pipe: str
    size_m3_per_h: float
    worth: str
    posterior: pd.Series


@dataclass
class ActiveLeak:
    """A leak believed to run: its effect is taken off what is expected, so that it hides no other.

    `posterior` is the probability of each pipe; `reported_utc` None while it is not yet worth a crew.
    """

    leak_id: str
    start_utc: datetime
    kind: Kind
    size_m3_per_h: float
    size_sd_m3_per_h: float
    pipe: str
    posterior: pd.Series
    reported_utc: datetime | None = None
