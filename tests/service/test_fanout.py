"""The same answers in the same order, with one process or several."""

import pytest

from service.fanout import fanout


def square(key: int) -> int:
    return key * key


def test_a_plain_loop_keeps_the_order() -> None:
    assert fanout(square, [3, 1, 2]) == [9, 1, 4]


@pytest.mark.slow
def test_two_processes_give_the_same_as_one() -> None:
    keys = list(range(20))
    assert fanout(abs, keys, workers=2) == fanout(abs, keys, workers=1)
