"""Own supply: every watt-hour is own or grid, none is both, and what is not used is exported."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon.accounts import account_of
from carbon.accounts.own_supply import pools, split
from carbon.apportion import apportion
from city import quality as q
from city.frames import Block
from city.problems import PenstockError
from city.quantities import Quantity

START = datetime(2022, 6, 15, tzinfo=UTC)


def block(names: str, values, quality=None, start=START) -> Block:
    cells = np.array(values, np.int64).reshape(len(names), -1)
    flags = np.full(cells.shape, q.VALID, np.uint16) if quality is None else np.array(quality, np.uint16)
    return Block(tuple(names), start, timedelta(hours=1), Quantity.ENERGY_KWH, cells, flags)


def account(name: str, kind: str = "grid-electricity", site: str = "here", **more):
    return account_of(id=name, kind=kind, point=f"{name}.energy", site=site, sector="services", region="CN-ZJ", **more)


def test_ten_watt_hours_among_three_consumers_go_by_largest_remainder():
    made = split(block("abc", [[5], [5], [10]]), block("p", [[9]]))
    # 9 x 5/20 = 2.25, 2.25, 4.5: whole parts 2, 2, 4; the one left goes to the largest rest
    assert made.own.values.ravel().tolist() == [2, 2, 5]
    assert made.grid.values.ravel().tolist() == [3, 3, 5]
    assert made.export.tolist() == [0]


def test_what_nobody_uses_in_the_hour_is_export_and_does_not_wait_for_the_next():
    made = split(block("a", [[100, 100]]), block("p", [[250, 0]]))
    assert made.own.values.tolist() == [[100, 0]]
    assert made.grid.values.tolist() == [[0, 100]]
    assert made.export.tolist() == [150, 0]


cells = st.lists(st.lists(st.integers(0, 4 * 10**9), min_size=3, max_size=3), min_size=1, max_size=5)


@settings(max_examples=200, deadline=None)
@given(cells, st.lists(st.integers(0, 10**10), min_size=3, max_size=3))
def test_own_and_grid_add_up_to_the_meter_for_every_account_and_hour(used, generated):
    made = split(block("abcde"[: len(used)], used), block("p", [generated]))
    own, grid, metered = made.own.values, made.grid.values, np.array(used)
    assert (own + grid == metered).all()
    assert (own >= 0).all()
    assert (grid >= 0).all()
    assert (own.sum(axis=0) == np.minimum(metered.sum(axis=0), generated)).all()
    assert (own.sum(axis=0) + made.export == generated).all()
    for hour in range(3):
        assert own[:, hour].tolist() == apportion(int(own[:, hour].sum()), metered[:, hour].tolist())


def test_an_hour_that_is_missing_takes_no_own_supply_and_stays_as_it_was_read():
    made = split(block("ab", [[700], [50]], [[q.missing(q.Cause.GAP)], [q.VALID]]), block("p", [[500]]))
    assert made.own.values.ravel().tolist() == [0, 50]
    assert made.grid.values.ravel().tolist() == [700, 0]
    assert made.export.tolist() == [450]
    assert made.grid.usable().ravel().tolist() == [False, True]


def test_generation_that_is_missing_covers_nothing():
    made = split(block("a", [[50]]), block("p", [[500]], [[q.missing(q.Cause.GAP)]]))
    assert (made.own.values.item(), made.grid.values.item(), made.export.item()) == (0, 50, 0)


def test_negative_values_and_blocks_of_other_hours_are_refused():
    with pytest.raises(PenstockError, match="own supply of 'b': a negative amount"):
        split(block("ab", [[1], [-1]]), block("p", [[1]]))
    with pytest.raises(PenstockError, match="different time grids"):
        split(block("a", [[1]]), block("p", [[1]], start=START + timedelta(hours=1)))


def test_a_plant_covers_its_own_site_or_the_accounts_it_names():
    books = [account("a"), account("b", site="there"), account("roof", "own-renewable"), account("park", "own-renewable", site="far")]
    assert pools(books) == [(("roof",), ("a",))]  # a plant alone on its site feeds the public grid
    line = account("park", "own-renewable", site="far", supplies=["b"])
    assert pools([*books[:3], line]) == [(("roof",), ("a",)), (("park",), ("b",))]
    both = account("park", "own-renewable", site="far", supplies=["a"])
    assert pools([*books[:3], both]) == [(("roof", "park"), ("a",))]
