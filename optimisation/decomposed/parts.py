"""Which assets meet only through one balance: the parts that a city falls into when that balance is cut."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from city.problems import PenstockError, Problem
from optimisation.assets import Asset, Grid
from optimisation.inputs import PlanInput
from optimisation.risk.settings import Risk, Weights


@dataclass(frozen=True)
class Parts:
    """`feeders` meet each other, and what is in `root`, in one balance only. Feeders are named by a balance of their own."""

    root: tuple[Asset, ...]
    feeders: Mapping[str, tuple[Asset, ...]]


def split(assets: Sequence[Asset], balance: str) -> Parts:
    """Cut a city at `balance`. What names no other balance stays in the root, and what hangs together with a grid."""
    leader = list(range(len(assets)))
    first: dict[str, int] = {}
    named = {asset.id: number for number, asset in enumerate(assets)}

    def of(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    for number, asset in enumerate(assets):
        own = {name for name in asset.balances if name != balance}
        for other in [first.setdefault(name, number) for name in own] + [named[word] for word in words(asset) if word in named]:
            one, two = sorted((of(number), of(other)))
            leader[two] = one
    in_root = {of(number) for number, asset in enumerate(assets) if isinstance(asset, Grid)}
    meeting = {of(number) for number, asset in enumerate(assets) if balance in asset.balances}
    feeders: dict[int, list[Asset]] = {of(number): [] for number in first.values() if of(number) in meeting - in_root}
    root: list[Asset] = []
    for number, asset in enumerate(assets):
        feeders.get(of(number), root).append(asset)
    return Parts(tuple(root), {_name(group, balance): tuple(group) for group in feeders.values()})


def _name(group: Sequence[Asset], balance: str) -> str:
    return min(name for asset in group for name in asset.balances if name != balance)


def words(asset: Asset) -> Iterator[str]:
    """Every text among an asset's parameters: ids of series, of other assets, of balances."""
    for _, value in asset:
        if isinstance(value, str):
            yield value
        elif isinstance(value, tuple):
            yield from (part for part in value if isinstance(part, str))


def share(inputs: PlanInput, assets: Sequence[Asset], root: bool = False) -> PlanInput:
    """What concerns these assets of an input; limits and weights on what the whole city imports stay with the root."""
    ids = {asset.id for asset in assets}
    wanted = dict.fromkeys(word for asset in assets for word in (*words(asset), *asset.series_needed))
    mine = replace(
        inputs,
        series={name: inputs.series[name] for name in wanted if name in inputs.series},
        state={asset.id: inputs.state[asset.id] for asset in assets if asset.id in inputs.state},
        locks=tuple(lock for lock in inputs.locks if lock.asset in ids),
        approved=tuple(one for one in inputs.approved if one.asset in ids),
        calls=tuple(call for call in inputs.calls if call.asset in ids),
        paths={},
    )
    if root:
        return mine
    return replace(mine, peak_cap_kw=None, import_limit_kw=None, weights=Weights(carbon_per_t=inputs.weights.carbon_per_t))


def require_separable(inputs: PlanInput, assets: Sequence[Asset]) -> None:
    """Raises `PenstockError` for what ties all assets of a city together beside its balances."""
    remedy = "Plan this city as one, or leave it out."
    found = []
    if inputs.carbon_cap_kg is not None:
        remedy_cap = "Give CO2e a price or a weight instead of a cap, or plan this city as one."
        found.append(Problem("carbon cap", f"{inputs.carbon_cap_kg:g} kg", "none where feeders are planned apart", remedy_cap))
    if inputs.risk != Risk():
        found.append(Problem("risk", "reserves or sample paths", "none where feeders are planned apart", remedy))
    for asset in assets:
        if getattr(asset, "members", None) == ():
            found.append(Problem(f"asset {asset.id}, members", "all assets of the city", "named assets of one feeder", "Name its members."))
    if found:
        raise PenstockError(found)


def ceiling_per_kwh(inputs: PlanInput) -> float:
    """A price no plan would pay for energy [currency/kWh]: far above every price of the horizon."""
    prices = (inputs.import_price_per_kwh + inputs.carbon_per_kwh, inputs.export_price_per_kwh)
    return 100.0 * max(1.0, *(float(np.abs(price).max()) for price in prices))
