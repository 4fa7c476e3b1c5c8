"""What is good of what counts: the one form in which a service level is counted, added up and shown."""

from collections.abc import Iterable
from typing import NamedTuple


class Share(NamedTuple):
    """`good` of `total`, in the unit of its level; `basis` says so where it was not counted as usual."""

    good: float = 0.0
    total: float = 0.0
    basis: str = ""

    @property
    def value(self) -> float | None:
        """Between 0 and 1; None where nothing counted, which is no success."""
        return self.good / self.total if self.total > 0 else None


def together(shares: Iterable[Share]) -> Share:
    """The share of a span of days: good and total are added, so that a day with little to count weighs little."""
    some = [share for share in shares if share.total > 0]
    bases = list(dict.fromkeys(share.basis for share in some if share.basis))
    return Share(sum(s.good for s in some), sum(s.total for s in some), "; ".join(bases))
