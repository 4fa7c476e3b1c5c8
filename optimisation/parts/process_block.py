"""The mathematics of processes: one whole number per phase and step counts how often the phase has begun.

What a process draws, that phases follow each other, that runs do not overlap and that another process comes first are all differences
of these counts, two to four terms a row. They also exist for steps before the horizon, where they are nothing.

Reference: Pritsker, Watters and Wolfe, Multiproject Scheduling with Limited Resources: A Zero-One Programming Approach, Management
Science 16 (1969), 93-108 (time-indexed starts; here summed up to counts).
"""
# ruff: noqa: ARG005 - Pyomo gives every rule its model

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from optimisation.inputs import Series
from optimisation.words import Words

if TYPE_CHECKING:
    from optimisation.assets.process import Process
    from optimisation.formulation import Formulation

Blocks = Sequence[tuple[int, float]]  # (steps, kW) of what is started by one decision each


def drawn(starts: Series, blocks: Blocks) -> Series:
    """float[steps]: power of blocks [kW] that start as in `starts`, float[blocks, steps]."""
    total = np.zeros(starts.shape[1])
    for own, (n, kw) in zip(starts, blocks, strict=True):
        total += kw * np.convolve(own, np.ones(n))[: len(total)]
    return total


def begin(model: "Formulation", group: Sequence["Process"]) -> None:
    """Add `process_begun` [block, step] with its rules, `process_kw` and `process_missed`, their power and prices."""
    m, inputs = model.m, model.inputs
    blocks = {a.id: a.blocks(inputs) for a in group}
    names = {a: [f"{a}/{k}" for k in range(len(own))] for a, own in blocks.items()}
    reach = 1 + max(_reach(a, own, model) for a, own in zip(group, blocks.values(), strict=True))
    ids = model.ids("PROCESS_BLOCK", [name for own in names.values() for name in own])
    when = model.ids("process_time", range(-reach, inputs.steps))
    most = np.array([sum(runs for _, runs in a.runs(inputs)) for a in group for _ in names[a.id]])[:, None]
    upper = np.hstack([np.zeros((len(most), reach)), np.repeat(most, inputs.steps, 1)])
    begun = model.variable("process_begun", ids, when, upper=upper, integer=True)
    can = model.parameter("process_can", ids * m.T, np.vstack([_can(a, model) for a in group]))
    model.constraint("process_more", ids, m.T, rule=lambda m, b, t: begun[b, t] - begun[b, t - 1] >= 0)
    model.constraint("process_may", ids, m.T, rule=lambda m, b, t: begun[b, t] - begun[b, t - 1] <= can[b, t])
    model.ids("PROCESS", names)
    _power(model, group, blocks, names)
    _sequence(model, group, blocks, names)
    _windows(model, group, names)


def _steps(model: "Formulation", hours: float) -> int:
    return int(np.ceil(hours / model.inputs.step_h - 1e-9))


def _reach(a: "Process", blocks: Blocks, model: "Formulation") -> int:
    """Steps that its rows look back."""
    gaps = (a.longest_pause_h, a.gap_h, a.longest_gap_h or 0.0)
    return max(n for n, _ in blocks) + max(_steps(model, hours) for hours in gaps)


def _can(a: "Process", model: "Formulation") -> Series:
    """float[blocks, steps]: 1 where a block may start, its own run before and after it inside the window."""
    lengths = [n for n, _ in a.blocks(model.inputs)]
    rest, can = len(a.rest_kw(model.inputs)), np.zeros((len(lengths), model.inputs.steps))
    for window, _ in a.runs(model.inputs):
        for j in range(len(lengths)):
            first, last = max(window.first, rest) + sum(lengths[:j]), window.end - sum(lengths[j:])
            can[j, first : max(last + 1, first)] = 1.0
    return can


def _power(model: "Formulation", group: Sequence["Process"], blocks: Mapping[str, Blocks], names: Mapping[str, Sequence[str]]) -> None:
    m, begun = model.m, model.m.process_begun
    power = model.variable("process_kw", m.PROCESS, m.T)

    def running(a: str, t: int, weights: Sequence[float]) -> Any:
        own = zip(names[a], blocks[a], weights, strict=True)
        return sum(weight * (begun[b, t] - begun[b, t - n]) for b, (n, _), weight in own)

    model.constraint(
        "process_power", m.PROCESS, m.T, by_row=True, rule=lambda m, a, t: power[a, t] == running(a, t, [kw for _, kw in blocks[a]])
    )
    model.inject([(a.id, a.balance) for a in group], lambda m, a, t: -1.0 * power[a, t])
    rest = {a.id: a.rest_kw(model.inputs) for a in group}
    fixed = {a: np.pad(kw, (0, model.inputs.steps - len(kw))) for a, kw in rest.items()}
    busy = {a: np.arange(model.inputs.steps) < len(kw) for a, kw in rest.items()}
    for asset in group:
        model.withdraw(asset.balance, fixed[asset.id])
    model.holdable("power_kw", [*names], lambda m, a, t: power[a, t] + float(fixed[a][t]), "<=")
    model.holdable("running", [*names], lambda m, a, t: running(a, t, [1.0] * len(blocks[a])) + float(busy[a][t]))


