"""What the ledger counts on some days: one place for the night, for restatement, for the recompute of an auditor.

Electricity goes by the hour ([carbon] entry_hours): main meters less what their sub-meters saw, the losses of the city's own grid, and
what own generation covered as rows of their own. Gas, water and heat go by the day, amounts from documents and lost water beside them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Engine

from carbon.accounts import Account, GridLoss, balance, own_supply, remainders, stated
from city import quality as q
from city.clock import HOUR
from city.frames import USAGE, Block
from city.places import Point
from city.problems import Problem
from city.quality import Cause, Flag
from city.quantities import Quantity
from service import lost_water
from service.books.usage import runs
from service.settings import LoadedCity
from service.store import meter_days
from service.store.meter_days import Day

TEXTS = ("point_id", "quantity", "supply")


def usage(engine: Engine, city: LoadedCity, days: Sequence[Day]) -> tuple[pd.DataFrame, list[Problem]]:
    """USAGE rows, with `supply`, of every account on civil days that follow each other; and what stood in the way of some."""
    accounts, zone = city.settings.accounts, city.settings.city.time_zone
    electricity, others = _points(city)
    span = days[0][0], days[-1][1]
    netted, plain = (
        [remainders.net(meter_days.block(engine, points, *span), accounts) for points in some] for some in (electricity, others)
    )
    problems = [problem for _, some in (*netted, *plain) for problem in some]
    blocks, lost = _with_grid_losses([block for block, _ in netted], accounts)
    own = _own_supply(blocks, accounts)
    versions = {}
    for points in (*electricity, *others):
        versions.update(meter_days.revised(engine, points, *span))
    hours = city.settings.carbon.entry_hours
    metered = [runs(part, days, versions, hours=hours).assign(supply=supply) for block in blocks for supply, part in _shares(block, own)]
    metered = [frame[(frame["supply"] == "grid") | (frame["amount"] > 0)] for frame in metered]
    metered += [runs(block, days, versions) for block, _ in plain]
    return _together([*metered, stated.usage(accounts, days, zone), *lost_water.usage(engine, city, days, metered)]), problems + lost


def _points(city: LoadedCity) -> tuple[list[list[Point]], list[list[Point]]]:
    """Points of electricity and of all else that accounts name, each by quantity and step."""
    wanted = {account.point for account in city.settings.accounts}
    for account in city.settings.accounts:
        if isinstance(account, GridLoss):
            wanted |= {*account.infeed, *account.outfeed, *account.generation}
    groups: dict[tuple[Quantity, int], list[Point]] = {}
    for name in sorted(wanted & set(city.points)):
        point = city.points[name]
        groups.setdefault((point.stored, point.step_s), []).append(point)
    electricity = [points for (quantity, _), points in groups.items() if quantity == Quantity.ENERGY_KWH]
    return electricity, [points for (quantity, _), points in groups.items() if quantity != Quantity.ENERGY_KWH]


def _hourly(blocks: Sequence[Block]) -> Block:
    """Points of several steps by the hour [Wh]; an hour of which a part is missing is missing, one estimated in part is an estimate."""
    values, quality = [], []
    for block in blocks:
        shape = len(block.ids), -1, round(HOUR / block.step)
        usable, exact = (some.reshape(shape).all(axis=2) for some in (block.usable(), q.measured(block.quality)))
        values.append(np.where(block.usable(), block.values, 0).reshape(shape).sum(axis=2))
        quality.append(np.where(~usable, q.missing(Cause.GAP), np.where(exact, q.VALID, int(Flag.ESTIMATED_LIKE_DAY))))
    ids = tuple(name for block in blocks for name in block.ids)
    made = np.concatenate(quality).astype(np.uint16)
    return Block(ids, blocks[0].start_utc, HOUR, blocks[0].quantity, np.concatenate(values), made)


def _with_grid_losses(blocks: list[Block], accounts: Sequence[Account]) -> tuple[list[Block], list[Problem]]:
    """The blocks, and one by the hour for each account of the grid's losses, whose point is no meter."""
    problems: list[Problem] = []
    for account in accounts:
        if isinstance(account, GridLoss) and account.infeed and blocks:
            hourly = _hourly(blocks)
            values, quality, found = balance.grid_loss(account, accounts, hourly)
            blocks = [*blocks, replace(hourly, ids=(account.point,), values=values[None, :], quality=quality[None, :])]
            problems += found
    return blocks, problems


def _own_supply(blocks: Sequence[Block], accounts: Sequence[Account]) -> dict[str, NDArray[np.int64]]:
    """{point: int64[hours] of what own generation covered [Wh]} of the consumers of every pool."""
    found: dict[str, NDArray[np.int64]] = {}
    pools = own_supply.pools(accounts)
    if not pools or not blocks:
        return found
    hourly, point = _hourly(blocks), {account.id: account.point for account in accounts}
    for plants, consumers in pools:
        made, used = (hourly.select([point[name] for name in some if point[name] in hourly.ids]) for some in (plants, consumers))
        found.update(zip(used.ids, own_supply.split(used, made).own.values, strict=True))
    return found


def _shares(block: Block, own: Mapping[str, NDArray[np.int64]]) -> Iterator[tuple[str, Block]]:
    """What the grid supplied of a block, and of the consumers of pools what own generation covered."""
    rows = [i for i, name in enumerate(block.ids) if name in own]
    covered = np.zeros_like(block.values)
    if rows:
        part = block.select([block.ids[i] for i in rows])
        covered[rows] = _by_course(
            np.stack([own[name] for name in part.ids]), np.where(part.usable(), part.values, 0), round(HOUR / block.step)
        )
        yield "own", replace(part, values=covered[rows])
    yield "grid", replace(block, values=block.values - covered)


def _by_course(own: NDArray[np.int64], amounts: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
    """An hour's own supply int64[n, hours] shared over the hour's intervals int64[n, hours * parts] by their amounts, to the Wh.

    What is shared out until the end of an interval is rounded down, so no interval gets more than its amount and none is lost.
    """
    until = amounts.reshape(len(amounts), -1, parts).cumsum(axis=2)
    whole = until[:, :, -1:]
    wide = until.astype(object) if int(whole.max(initial=0)) ** 2 >= 2**63 else until
    shared = (wide * own[:, :, None] // np.maximum(whole, 1)).astype(np.int64)
    return np.diff(shared, axis=2, prepend=0).reshape(amounts.shape)


def _together(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One frame; its texts stay categorical, so that millions of rows carry numbers."""
    filled = [frame if "supply" in frame else frame.assign(supply="grid") for frame in frames if len(frame)]
    filled = [frame.astype(dict.fromkeys(TEXTS, "category")) for frame in filled]
    if not filled:
        return pd.DataFrame(columns=[*USAGE.columns, "supply"])
    for text in TEXTS:
        names = sorted({str(name) for frame in filled for name in frame[text].cat.categories})
        filled = [frame.assign(**{text: frame[text].cat.set_categories(names)}) for frame in filled]
    return pd.concat(filled, ignore_index=True)
