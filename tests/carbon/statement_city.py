"""A small city's ledger of June 2022, posted from literal usage, and what a statement of it is made from."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pandas as pd

from carbon import factors
from carbon.accounts import account_of
from carbon.gwp import gwp
from carbon.ledger.ledger import Ledger
from carbon.ledger.post import post
from carbon.statements.document import Seal
from carbon.statements.source import Source
from carbon.targets.energy import coal_weights
from city.places import Site

ZONE = "Asia/Shanghai"
KNOWN = datetime(2022, 7, 1, 3, tzinfo=UTC)
FACTORS = factors.load()
_PLACES = {
    "centre": ("services", "City centre 市中心"),
    "works": ("industry", "The works 工厂"),
    "flats": ("households", "Flats 住宅楼"),
    "utility": ("water", "Water utility 水司"),
    "park": ("energy", "Energy park 能源园"),
}
NAMES = {site: name for site, (_, name) in _PLACES.items()}
SITES = tuple(Site(id=site, sector=sector, name=name) for site, (sector, name) in _PLACES.items())


def _account(name, kind, site, point, **more):
    return account_of(id=name, kind=kind, point=point, site=site, sector=_PLACES[site][0], region="CN-ZJ", **more)


ACCOUNTS = (
    _account("centre-power", "grid-electricity", "centre", "c.e"),
    _account("works-power", "grid-electricity", "works", "w.e"),
    _account("flats-power", "grid-electricity", "flats", "f.e"),
    _account("works-gas", "natural-gas", "works", "w.g"),
    _account("flats-gas", "natural-gas", "flats", "f.g"),
    _account("pumps", "grid-electricity", "utility", "p.e"),
    _account("supply", "water-supply", "utility", "s.v"),
    _account("loss", "water-loss", "utility", "l.v"),
    _account("loss-energy", "water-loss-energy", "utility", "l.e"),
    _account("sun", "own-renewable", "park", "pv.e"),
    _account("silent-power", "grid-electricity", "centre", "x.e"),
)


USABLE = {a.id: {"silent-power": Fraction(0), "flats-gas": Fraction(9, 10)}.get(a.id, Fraction(1)) for a in ACCOUNTS}


def rows(point, amounts, quantity="energy_kwh", quality=1, start="2022-05-31T16:00Z", supply="grid"):
    """Hourly USAGE rows of a point from the start of June in the zone."""
    begin = pd.date_range(start, periods=len(amounts), freq="h", unit="us")
    named = {"point_id": point, "period_start_utc": begin, "period_end_utc": begin + pd.Timedelta(hours=1), "quantity": quantity}
    return pd.DataFrame({**named, "amount": amounts, "quality": quality, "version": 1, "supply": supply})


def usage(days=30):
    """A month: numbers with odd remainders, one account partly estimated, one with a gap."""
    hours = range(24 * days)
    quality = [1 if hour % 10 else 0x4000 for hour in hours]  # every tenth value is missing
    return pd.concat(
        [
            rows("c.e", [812_345 + 7 * (h % 24) for h in hours]),
            rows("w.e", [2_345_678 + 31 * h for h in hours]),
            rows("f.e", [512_111 + 13 * (h % 7) for h in hours]),
            rows("f.e", [33_333] * len(hours), supply="own"),
            rows("w.g", [88_123_457 + h for h in hours], "gas_m3"),
            rows("f.g", [12_345_679 - h for h in hours], "gas_m3", quality=quality),
            rows("p.e", [150_001] * len(hours)),
            rows("s.v", [311_000_333] * len(hours), "volume_m3"),
            rows("l.v", [21_000_777] * len(hours), "volume_m3"),
            rows("l.e", [10_101] * len(hours)),
            rows("pv.e", [44_444] * len(hours)),
        ],
        ignore_index=True,
    )


def ledger(days=30):
    """The ledger of that month, one batch a third of the month each."""
    frame = usage(days)
    day = (frame["period_start_utc"] - frame["period_start_utc"].min()).dt.days
    parts = [frame[(day >= first) & (day < first + 10)] for first in range(0, days, 10)]
    return Ledger.of([post(part, ACCOUNTS, SITES, FACTORS, KNOWN, zone=ZONE) for part in parts])


def source(made=None, language="en", **more):
    """The statement source of June 2022."""
    made = made or ledger()
    book = made.book(zone=ZONE, period="D")
    used = {(rule.rule_id, rule.gas): rule for one in made.batches for rule in one.rules}
    coal = {"equivalent": coal_weights(ACCOUNTS, FACTORS, date(2022, 6, 1), "equivalent")}
    told = {
        "city": "Alcora 阿尔科拉", "period": "2022-06", "language": language, "book": book, "zone": ZONE, "rules": used,
        "weights": gwp(FACTORS, "AR6"), "assessment": "AR6", "factors": {factor.id: factor for factor in FACTORS},
        "coal": coal, "names": NAMES, "usable": USABLE,
        "seal": Seal(made.root, len(made.batches), KNOWN.isoformat()),
    }  # fmt: skip
    return Source(**{**told, **more})