def _sequence(model: "Formulation", group: Sequence["Process"], blocks: Mapping[str, Blocks], names: Mapping[str, Sequence[str]]) -> None:
    """A block starts after the one before it has ended, and not much later; a run after the run before it; a process after another."""
    order: dict[tuple[int, int, int], list[tuple[str, str]]] = {}  # begun so many steps ago each, how far one may be ahead -> blocks
    for a in group:
        lengths, own = [n for n, _ in blocks[a.id]], names[a.id]
        for (one, other), n in zip(pairwise(own), lengths, strict=False):
            order.setdefault((0, n, 0), []).append((other, one))
            order.setdefault((n + _steps(model, a.longest_pause_h), 0, 0), []).append((one, other))
        order.setdefault((0, lengths[-1], 1), []).append((own[0], own[-1]))
    begun, m = model.m.process_begun, model.m
    for (n, k, ahead), pairs in order.items():
        name = f"process_order_{n}_{k}_{ahead}"
        rule = lambda m, b, c, t, n=n, k=k, ahead=ahead: begun[b, t - n] - begun[c, t - k] <= ahead  # noqa: E731
        model.constraint(name, model.ids(f"{name}_pairs", pairs), m.T, rule=rule)
    of = {a.id: a for a in group}
    followers = {a.id: (names[a.id][0], names[a.after][-1], blocks[a.after][-1][0], a) for a in group if a.after is not None}
    free = {i: a.free_at(model.inputs, of[str(a.after)]) for i, (_, _, _, a) in followers.items()}
    late = {i: n + _steps(model, a.longest_gap_h) for i, (_, _, n, a) in followers.items() if a.longest_gap_h is not None}

    def early(i: str, t: int) -> Any:
        first, last, n, a = followers[i]
        return begun[first, t] - begun[last, t - n - _steps(model, a.gap_h)] <= sum(at <= t for at in free[i])

    if followers:
        words = Words("starts when the process before it has ended")
        model.constraint(
            "process_after", model.ids("process_followers", followers), m.T, by_row=True, words=words, rule=lambda m, i, t: early(i, t)
        )
    if late:
        model.constraint(
            "process_soon",
            model.ids("process_soon_ids", late),
            m.T,
            by_row=True,
            words=Words("starts within the longest gap after the process before it"),
            rule=lambda m, i, t: begun[followers[i][1], t - late[i]] - begun[followers[i][0], t] <= 0,
        )


def _windows(model: "Formulation", group: Sequence["Process"], names: Mapping[str, Sequence[str]]) -> None:
    """Each window sees its runs, or they are missed at their price."""
    begun = model.m.process_begun
    asked = {(a.id, k): (window, runs) for a in group for k, (window, runs) in enumerate(a.runs(model.inputs))}
    prices = {a.id: a.missed_price for a in group}
    keys = model.ids("PROCESS_WINDOW", asked)
    most = np.array([0.0 if prices[a] is None else float(runs) for (a, _), (_, runs) in asked.items()])
    missed = model.variable("process_missed", keys, upper=most)

    def seen(a: str, k: int, b: str) -> Any:
        window, _ = asked[a, k]
        return begun[b, window.end - 1] - begun[b, window.first - 1]

    model.constraint(
        "process_runs",
        keys,
        by_row=True,
        rule=lambda m, a, k: seen(a, k, names[a][0]) + missed[a, k] == asked[a, k][1],
        words=Words("runs to make in its window: {value}", by_day=True),
    )
    rest = [(a, k, b) for a, k in asked for b in names[a][1:]]
    if rest:
        whole = model.ids("process_whole_ids", rest)
        model.constraint("process_whole", whole, by_row=True, rule=lambda m, a, k, b: seen(a, k, b) - seen(a, k, names[a][0]) == 0)
    price = model.parameter("process_missed_price", keys, [prices[a] or 0.0 for a, _ in asked])
    model.costs.append(lambda m: sum(price[k] * missed[k] for k in keys))
