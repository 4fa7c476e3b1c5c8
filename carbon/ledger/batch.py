"""What is posted at once: columns of whole numbers over dictionaries of lines and rules, and the header that seals them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from city.clock import as_utc
from city.problems import fault

EntryKind = Literal["posting", "memo", "outside"]
Basis = Literal["location", "market", "direct", "-"]
GENESIS = "0" * 64  # the root before the first batch
MOST_ROWS = 50_000_000  # a file stays below the 4 GiB of a plain ZIP

# Little-endian, in the order of the file and of the proof.
COLUMNS: dict[str, np.dtype[Any]] = {
    "line": np.dtype("<i4"),  # place in `lines`
    "rule": np.dtype("<i4"),  # place in `rules`
    "start": np.dtype("<i8"),  # start of the period [us since 1970-01-01 UTC]
    "seconds": np.dtype("<i4"),  # length of the period [s]
    "amount": np.dtype("<i8"),  # [Wh, mL, g, ...]; negative in a reversal
    "mg": np.dtype("<i8"),  # [mg of the rule's gas]; negative in a reversal
    "quality": np.dtype("<i4"),  # see `city.quality`
    "version": np.dtype("<i4"),  # of the usage
    "counts": np.dtype("|i1"),  # 1 for the first gas of a usage row, 0 for its further gases, which repeat the amount
    "reverses": np.dtype("<i8"),  # -1, or number << 32 | row of the entry it takes back
}
NOTHING = -1  # `reverses` of an entry that takes nothing back


@dataclass(frozen=True, slots=True)
class Line:
    """An account as it stood when its entries were posted."""

    account_id: str
    point_id: str
    quantity: str
    scope: int
    gpc: str  # GPC sub-sector such as I.2.1, or empty
    activity: str
    carrier: str
    site: str
    district: str
    sector: str


@dataclass(frozen=True, slots=True)
class Rule:
    """How an amount becomes a mass: mg = round half to even (amount x numerator / denominator) [mg of gas per Wh, mL or g].

    `posting` is in the city's sum, `outside` beside it; a `memo` carries its amount alone (gas `-`, 0/1). `parts` are the published
    numbers the ratio was made of, each with its SHA-256 [hex].
    """

    rule_id: str
    gas: str
    numerator: int
    denominator: int
    kind: EntryKind
    basis: Basis
    parts: tuple[tuple[str, str], ...] = ()
    provisional: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        if self.denominator < 1 or self.kind not in get_args(EntryKind) or self.basis not in get_args(Basis):
            observed = f"ratio {self.numerator}/{self.denominator}, kind '{self.kind}', basis '{self.basis}'"
            raise fault(f"rule '{self.rule_id}'", observed, "a positive denominator and a known kind and basis", "Correct the rule.")


@dataclass(frozen=True)
class Batch:
    """Entries posted together: each of `COLUMNS` holds one value per row, memory-mapped when it comes from a file."""

    lines: tuple[Line, ...]
    rules: tuple[Rule, ...]
    columns: dict[str, NDArray[Any]]
    known_at_utc: datetime
    reason: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "known_at_utc", as_utc(self.known_at_utc))
        shapes = {name: (array.dtype, array.shape) for name, array in self.columns.items()}
        if shapes != {name: (dtype, (self.rows,)) for name, dtype in COLUMNS.items()} or self.rows > MOST_ROWS:
            raise fault("ledger batch", f"columns {shapes}", f"{dict(COLUMNS)} of equal length, {MOST_ROWS} rows at most", "Post again.")
        object.__setattr__(self, "columns", {name: _once(array) for name, array in self.columns.items()})

    @property
    def rows(self) -> int:
        return len(self.columns["line"])


def no_entries(lines: tuple[Line, ...] = (), known_at_utc: datetime = datetime(1970, 1, 1, tzinfo=UTC), reason: str = "") -> Batch:
    """A batch without rows."""
    return Batch(lines, (), {name: np.zeros(0, dtype) for name, dtype in COLUMNS.items()}, known_at_utc, reason)


def same_throughout(array: NDArray[Any]) -> bool:
    """Does an array hold one value, in every row?"""
    if not len(array) or array.strides == (0,):
        return len(array) > 0
    return bool((array[:1024] == array[0]).all() and array.min() == array.max())  # nearly all that differ do so early


def _once(array: NDArray[Any]) -> NDArray[Any]:
    """A column that holds one value throughout keeps it once: lengths, versions and marks mostly do."""
    return np.broadcast_to(array[:1].copy(), array.shape) if same_throughout(array) else array


@dataclass(frozen=True, slots=True)
class Header:
    """What is kept of a sealed batch beside its file. `root` chains it to all batches before it."""

    number: int  # from 0
    rows: int
    start: int  # the earliest start of a period [us since 1970 UTC]; 0 without rows
    end: int  # the latest end [us since 1970 UTC]
    known_at_utc: datetime
    reason: str
    previous: str  # root before, hex
    merkle: str  # root of the tree over the content, hex; names the file
    root: str  # root after, hex
