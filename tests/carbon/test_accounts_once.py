"""Nothing is counted twice: what is refused, what is doubted, and a pump's meter that moves in and out of the books."""

from datetime import UTC, date, datetime, timedelta
from time import process_time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from carbon.accounts import account_of, check, double_counting, doubts
from carbon.accounts.own_supply import pools
from carbon.accounts.remainders import net
from carbon.ledger.post import post
from city import quality as q
from city.frames import Block
from city.places import Meter, Total
from city.problems import PenstockError
from city.quantities import Quantity

START = datetime(2022, 6, 14, 22, tzinfo=UTC)
KNOWN = datetime(2022, 6, 16, tzinfo=UTC)
BASE = {"site": "waterworks", "sector": "water", "region": "CN-ZJ"}


def power(name: str, **more):
    return account_of(id=name, kind="grid-electricity", point=f"{name}.energy", **{**BASE, **more})


def meter(name: str, under: str | None = None) -> Meter:
    return Meter(id=name, site="waterworks", commodity="electricity", role="load", model="electricity-meter", under=under)


def block(values: dict[str, list[int]], missing: str = "") -> Block:
    cells = np.array(list(values.values()), np.int64)
    flags = np.full(cells.shape, q.VALID, np.uint16)
    ids = tuple(f"{name}.energy" for name in values)
    if missing:
        flags[ids.index(f"{missing}.energy"), 0] = q.missing(q.Cause.GAP)
    return Block(ids, START, timedelta(hours=1), Quantity.ENERGY_KWH, cells, flags)


def usage_of(made: Block) -> pd.DataFrame:
    """USAGE rows of a Block, one per point and step."""
    start = np.tile(made.times, len(made.ids))
    rows = {"point_id": np.repeat(made.ids, made.steps), "period_start_utc": start, "period_end_utc": start + pd.Timedelta(made.step)}
    cells = {"quantity": str(made.quantity), "amount": made.values.ravel(), "quality": made.quality.ravel().astype(int), "version": 1}
    return pd.DataFrame(rows | cells)


def city_total(made: Block, accounts, shipped) -> tuple[int, int]:
    """Wh and mg in the city's sum."""
    batch = post(usage_of(made), accounts, (), shipped, KNOWN, zone="Europe/Rome")
    return int(batch.columns["amount"].sum()), int(batch.columns["mg"].sum())


def test_a_pumps_meter_moves_in_and_out_of_the_books_and_the_city_total_stands(shipped):
    main, pump, supply = power("main"), power("pump", within="main"), account_of(id="w", kind="water-supply", point="w.volume", **BASE)
    hours = block({"main": [5_000, 7_000], "pump": [3_000, 4_000]})
    without, _ = net(hours.select(["main.energy"]), [main])
    within, problems = net(hours, [main, pump])
    assert problems == []
    assert within.values.tolist() == [[2_000, 3_000], [3_000, 4_000]]
    water = pd.DataFrame(
        {
            "point_id": ["w.volume"],
            "period_start_utc": [pd.Timestamp(START)],
            "period_end_utc": [pd.Timestamp(START) + pd.Timedelta(2, "h")],
            "quantity": ["volume_m3"],
            "amount": [900_000_000],
            "quality": [1],
            "version": [1],
        }
    )
    out = city_total(without, [main], shipped)
    assert out == (12_000, 12_000 * 5153 // 10)
    assert city_total(within, [main, pump], shipped) == out
    batch = post(pd.concat([usage_of(within), water]), [main, pump, supply], (), shipped, KNOWN, zone="Europe/Rome")
    assert int(batch.columns["mg"].sum()) == out[1]  # the water that the pump lifts adds a volume and no gram


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=6))
def test_a_main_meter_and_all_within_it_sum_to_the_main_meter(hours):
    rest, inner, innermost = (list(column) for column in zip(*hours, strict=True))
    middle = [a + b for a, b in zip(inner, innermost, strict=True)]
    main = [a + b for a, b in zip(rest, middle, strict=True)]
    books = [power("main"), power("hall", within="main"), power("pump", within="hall")]
    made, problems = net(block({"main": main, "hall": middle, "pump": innermost}), books)
    assert problems == []
    assert made.values.sum(axis=0).tolist() == main
    assert made.values[2].tolist() == innermost


def test_what_a_silent_sub_meter_saw_stays_in_the_remainder_as_an_estimate():
    made, _ = net(block({"main": [5_000, 7_000], "pump": [3_000, 4_000]}, missing="pump"), [power("main"), power("pump", within="main")])
    assert made.values[0].tolist() == [5_000, 3_000]
    estimate = q.code(q.Flag.ESTIMATED_LIKE_DAY, q.Cause.SUM_CHECK)
    assert made.quality[0].tolist() == [estimate, q.VALID]
    guessed = block({"main": [5_000, 7_000], "pump": [3_000, 4_000]})
    guessed.quality[1, 1] = q.code(q.Flag.ESTIMATED_LINEAR)
    made, _ = net(guessed, [power("main"), power("pump", within="main")])  # measured less an estimate is an estimate
    assert (made.values[0].tolist(), made.quality[0].tolist()) == ([2_000, 3_000], [q.VALID, estimate])


