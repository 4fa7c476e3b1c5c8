"""Claims: what has been retired for which accounts and hours, how it is laid over their use, and what a sold certificate takes back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Literal

import numpy as np
import pandas as pd

from carbon.apportion import apportion
from carbon.instruments.certificates import WH
from carbon.instruments.hours import Hours, Wh
from city.problems import Problem, fault


@dataclass(frozen=True)
class Claim:
    """Certificates or a contract's month, retired for accounts over a period; `hours` says which hours its volume belongs to."""

    id: str  # of the retirement
    kind: Literal["certificate", "contract"]
    instrument: str  # lot or contract
    accounts: tuple[str, ...]
    start_utc: datetime
    end_utc: datetime
    wh: int
    kg_per_kwh: Fraction
    renewable: bool = True
    hours: tuple[tuple[pd.Timestamp, int], ...] = ()  # (start, Wh) of a contract by the hour, adding up to `wh`
    failed: tuple[str, ...] = ()  # sentences of the quality criteria it does not meet; then it covers nothing
    told: dict[str, str] = field(default_factory=dict)  # for the table of instruments: serials, beneficiary, retired_on, source

    @property
    def hourly(self) -> bool:
        """Is it known in which hour its volume was made? Of a certificate only the days are, whatever hour it is retired for."""
        return bool(self.hours)


@dataclass(frozen=True)
class Issued:
    """Certificates issued for an own plant's production: sold, held or retired, they carry the claim, the plant's power no longer does."""

    lot: str
    plant: str
    start_utc: datetime
    end_utc: datetime
    wh: int


@dataclass(frozen=True)
class Laid:
    """What a claim covers: Wh in some accounts (rows) and hours (columns) of a table of all of them."""

    rows: list[int]
    columns: slice
    wh: Wh  # [rows, columns]

    def add_to(self, table: Wh, wh: Wh | None = None) -> None:
        """Add its Wh, or as many other numbers, to an int64[n, t] table."""
        table[self.rows, self.columns] += self.wh if wh is None else wh

    @property
    def total(self) -> int:
        return int(self.wh.sum())


def lay(hours: Hours, claims: Sequence[Claim], free_wh: Wh) -> list[Laid]:
    """What each claim covers of `free_wh` int64[n, t] [Wh], in the order of `claims`.

    A claim covers at most its volume and at most what its accounts use in its hours and
    nothing has covered before; what is left over covers nothing. Contracts by the hour are laid first, then shorter periods before longer
    ones (their volume fits nowhere else),
    then certificates before contracts (Scope 2 Guidance, table 6.3), then by id. Inside a claim the volume is shared in
    proportion to the free use, to the Wh. Failed claims cover nothing.
    """
    order = {"certificate": 0, "contract": 1}
    free = free_wh.astype(np.int64)
    rows = {name: row for row, name in enumerate(hours.accounts)}
    if unknown := sorted({name for claim in claims for name in claim.accounts} - rows.keys()):
        raise fault("claims", f"account {', '.join(unknown)}", f"one of {', '.join(rows)}", "Name electricity accounts.")
    # A contract by the hour goes first, also before a certificate retired for one: its volume is of that hour.
    length = [1 if claim.hourly else int((claim.end_utc - claim.start_utc).total_seconds()) for claim in claims]
    laid: dict[int, Laid] = {}
    for place in sorted(range(len(claims)), key=lambda i: (length[i], order[claims[i].kind], claims[i].id)):
        claim = claims[place]
        mine, span = [rows[name] for name in claim.accounts], hours.within(claim.start_utc, claim.end_utc)
        table = free[mine, span]  # a copy
        covered = np.zeros_like(table)
        for columns, volume in () if claim.failed else _blocks(hours, claim, span):
            weights = table[:, columns]
            given = apportion(min(volume, int(weights.sum())), weights.ravel().tolist())
            covered[:, columns] = np.array(given, dtype=np.int64).reshape(weights.shape)
        free[mine, span] -= covered
        laid[place] = Laid(mine, span, covered)
    return [laid[place] for place in range(len(claims))]


def _blocks(hours: Hours, claim: Claim, span: slice) -> list[tuple[slice, int]]:
    """The hours of a claim's span that share a volume [Wh]."""
    if claim.hours:
        places = hours.times[span].get_indexer(pd.DatetimeIndex([start for start, _ in claim.hours]))
        return [(slice(int(at), int(at) + 1), wh) for at, (_, wh) in zip(places, claim.hours, strict=True) if at >= 0]
    return [(slice(None), claim.wh)]


def kept(hours: Hours, issued: Sequence[Issued]) -> tuple[Wh, list[Problem]]:
    """Wh of own supply that may be claimed as renewable, int64[n, t], and lots of more certificates than their plant made.

    A certificate moves the claim from the power to its holder, whoever that is (Scope 2 Guidance, quality criteria 2 and 7). The
    certificates of a plant and production period are charged to what was exported first, then to own use, in proportion and to the
    Wh; so claimed own use + issued <= generation, in every hour and over every period.
    """
    own, made = hours.own_wh.sum(axis=0), hours.made_wh.copy()
    export = np.maximum(made.sum(axis=0) - own, 0)
    rows = {name: row for row, name in enumerate(hours.plants)}
    claimed, problems = hours.own_wh.copy(), []
    for one in sorted(issued, key=lambda one: (one.end_utc - one.start_utc, one.start_utc, one.lot)):
        span = hours.within(one.start_utc, one.end_utc)
        plant = made[rows[one.plant], span]  # a view: what a lot takes is used up for the next
        if one.wh > int(plant.sum()):
            observed = f"{one.wh / WH:,.0f} MWh issued, {plant.sum() / WH:,.3f} MWh metered and free in its period"
            remedy = "None of that power is claimed any more; check the plant's meter and the period."
            problems.append(Problem(f"lot '{one.lot}' of plant '{one.plant}'", observed, "no more than the plant made", remedy))
        outside = _take(one.wh, np.minimum(export[span], plant))
        export[span] -= outside
        plant -= outside
        inside = _take(one.wh - int(outside.sum()), np.minimum(claimed[:, span].sum(axis=0), plant))
        plant -= inside
        for column in np.flatnonzero(inside):
            cells = claimed[:, span.start + column]
            cells -= np.array(apportion(int(inside[column]), cells.tolist()), dtype=np.int64)
    return claimed, problems


def _take(volume: int, most: Wh) -> Wh:
    """As much of `volume` as fits, shared in proportion to `most`."""
    return np.array(apportion(min(volume, int(most.sum())), most.tolist()), dtype=np.int64)
