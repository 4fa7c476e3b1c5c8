"""Tonight's forecasts together: sample paths of many series, and every sum of a tree equal to its parts, in P50 and in each path."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.paths import margins, ranks, sample
from forecasting.reconcile import Tree, reconcile, trees

FloatArray = NDArray[np.float64]
LEVELS = (0.1, 0.5, 0.9)
ORIGINS = 28
"""Past origins whose errors are looked at [d]."""
ROUNDS = 4
"""More brings bands of paths closer to those of the forecast, ever slower."""
SAMPLED = 1_000
"""Series of a tree up to which all of them are sampled."""
GIVES_WAY = 1e3
"""By how much more a sum that does not know of an event gives way than its parts."""
CELLS, FEWEST = 40_000_000, 50
"""Series x paths x steps held at a time, and the fewest paths that many series are left with."""


@dataclass(frozen=True)
class Alone:
    """What was forecast for n series of one step, each by itself, over one horizon that starts at the same time for all steps."""

    ids: tuple[str, ...]
    step_s: int
    quantiles: NDArray[np.floating]  # [n, steps, 3]: P10, P50, P90
    origins: NDArray[np.datetime64]  # [c]
    errors: NDArray[np.floating]  # [n, c, steps], divided by their expected size; NaN where not known. c may be 0: nobody samples them


@dataclass(frozen=True)
class Together:
    """The same series after they were made to add up: P10, P50, P90 of each [3, steps], and the paths [k, steps] of those sampled."""

    quantiles: Mapping[str, FloatArray]
    paths: Mapping[str, FloatArray]
    incoherence: float  # largest difference of a sum and its parts over their size [1], of P50 and paths


def coherent(
    parts: Sequence[Alone],
    sums: Mapping[str, Mapping[str, float]],
    wanted: Collection[str],
    signed: Collection[str],
    count: int,
    seed: int,
    changed: Collection[str] = (),
) -> Together:
    """Make P50 add up along `sums` ({aggregate: {part: sign}}), and sample `count` paths of the `wanted` series and of all in sums.

    A band moves with its P50 and keeps its width (reconciled errors are hardly smaller, so bands read off reconciled paths alone are too
    narrow); a P10 of zero stays. Paths have these bands as their margins as nearly as adding up allows: the two are demanded in turn,
    `ROUNDS` times, adding up last. Series of unlike steps add up over the coarsest step of their tree. In a tree of more than `SAMPLED`
    series, bottom ones nobody wants get no paths. Usage stays at or above zero but for the `signed` series; a sum that misses a part is
    left as it is. Series that a known event `changed` keep their change: the sums above them, forecast without it, follow.
    """
    step_s = {name: part.step_s for part in parts for name in part.ids}
    bands = {name: np.asarray(part.quantiles[i], np.float64).T for part in parts for i, name in enumerate(part.ids)}
    held = {parent: of for parent, of in sums.items() if all(name in step_s for name in (parent, *of))}
    forest, worst = trees(held), 0.0
    follow = _above(held, changed)
    for tree in forest:
        known = {name: bands[name] * (GIVES_WAY if name in follow else 1.0) for name in tree.ids}
        p50, off = _reconciled(tree, {name: bands[name][1:2] for name in tree.ids}, known, step_s, signed)
        bands |= {name: _moved(bands[name], p50[name], name in signed) for name in tree.ids}
        worst = max(worst, off)
    asked = sampled(held, wanted)
    drawn = _drawn([name for name in step_s if name in asked], step_s, bands, _aligned(parts, asked), count, seed)
    paths = {name: some if name in signed else np.maximum(some, 0) for name, some in drawn.items()}
    for tree in trees({parent: of for parent, of in held.items() if {parent, *of} <= paths.keys()}):
        some = {name: paths[name] for name in tree.ids}
        for _ in range(ROUNDS):
            some, off = _reconciled(tree, {name: _with_margins(some[name], bands[name]) for name in tree.ids}, bands, step_s, signed)
        paths |= some
        worst = max(worst, off)
    return Together(bands, paths, worst)


def _above(sums: Mapping[str, Mapping[str, float]], changed: Collection[str]) -> set[str]:
    """Sums that a changed series is part of, directly or through others."""
    found: set[str] = set()
    reached = set(changed)
    while reached:
        reached = {parent for parent, parts in sums.items() if reached & parts.keys()} - found
        found |= reached
    return found


def sampled(sums: Mapping[str, Mapping[str, float]], wanted: Collection[str]) -> set[str]:
    """Series that get paths: what is wanted, all of a small tree, and of a large one its sums."""
    return set(wanted) | {name for tree in trees(sums) for name in tree.ids if len(tree.ids) <= SAMPLED or name in sums}


def _aligned(parts: Sequence[Alone], chosen: Collection[str]) -> dict[str, FloatArray]:
    """{id: errors [c, steps]} of the chosen series at the newest origins of all parts together, NaN where a part was not asked."""
    every = np.unique(np.concatenate([part.origins for part in parts]))[-ORIGINS:] if parts else np.array([], "datetime64[us]")
    found: dict[str, FloatArray] = {}
    for part in parts:
        _, mine, theirs = np.intersect1d(every, part.origins, return_indices=True)
        for i, name in enumerate(part.ids):
            if name in chosen:
                found[name] = np.full((len(every), part.quantiles.shape[1]), np.nan)
                found[name][mine] = part.errors[i, theirs]
    return found


def _drawn(
    chosen: Sequence[str],
    step_s: Mapping[str, int],
    bands: Mapping[str, FloatArray],
    errors: Mapping[str, FloatArray],
    count: int,
    seed: int,
) -> dict[str, FloatArray]:
    """{id: [k, steps]}, ranks drawn together on the finest step; a coarser series keeps the rank of its first fine step.

    k is `count`, or less where there are many series: as many as `CELLS` allow.
    """
    if not chosen:
        return {}
    finest = min(step_s[name] for name in chosen)
    times = {name: step_s[name] // finest for name in chosen}
    steps = bands[chosen[0]].shape[1] * times[chosen[0]]
    count = min(count, max(FEWEST, CELLS // (len(chosen) * steps)))
    q = np.stack([np.repeat(bands[name].T, times[name], axis=0) for name in chosen])
    z = np.stack([np.repeat(errors[name], times[name], axis=1) for name in chosen])
    drawn = sample(q, LEVELS, z, count, seed)
    return {name: drawn[i, :, :: times[name]] for i, name in enumerate(chosen)}


def _reconciled(
    tree: Tree,
    values: Mapping[str, FloatArray],
    bands: Mapping[str, FloatArray],
    step_s: Mapping[str, int],
    signed: Collection[str],
) -> tuple[dict[str, FloatArray], float]:
    """{id: [k, steps]} that add up over the coarsest step of the tree, and what is left of their difference.

    Each series gives way by the square of its band; the errors of the steps within a coarser one count as one.
    """
    coarsest = max(step_s[name] for name in tree.ids)
    times = {name: coarsest // step_s[name] for name in tree.ids}
    y = np.stack([_summed(values[name], times[name]) for name in tree.ids])
    spread = np.stack([_summed(bands[name][2:] - bands[name][:1], times[name])[0] for name in tree.ids])
    moved = reconcile(tree, y, spread, nonnegative=np.array([name not in signed for name in tree.ids]))
    return {name: _parted(values[name], y[i], moved[i], times[name]) for i, name in enumerate(tree.ids)}, tree.incoherence(moved)


def _summed(values: FloatArray, times: int) -> FloatArray:
    """Sums over `times` neighbouring steps [k, steps / times]."""
    return np.asarray(values.reshape(len(values), -1, times).sum(axis=2))


def _parted(fine: FloatArray, before: FloatArray, after: FloatArray, times: int) -> FloatArray:
    """Fine values [k, steps] with the sums `after` instead of `before`: in the same proportions, or where there was nothing or values of
    both signs, which have none, each moved by the same amount.
    """
    if times == 1:
        return after
    old, new = (np.repeat(v, times, axis=1) for v in (before, after))
    lowest = np.repeat(fine.reshape(len(fine), -1, times).min(axis=2), times, axis=1)
    scaled = (old > 0) & (lowest >= 0)
    return np.where(scaled, fine * (new / np.where(scaled, old, 1)), fine + (new - old) / times)


def _moved(band: FloatArray, p50: FloatArray, signed: bool) -> FloatArray:
    """The band [3, steps] around a new P50 [1, steps]; what could be zero still can, what cannot be negative only is where P50 is."""
    new = band + (p50 - band[1:2])
    if not signed:
        least = np.minimum(new[1], 0)  # usage less generation, where the parts say so
        new[0] = np.where(band[0] <= 0, least, np.maximum(new[0], least))
    return new


def _with_margins(paths: FloatArray, band: FloatArray) -> FloatArray:
    """Values of the band's quantile function in the order of the paths [k, steps]."""
    table = margins(band.T, LEVELS, (np.arange(len(paths)) + 0.5) / len(paths))
    return np.take_along_axis(table.T, ranks(paths), axis=0)
