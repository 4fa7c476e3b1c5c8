"""Balances: losses of the grid derived, and a city whose levels and whose energy close to the watt-hour and the milligram."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon.accounts import account_of
from carbon.accounts.balance import electricity, grid_loss, levels
from carbon.accounts.own_supply import pools, split
from carbon.accounts.remainders import net
from carbon.ledger.ledger import Ledger
from carbon.ledger.post import post
from city import quality as q
from city.frames import Block
from city.places import Site
from city.problems import PenstockError
from city.quantities import Quantity

START = datetime(2022, 6, 14, 22, tzinfo=UTC)
KNOWN = datetime(2022, 6, 16, tzinfo=UTC)
SITES = [Site(id="works", sector="industry", district="north"), Site(id="homes", sector="households", district="south")]
SITES += [Site(id="grid", sector="energy")]


def account(name: str, site: str, kind: str = "grid-electricity", **more):
    sector = next(one.sector for one in SITES if one.id == site)
    point = {} if kind == "grid-loss" else {"point": f"{name}.energy"}
    return account_of(id=name, kind=kind, site=site, sector=sector, region="CN-ZJ", **point, **more)


BOOKS = [
    account("works", "works"),
    account("pump", "works", within="works"),
    account("homes", "homes"),
    account("roof", "works", kind="own-renewable"),
    account("loss", "grid", kind="grid-loss", infeed=["infeed.energy"], outfeed=["outfeed.energy"]),
]
IDS = ("works", "pump", "homes", "roof", "infeed", "outfeed")


def block(values, ids=IDS, quality=None) -> Block:
    cells = np.array(values, np.int64)
    flags = np.full(cells.shape, q.VALID, np.uint16) if quality is None else np.array(quality, np.uint16)
    return Block(tuple(f"{name}.energy" for name in ids), START, timedelta(hours=1), Quantity.ENERGY_KWH, cells, flags)


def rows(point: str, amounts, quality, supply: str) -> pd.DataFrame:
    times = pd.date_range(START, periods=len(amounts), freq="h", unit="us")
    named = {"point_id": point, "period_start_utc": times, "period_end_utc": times + pd.Timedelta(1, "h"), "quantity": "energy_kwh"}
    return pd.DataFrame(named | {"amount": amounts, "quality": quality.astype(int), "version": 1, "supply": supply})


def posted(hours: Block, shipped) -> Ledger:
    """The way of a night: main meters less sub-meters, losses, own supply, entries."""
    netted, _ = net(hours, BOOKS)
    lost, quality, _ = grid_loss(BOOKS[-1], BOOKS, netted)
    frames = [rows("loss.loss", lost, quality, "grid"), rows("roof.energy", *_series(netted, "roof"), "grid")]
    ((plants, users),) = pools(BOOKS)
    shares = split(netted.select([f"{name}.energy" for name in users]), netted.select([f"{name}.energy" for name in plants]))
    for share, part in (("own", shares.own), ("grid", shares.grid)):
        frames += [rows(f"{name}.energy", *_series(part, name), share) for name in users]
    frames.append(rows("homes.energy", *_series(netted, "homes"), "grid"))
    return Ledger.of([post(pd.concat(frames), BOOKS, SITES, shipped, KNOWN, zone="Europe/Rome")])


def _series(made: Block, name: str):
    place = made.ids.index(f"{name}.energy")
    return made.values[place], made.quality[place]


def by(ledger: Ledger, *names: str) -> pd.DataFrame:
    columns = (*names, "activity", "quantity", "kind", "basis", "gas", "rule_id")
    return ledger.book(by=columns, zone="Europe/Rome", period="D")


def test_losses_are_what_came_in_and_was_generated_less_all_meters():
    # works saw 60 with the pump's 20 in it, homes 30; in came 70 + 30 of the roof, 4 went out: 96 - 90 = 6
    hours, _ = net(block([[60], [20], [30], [30], [70], [4]]), BOOKS)
    values, quality, problems = grid_loss(BOOKS[-1], BOOKS, hours)
    assert (values.tolist(), q.usable(quality).tolist(), problems) == ([6], [True], [])


def test_a_plant_behind_a_main_meter_brings_in_what_that_meter_exports():
    behind = account("roof", "works", kind="own-renewable", within="works")
    loss = account("loss", "grid", kind="grid-loss", infeed=["infeed.energy"], generation=["outfeed.energy"])
    # the roof made 30, of which 4 went out through the main meter; 70 + 4 came in, works took 38 and homes 30
    values, _, _ = grid_loss(loss, [BOOKS[0], BOOKS[2], behind, loss], block([[38], [20], [30], [30], [70], [4]]))
    assert values.tolist() == [6]


def test_a_loss_below_zero_is_a_sentence_and_weighs_nothing():
    hours, _ = net(block([[60, 60], [20, 20], [30, 45], [30, 30], [70, 70], [4, 4]]), BOOKS)
    values, quality, (problem,) = grid_loss(BOOKS[-1], BOOKS, hours)
    assert q.usable(quality).tolist() == [True, False]
    assert "account 'loss': meters saw 9 Wh more than came in, in 1 steps, first 2022-06-14T23:00Z" in str(problem)
    assert values.tolist() == [6, -9]


def test_an_hour_without_one_of_the_meters_has_no_loss_and_a_meter_of_other_steps_is_named():
    flags = np.full((6, 1), q.VALID)
    flags[2] = q.missing(q.Cause.TIMEOUT)
    _, quality, problems = grid_loss(BOOKS[-1], BOOKS, block([[60], [20], [30], [30], [70], [4]], quality=flags))
    assert (q.usable(quality).tolist(), problems) == ([False], [])
    flags[2] = q.code(q.Flag.ESTIMATED_LIKE_DAY)
    _, quality, problems = grid_loss(BOOKS[-1], BOOKS, block([[40], [20], [30], [30], [70], [4]], quality=flags))
    assert (q.usable(quality).tolist(), q.measured(quality).tolist(), problems) == ([True], [False], [])  # a meter's estimate is in it
    with pytest.raises(PenstockError, match=r"account 'loss': no values of outfeed\.energy"):
        grid_loss(BOOKS[-1], BOOKS, block([[60], [20], [30], [30], [70]], IDS[:-1]))


hour = st.tuples(*[st.integers(0, 10**8)] * 5)


@settings(max_examples=15, deadline=None)
@given(st.lists(hour, min_size=1, max_size=4))
def test_city_districts_sites_and_accounts_close_and_so_does_the_energy(shipped, hours):
    rest, pump, homes, roof, loss = (np.array(column) for column in zip(*hours, strict=True))
    works = rest + pump
    outfeed = np.maximum(roof - works, 0)
    infeed = works + homes + loss + outfeed - roof
    ledger = posted(block([works, pump, homes, roof, infeed, outfeed]), shipped)
    books = {
        name: by(ledger, *columns) for name, columns in (("city", ()), ("district", ("district",)), ("account", ("account_id", "site")))
    }
    assert levels(books) == []
    city = books["city"]
    of_accounts = books["account"]
    assert electricity(of_accounts, BOOKS, {"2022-06-15": int(infeed.sum())}, {"2022-06-15": int(outfeed.sum())}) == []
    of = of_accounts.groupby("account_id", observed=True)["amount"].sum()
    assert int(of["works"] + of["pump"]) == int(works.sum())
    own = city[city["basis"] == "direct"]
    assert int(own["amount"].sum()) == int(np.minimum(works, roof).sum())
    assert int(own["mg"].sum()) == 0


def test_a_book_that_lost_a_watt_hour_or_a_milligram_is_named(shipped):
    ledger = posted(block([[60], [20], [30], [30], [70], [4]]), shipped)
    city, sites = by(ledger), by(ledger, "site")
    assert levels({"city": city, "site": sites}) == []
    for column in ("amount", "mg"):
        spoilt = sites.copy()
        spoilt.loc[spoilt["site"] == "homes", column] += 1
        (problem,) = levels({"city": city, "site": spoilt})
        assert "books by city and by site, period 2022-06-15, kind posting, basis location, gas CO2, quantity energy_kwh" in str(problem)
    (gone,) = levels({"city": city, "site": sites[sites["site"] != "grid"]})
    assert "amount" in str(gone)


def test_energy_that_does_not_close_is_a_sentence_with_both_sums(shipped):
    book = by(posted(block([[60], [20], [30], [30], [70], [4]]), shipped), "account_id")
    assert electricity(book, BOOKS, {"2022-06-15": 70}, {"2022-06-15": 4}) == []
    (problem,) = electricity(book, BOOKS, {"2022-06-15": 71}, {"2022-06-15": 4})
    assert "electricity of 2022-06-15: 66 Wh used and lost beyond own generation, 67 Wh came in" in str(problem)