def test_a_remainder_below_zero_is_a_sentence_and_weighs_nothing():
    books = [power("main"), power("pump", within="main")]
    made, (problem,) = net(block({"main": [5_000, 1_000], "pump": [3_000, 4_000]}), books)
    assert made.usable()[0].tolist() == [True, False]
    assert "less than its sub-meters pump.energy together in 1 steps, first 2022-06-14T23:00Z" in str(problem)


def test_a_sub_meter_of_other_steps_than_its_main_meter_is_not_counted_beside_it():
    books = [power("main"), power("pump", within="main")]
    made, (problem,) = net(block({"pump": [3_000]}), books)
    assert not made.usable().any()
    assert "within 'main', whose meter is not read in the same steps" in str(problem)


@pytest.mark.parametrize(
    ("accounts", "words"),
    [
        ([power("a"), power("b", within="c")], "'b': within 'c', which is no account"),
        ([power("a", within="b"), power("b", within="a")], "its main meter is within itself"),
        ([power("a"), account_of(id="g", kind="natural-gas", point="g.volume", within="a", **BASE)], "'g': within 'a', a grid-electricity"),
        ([power("a"), account_of(id="b", kind="grid-electricity", point="a.energy", **BASE)], "is counted by 'a' too"),
        ([power("a"), account_of(id="a", kind="own-renewable", point="x.energy", **BASE)], "two accounts of that id"),
        ([power("a"), account_of(id="r", kind="own-renewable", point="r.energy", supplies=["b"], **BASE)], "'r': supplies 'b'"),
    ],
)
def test_accounts_that_contradict_each_other_are_refused(accounts, words):
    with pytest.raises(PenstockError, match=words):
        check(accounts)


PAPER = {"stated": [{"first": "2022-06-14", "last": "2022-06-15", "amount": 4, "source": "bill"}]}


def on_paper(name: str, kind: str = "grid-electricity", **more):
    return account_of(id=name, kind=kind, **PAPER, **{**BASE, **more})


def loss(**more):
    return account_of(id="loss", kind="grid-loss", **{**BASE, **more})


@pytest.mark.parametrize(
    "books",
    [
        [power("main"), on_paper("tenant", within="main")],
        [on_paper("main"), power("tenant", within="main")],
        [on_paper("main"), on_paper("tenant", within="main")],
    ],
)
def test_a_document_within_a_main_meter_is_refused_for_no_hour_of_it_can_be_taken_off(books):
    with pytest.raises(PenstockError, match="'tenant': within 'main', and one of the two has its amounts from documents"):
        check(books)


def test_a_sub_meter_behind_the_same_main_meter_as_a_plant_is_refused():
    # main 38 from the grid, the pump used 50, of which the roof gave 12: pump and remainder would weigh 50 from the grid
    roof = account_of(id="roof", kind="own-renewable", point="roof.energy", within="main", **BASE)
    with pytest.raises(PenstockError, match="'pump': within 'main', and so is the plant 'roof'"):
        check([power("main"), power("pump", within="main"), roof])
    with pytest.raises(PenstockError, match="'pump': within 'hall', and so is the plant 'roof'"):
        check([power("main"), power("hall", within="main"), power("pump", within="hall"), roof])


def test_a_grids_loss_from_documents_or_derived_with_every_meter_named_once():
    check([power("a"), on_paper("b"), on_paper("loss", "grid-loss")])
    roof = account_of(id="roof", kind="own-renewable", point="roof.energy", **BASE)
    for books, words in (
        ([on_paper("b"), loss(infeed=["in.energy"])], "'b': its amounts are from documents"),
        ([on_paper("sun", "own-renewable"), loss(infeed=["in.energy"])], "'sun': its amounts are from documents"),
        ([power("a"), power("b", within="a"), loss(infeed=["a.energy"])], "'a': it counts all of 'a.energy' that is not within it"),
        ([loss(infeed=["in.energy", "in.energy"])], "'in.energy' comes in 2 times"),
        ([roof, loss(infeed=["in.energy"], generation=["roof.energy"])], "'roof.energy' comes in 2 times"),
    ):
        with pytest.raises(PenstockError, match=words):
            check(books)
    check([roof.model_copy(update={"within": "a"}), power("a"), loss(infeed=["in.energy"], generation=["roof.energy"])])
    for fields in ({}, {"infeed": ["in.energy"], **PAPER}):
        with pytest.raises(ValidationError, match="either infeed"):
            loss(**fields)


