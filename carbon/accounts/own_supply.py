"""What consumers take in an hour from their own plants, and what from the grid.

Own supply of an hour is what was generated and used in the same hour: min(generation, consumption) of a pool, shared out over its
consumers by largest remainder, so that grid + own = metered for every account and hour. What is left of generation is export.
A plant's pool is its own site, or the accounts it names (a direct line): what goes into the public grid is grid power for everybody
else (GHG Protocol Scope 2 Guidance, 2015, on energy generated and used on site).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from carbon.accounts.account import AccountKind
from carbon.accounts.grid_loss import GridLoss
from carbon.accounts.own_renewable import OwnRenewable
from city.frames import Block
from city.problems import fault

_INT64 = 2**63 - 1


@dataclass(frozen=True)
class OwnSupply:
    """Consumption in two shares that add up to it, and what of generation nobody of the pool used."""

    own: Block  # int64[n, t] [Wh]
    grid: Block  # int64[n, t] [Wh]; a value that is not usable stays here as it was read
    export: NDArray[np.int64]  # [t] [Wh]


def pools(accounts: Sequence[AccountKind]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """[(ids of plants, ids of the accounts they cover)]: those a plant names, else the electricity that its own site uses.

    A plant `within` an account is in no pool: what is used behind the main meter never reached it, so nothing is left to take off.
    """
    of_site: dict[str, list[str]] = {}
    for account in accounts:
        if account.takes_own_supply and not isinstance(account, GridLoss):
            of_site.setdefault(account.site, []).append(account.id)
    sites = {site: frozenset(names) for site, names in of_site.items()}
    found: dict[frozenset[str], list[str]] = {}
    for plant in accounts:
        if isinstance(plant, OwnRenewable) and plant.within is None:
            pool = frozenset(plant.supplies) or sites.get(plant.site, frozenset())
            found.setdefault(pool, []).append(plant.id)
    place = {account.id: i for i, account in enumerate(accounts)}
    return [(tuple(plants), tuple(sorted(pool, key=lambda name: place.get(name, -1)))) for pool, plants in found.items() if pool]


def split(consumption: Block, generation: Block) -> OwnSupply:
    """Own and grid share of every consumer and hour of one pool.

    Two int64 Blocks [Wh] on one time grid, of n consumers and m plants. Values that are not usable count 0. Raises `PenstockError` for
    Blocks on different grids and for negative values.
    """
    if (consumption.start_utc, consumption.step, consumption.steps) != (generation.start_utc, generation.step, generation.steps):
        raise fault("own supply", "consumption and generation on different time grids", "one grid", "Bring both to the same hours.")
    used, made = (np.where(block.usable(), block.values, 0).astype(np.int64) for block in (consumption, generation))
    for block, values in ((consumption, used), (generation, made)):
        if (values < 0).any():
            name = block.ids[int(np.argmax((values < 0).any(axis=1)))]
            raise fault(f"own supply of '{name}'", "a negative amount", "zero or more", "Check the register's sign.")
    total, generated = used.sum(axis=0), made.sum(axis=0)
    own_total = np.minimum(total, generated)
    own = _shared(own_total, used, total)
    grid = np.where(consumption.usable(), used - own, consumption.values)
    return OwnSupply(replace(consumption, values=own), replace(consumption, values=grid), generated - own_total)


def _shared(own_total: NDArray[np.int64], used: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64[n, t]: each column's total in proportion to its weights by largest remainder; ties go to the first row."""
    if not used.size:
        return np.zeros_like(used)
    largest = int(used.max(initial=0)) * int(own_total.max(initial=0))
    wide = used if largest < _INT64 else used.astype(object)
    whole = np.maximum(total, 1)
    product = wide * own_total
    part = product // whole
    rest = (product - part * whole).astype(np.int64)
    part = part.astype(np.int64)
    left = own_total - part.sum(axis=0)
    rank = np.empty_like(part)
    np.put_along_axis(rank, np.argsort(-rest, axis=0, kind="stable"), np.arange(len(part))[:, None], axis=0)
    return part + (rank < left)
