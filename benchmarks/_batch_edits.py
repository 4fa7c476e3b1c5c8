"""Edits of a batch's content: a value, rows taken away, put in or moved, lines and rules."""

import random
from dataclasses import replace
from typing import Any

import numpy as np

from carbon.ledger.batch import COLUMNS, Batch, Line, Rule


def edited(rng: random.Random, batch: Batch) -> Batch:
    """A batch with one thing changed."""
    return rng.choice([_value, _value, _value, _deleted, _inserted, _swapped, _turned, _line, _rule, _fewer_lines])(rng, batch)


def _value(rng: random.Random, batch: Batch) -> Batch:
    name, row = rng.choice(list(COLUMNS)), rng.randrange(batch.rows)
    column = batch.columns[name].copy()
    old, room = int(column[row]), np.iinfo(column.dtype)
    new = rng.choice(
        [old + 1, old - 1, -old, old * 2, 0, rng.randint(int(room.min), int(room.max)), old ^ 1 << rng.randrange(room.bits - 1)]
    )
    column[row] = min(max(new, int(room.min)), int(room.max))
    return replace(batch, columns={**batch.columns, name: column})


def _rows(batch: Batch, index: Any) -> Batch:
    return replace(batch, columns={name: np.ascontiguousarray(column[index]) for name, column in batch.columns.items()})


def _deleted(rng: random.Random, batch: Batch) -> Batch:
    first = rng.randrange(batch.rows)
    return _rows(batch, np.delete(np.arange(batch.rows), slice(first, first + rng.choice((1, 1, 2, 50)))))


def _inserted(rng: random.Random, batch: Batch) -> Batch:
    return _rows(batch, np.insert(np.arange(batch.rows), rng.randrange(batch.rows + 1), rng.randrange(batch.rows)))


def _swapped(rng: random.Random, batch: Batch) -> Batch:
    index = np.arange(batch.rows)
    one, two = rng.randrange(batch.rows), rng.randrange(batch.rows)
    index[[one, two]] = index[[two, one]]
    return _rows(batch, index)


def _turned(rng: random.Random, batch: Batch) -> Batch:
    index = np.arange(batch.rows)
    first = rng.randrange(batch.rows)
    last = first + rng.randint(2, 40)
    index[first:last] = index[first:last][::-1].copy()
    return _rows(batch, index)


def _line(rng: random.Random, batch: Batch) -> Batch:
    number, name = rng.randrange(len(batch.lines)), rng.choice([name for name in Line.__dataclass_fields__ if name != "scope"])
    old = batch.lines[number]
    new = replace(old, **({name: getattr(old, name) + "x"} if rng.random() < 0.8 else {"scope": old.scope % 3 + 1}))
    return replace(batch, lines=(*batch.lines[:number], new, *batch.lines[number + 1 :]))


def _rule(rng: random.Random, batch: Batch) -> Batch:
    number = rng.randrange(len(batch.rules))
    old: Rule = batch.rules[number]
    changes: list[dict[str, Any]] = [
        {"numerator": old.numerator + 1},
        {"denominator": old.denominator * 10},
        {"gas": old.gas + "e"},
        {"kind": "memo" if old.kind != "memo" else "outside"},
        {"basis": "market" if old.basis != "market" else "location"},
        {"parts": (*old.parts, ("another", "0" * 64))},
        {"provisional": not old.provisional},
        {"note": old.note + "."},
    ]
    return replace(batch, rules=(*batch.rules[:number], replace(old, **rng.choice(changes)), *batch.rules[number + 1 :]))


def _fewer_lines(rng: random.Random, batch: Batch) -> Batch:
    lines = list(batch.lines)
    rng.choice([lambda: lines.pop(), lambda: lines.reverse(), lambda: lines.append(lines[0])])()
    return replace(batch, lines=tuple(lines))