def test_plants_that_share_one_consumer_and_not_the_others_are_refused():
    books = [power("a"), power("b")]
    books += [account_of(id=p, kind="own-renewable", point=f"{p}.energy", supplies=s, **BASE) for p, s in (("p", ["a"]), ("r", ["a", "b"]))]
    with pytest.raises(PenstockError, match="'r': covers 'a', which another plant covers together with others"):
        check(books)


def test_a_meter_and_its_sub_meter_both_posting_are_refused_until_one_is_within_the_other():
    meters = [meter("main"), meter("hall", under="main"), meter("pump", under="hall")]
    (problem,) = double_counting([power("main"), power("pump")], meters)
    assert "account 'pump': its meter is under that of account 'main'" in str(problem)
    assert double_counting([power("main"), power("pump", within="main")], meters) == []
    assert double_counting([power("hall"), power("main", site="x")], meters) != []
    assert double_counting([power("pump")], meters) == []


def test_a_plant_behind_a_main_meter_is_not_taken_off_it_a_second_time():
    meters = [meter("main"), meter("sun", under="main")]
    roof = {"kind": "own-renewable", "point": "sun.energy", **BASE}
    (problem,) = double_counting([power("main"), account_of(id="roof", **roof)], meters)
    assert "account 'roof': its meter is under that of account 'main'; allowed: a plant behind a main meter is within it" in str(problem)
    inside = [power("main"), account_of(id="roof", within="main", **roof)]
    assert double_counting(inside, meters) == []
    assert pools(inside) == []
    made, problems = net(block({"main": [700], "sun": [300]}), inside)
    assert (made.values.tolist(), problems) == ([[700], [300]], [])
    with pytest.raises(PenstockError, match="'roof': within 'main', a grid-electricity, and supplies main"):
        check([power("main"), account_of(id="roof", within="main", supplies=["main"], **roof)])


def test_a_plant_under_a_main_meter_of_another_site_is_within_it_too():
    meters = [meter("main"), meter("sun", under="main"), meter("hall", under="main")]
    roof = account_of(id="roof", kind="own-renewable", point="sun.energy", **{**BASE, "site": "annex"})
    (problem,) = double_counting([power("main"), power("hall", site="annex", within="main"), roof], meters)
    assert "account 'roof': its meter is under that of account 'main'" in str(problem)


def test_a_total_beside_its_parts_is_refused():
    totals = [Total(id="city", of=("north",)), Total(id="north", of=("a.energy",))]
    whole = account_of(id="all", kind="grid-electricity", point="city", **BASE)
    (problem,) = double_counting([whole, power("a")], [], totals)
    assert "total 'city' contains 'a.energy' of account 'a'" in str(problem)
    assert double_counting([whole, power("b")], [], totals) == []


def test_two_meters_of_one_site_and_commodity_without_a_word_are_a_doubt():
    (problem,) = doubts([power("a"), power("b"), power("c", site="other")])
    assert "accounts 'a', 'b': 2 meters of electricity at site 'waterworks'" in str(problem)
    assert doubts([power("a", adds=True), power("b", adds=True)]) == []
    assert doubts([power("a"), power("b", within="a")]) == []
    (left,) = doubts([power("a", adds=True), power("b")])
    assert "account 'b': 2 meters" in str(left)
    gas = [account_of(id="m", kind="natural-gas", point="m.volume", **BASE)]
    gas.append(account_of(id="n", kind="fuel", fuel="natural gas", counts="heat_kwh", heat_value="net", point="n.heat", **BASE))
    assert "accounts 'm', 'n': 2 meters of gas" in str(doubts(gas)[0])


def test_ten_thousand_accounts_of_one_site_are_checked_within_a_second():
    books = [power(f"a{i}") for i in range(10_000)]
    books += [account_of(id=f"p{i}", kind="own-renewable", point=f"p{i}.energy", **BASE) for i in range(1_000)]
    began = process_time()
    check(books)
    assert len(doubts(books)) == 1
    assert process_time() - began < 1


def test_an_account_is_within_another_or_adds_and_not_both():
    with pytest.raises(ValidationError, match="contradict"):
        power("a", within="b", adds=True)
    with pytest.raises(ValidationError, match="within itself"):
        power("a", within="a")


def test_documents_of_one_account_may_not_overlap():
    bills = [{"first": date(2022, 1, 1), "last": date(2022, 1, 31), "amount": "5", "source": f"bill {i}"} for i in (1, 2)]
    account = account_of(id="d", kind="fuel", fuel="diesel", counts="mass_kg", stated=bills, **BASE)
    with pytest.raises(PenstockError, match="'bill 2' from 2022-01-01 overlaps 'bill 1' to 2022-01-31"):
        check([account])


@pytest.mark.parametrize("name", ["", "a\nb", "a\x00", "a\u202eb"])
def test_an_id_that_no_statement_could_print_is_refused(name):
    with pytest.raises(ValidationError, match="id"):
        power(name)
