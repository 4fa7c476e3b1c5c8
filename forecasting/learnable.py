"""What of a history may be seen and learned: without what events did to it, and cleaned, series by series."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from forecasting import cleaning, events
from forecasting.calendars import SUN, Calendar
from forecasting.events import Event
from forecasting.groups import FOLLOWS_THE_SKY, History

CHUNK_SERIES = 256
"""Series cleaned at a time; bounds memory, changes no bit."""


def learnable(h: History, calendar: Calendar, before: int, acting: Sequence[Event] = ()) -> tuple[History, dict[str, str]]:
    """The history with its columns before `before` cleaned, and {series: what was found}.

    Nothing at or after `before` is looked at or changed, so that a backtest sees what the night would have seen. Weights that came with
    the history stay in force: the smaller one counts.
    """
    h = events.without(h, acting)
    values, weights = h.values.copy(), np.ones(h.values.shape, np.float32) if h.weights is None else h.weights.copy()
    told: dict[str, list[str]] = {}
    sky = np.array([kind in FOLLOWS_THE_SKY for kind in h.kinds], bool)
    for lived in (SUN, calendar):
        rows = np.flatnonzero(sky == (lived is SUN))
        if not rows.size or not before:
            continue
        grid = lived.grid(h.start_utc, h.step, h.values.shape[1])
        for first in range(0, rows.size, CHUNK_SERIES):
            some = rows[first : first + CHUNK_SERIES]
            made = cleaning.clean(values[some, :before], grid)
            values[some, :before] = made.values
            weights[some, :before] = np.minimum(weights[some, :before], made.weights)
            for row, sentence in made.notes:
                told.setdefault(h.ids[some[row]], []).append(sentence)
    return replace(h, values=values, weights=weights), {name: " ".join(sentences) for name, sentences in told.items()}
