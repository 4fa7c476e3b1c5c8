"""What the parts of the figures are given, and what they give."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from service.settings import LoadedCity

Sample = tuple[str, tuple[str, ...], float]  # name without `penstock_`, values of the labels, value
Samples = Iterable[Sample]


@dataclass(frozen=True)
class Asked:
    """One reading of the figures: the city, an open transaction, and now."""

    city: LoadedCity
    connection: Connection
    now_utc: datetime

    def age_s(self, time: datetime) -> float:
        return (self.now_utc - time).total_seconds()
