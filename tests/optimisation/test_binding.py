"""Binding limits: what the sentences say one more would save is what it does save, whole numbers staying as they are."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks._cities import demo_like
from optimisation import explain, matrix, solve
from optimisation.program import formulate


@pytest.fixture(scope="module")
def solved():
    model = formulate(*demo_like(steps=48))
    found = matrix.compiled(model)
    return model, found, solve.solved(found.arrays)


def _wider(arrays, fact, position, by):
    """One limit of the problem moved outwards by `by`."""
    limits = {}
    for side, sign in (("lower", -1), ("upper", 1)):
        if fact.side in ("row", side):
            name = f"{'row' if fact.side == 'row' else 'col'}_{side}"
            limits[name] = getattr(arrays, name) + sign * by * (np.arange(len(getattr(arrays, name))) == position)
    return replace(arrays, **limits)


def test_one_more_saves_what_is_said(solved):
    model, found, answer = solved
    base, checked = solve.priced(found.arrays, answer.x).objective, 0
    for fact in explain.facts(model, found):
        worth = explain.worths(found, answer, fact)
        if worth.max(initial=0.0) < 1e-5:
            continue
        where, by = int(worth.argmax()), 1e-4
        less = base - solve.priced(_wider(found.arrays, fact, fact.positions[where], by), answer.x).objective
        assert less <= worth[where] * by * (1 + 1e-3) + 1e-9, fact.words.text
        checked += less > 0
    assert checked >= 4


def test_a_limit_of_whole_numbers_alone_is_not_said_to_bind(solved):
    model, found, answer = solved
    facts = {(fact.component, fact.asset): fact for fact in explain.facts(model, found) if fact.side == "row"}
    whole = [fact for fact in facts.values() if not _continuous(found.arrays, fact.positions[0])]
    assert whole, "no row of whole numbers alone: the test shows nothing"
    loud = replace(answer, row_dual=np.ones_like(answer.row_dual))
    for fact in whole:
        assert explain.worths(found, loud, fact).max() == 0.0


def _continuous(arrays, row):
    columns = np.repeat(np.arange(len(arrays.cost)), np.diff(arrays.start))[arrays.index == row]
    return bool((~arrays.integer[columns]).any())


def test_binding_limits_do_not_name_what_is_no_news(solved):
    model, found, answer = solved
    sentences = explain.binding(model, found, answer)
    assert 0 < len(sentences) <= 12
    assert not any("forecast's" in sentence and "generation" in sentence for sentence in sentences)
