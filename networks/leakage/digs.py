"""What a crew finds when it digs changes where the leak is believed to be: Bayes' rule over the pipes.

References: Koopman, B. (1946). Search and screening. OEG Report 56 (an unsuccessful search moves belief to where was not looked).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from city.problems import fault

MISSED = 0.1  # probability that a dig does not see a leak that is where it looks


@dataclass(frozen=True)
class Dig:
    """A crew's finding. `looked_m` is how much of the pipe was laid open or listened along [m]; None for all of it."""

    pipe: str
    at_utc: datetime
    found: bool
    looked_m: float | None = None


def after_digs(posterior: pd.Series, digs: Sequence[Dig], length_m: pd.Series, missed: float = MISSED) -> pd.Series:
    """The probability of each pipe after the digs, whatever their order; sums to 1.

    Parameters
    ----------
    posterior: probability of each pipe before the digs
    length_m: length of each pipe [m]; a leak is equally likely at every metre of its pipe
    missed: probability that a dig overlooks a leak that is where it looks, above 0 and below 1 [1]

    A leak that was found is on its pipe, however unlikely that was. Raises `PenstockError` for a pipe that is not in the posterior, for
    `missed` out of range, and for finds on two pipes: these are two leaks.
    """
    if not 0 < missed < 1:
        raise fault("probability that a dig misses a leak", str(missed), "above 0 and below 1", "Give e.g. 0.1.")
    unknown = sorted({dig.pipe for dig in digs} - set(posterior.index))
    if unknown:
        raise fault(f"dig at pipe {unknown[0]}", "not a pipe of the posterior", f"one of its {len(posterior)} pipes", "Correct the id.")
    found = sorted({dig.pipe for dig in digs if dig.found})
    if len(found) > 1:
        raise fault("digs for one leak", f"found on pipes {', '.join(found)}", "one pipe", "Enter the second find as a leak of its own.")
    after = posterior.astype(float).copy()
    if found:
        after[:] = 0.0
        after[found[0]] = 1.0
        return after
    for dig in digs:
        length = float(length_m[dig.pipe])
        seen = 1.0 if dig.looked_m is None or dig.looked_m >= length else dig.looked_m / length
        after[dig.pipe] *= 1 - seen * (1 - missed)
    return after / after.sum()
