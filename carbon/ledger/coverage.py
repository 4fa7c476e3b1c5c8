"""How far an entry rests on a meter: measured, estimated, substituted or missing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from city import quality as q

STATES = ("measured", "estimated", "substituted", "missing")


def _table() -> NDArray[np.int8]:
    """The state of each 16-bit quality. What a person wrote or took from another meter is substituted, whatever else it is."""
    code = np.arange(1 << 16)
    estimated = (code & int(q.Flag.ESTIMATED_LIKE_DAY | q.Flag.ESTIMATED_LINEAR)) != 0
    substituted = (code & int(q.Flag.EDITED)) != 0
    state = np.where(substituted, 2, np.where(estimated, 1, 0))
    return np.where(q.usable(code), state, 3).astype(np.int8)


_STATE = _table()


def coverage(quality: NDArray[np.integer[Any]]) -> NDArray[np.int8]:
    """int8[n]: place in `STATES` of each quality (see `city.quality`). What is missing weighs nothing and is counted."""
    return _STATE[quality]
