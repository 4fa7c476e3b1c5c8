"""The work of a night in shares: keys that any process can take, and what it gives back."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city.problems import Problem
from forecasting.coherent import Alone
from forecasting.groups import FOLLOWS_THE_SKY
from service.forecasts import judging
from service.forecasts.series import Group, Place

SERIES_PER_CHUNK = 500
"""Bounds the memory of one task."""


def shared_out(group: Group, ids: Sequence[str], asked: Collection[str]) -> Iterator[tuple[str, ...]]:
    """The asked ones of a group's series `ids`, by the chunk, the same chunks whoever is asked.

    Plants stay together: each is forecast from what the others of its group see of the sky. Load and water do not depend on who else is
    asked; bands of heat, gas, charging and net load borrow from the chunk's other series, so for the same bits all of it is asked.
    """
    most = len(ids) if group.kind in FOLLOWS_THE_SKY else SERIES_PER_CHUNK
    for at in range(0, len(ids), max(most, 1)):
        some = tuple(name for name in ids[at : at + most] if name in asked)
        if some:
            yield some


@dataclass(frozen=True)
class Chunk:
    """The key of one share of the work."""

    place: Place
    group: Group
    ids: tuple[str, ...]
    made_at_utc: datetime
    known_at_utc: datetime
    steps: int
    models: tuple[tuple[str, str], ...]  # rung -> model_id
    refused: tuple[str, ...] = ()  # rungs whose only machine was refused
    judge: bool = False  # hold forecasts of the last nights against what came true
    explain: bool = False  # say what drove each peak


@dataclass(frozen=True)
class Share:
    """What a chunk gives back: n answered series, and why the others have no answer."""

    chunk: Chunk
    ids: tuple[str, ...] = ()
    quantiles: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0, 3), np.float32))  # [n, steps, 3]
    told: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["series_id", "model", "reason", "rung", "model_id", "input_hash", "why"])
    )
    unasked: Mapping[str, str] = field(default_factory=dict)  # series -> why it is not forecast
    lacking: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # rung without a machine -> its series
    changes: pd.DataFrame | None = None  # of known events
    alone: tuple[Alone, ...] = ()
    judged: judging.Judged | None = None
    problems: tuple[Problem, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """Rows of the table without the night."""
        return [
            {**row, "known_at_utc": self.chunk.known_at_utc, "quantity": str(self.chunk.group.quantity), "step_s": self.chunk.group.step_s}
            for row in self.told.drop(columns="rung").to_dict("records")
        ]
