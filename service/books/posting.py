"""Batches of the ledger as one process makes them: counted, posted or restated, each file on the disk before anything is listed."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from carbon import factors, lint
from carbon.accounts import GridLoss, provisional
from carbon.gwp import gwp
from carbon.ledger.batch import Batch, Header
from carbon.ledger.chain import append
from carbon.ledger.civil import micros
from carbon.ledger.ledger import Ledger
from carbon.ledger.post import post
from carbon.ledger.restate import doubled, restate
from city.clock import civil_day, local_date
from city.problems import Problem, fault
from city.quality import usable
from city.quantities import Quantity
from service.books import counted, former_ledger
from service.settings import LoadedCity
from service.store import ledger
from service.store.meter_days import Day

ROWS = 500_000  # usage rows held at a time, roughly
Sign = Callable[[str], tuple[str, str]]  # root [hex] -> public key, signature [hex]
_MG_PER_TONNE = Decimal(10) ** 9


class Made(NamedTuple):
    """A batch that was written: of which civil days, and what it adds to the city's sum [t CO2e], the last day apart."""

    header: Header
    days: list[date]
    tonnes: Decimal
    last_tonnes: Decimal
    missing: int  # entries that weigh nothing because nothing is known


class Posting:
    """The batches made so far, in order, behind the last one that is listed. Whoever makes one holds the lock of the night."""

    def __init__(self, engine: Engine, city: LoadedCity, known_at_utc: datetime) -> None:
        self.engine, self.city = engine, city
        self.folder = city.folder / ledger.FOLDER
        self.zone = city.settings.city.time_zone
        rules = city.settings.carbon
        self.accounts = provisional(city.settings.accounts) if rules.provisional == "latest" else city.settings.accounts
        lint.refuse(city.factor_folders)
        self.factors = factors.load(city.factor_folders)
        self.weights = gwp(self.factors, rules.gwp)
        self.problems: list[Problem] = []
        self.made: list[Made] = []
        row = ledger.head(engine)
        self._head = ledger.header(row) if row else None
        self.known_at_utc = max(known_at_utc, row.known_at_utc) if row else known_at_utc
        if row and self.known_at_utc > known_at_utc:
            observed = f"batch {row.number} became known at {row.known_at_utc:%Y-%m-%d %H:%MZ}"
            allowed, remedy = f"up to now, {known_at_utc:%Y-%m-%d %H:%MZ}", "Check the clock; what is posted now is dated like that batch."
            self.problems.append(Problem("ledger", observed, allowed, remedy))
        if row and row.rows:
            self._same_zone(row)
        self._genesis = former_ledger.root(engine)

    def _same_zone(self, row: Any) -> None:
        """The entries of a batch lie within its civil days: in another time zone days would be posted twice in part, or not at all."""
        start, end = (micros(civil_day(day, self.zone)[0]) for day in (row.first_day, row.last_day + timedelta(days=1)))
        if row.start_us < start or row.end_us > end:
            observed, remedy = f"'{self.zone}', in which batch {row.number} is not of whole days", "Set it back: a ledger keeps its zone."
            raise fault("city, time_zone", observed, "the time zone in which the ledger was posted", remedy)

    def post(self, days: Sequence[Day]) -> None:
        """One batch of civil days that follow each other and were not posted yet. Raises `PenstockError` for what would count twice."""
        usage, found = counted.usage(self.engine, self.city, days)
        self.problems += found
        batch = post(usage, self.accounts, self.city.settings.sites, self.factors, self.known_at_utc, zone=self.zone)
        doubled(ledger.open_ledger(self.engine, self.city.folder, days[0][0], days[-1][1]), batch)
        self._append(batch, days)

    def restate(self, days: Sequence[Day], reason: str, only: Collection[str] | None = None) -> None:
        """One batch that takes back what differs by now on civil days that follow each other, and posts it anew; none when nothing does.

        `only`: of these accounts.
        """
        batch = self.differing(days, reason, only)
        if batch is not None:
            ledger.sound(ledger.open_ledger(self.engine, self.city.folder, days[0][0], days[-1][1]), self.city.folder)
            self._append(batch, days)

    def differing(self, days: Sequence[Day], reason: str, only: Collection[str] | None = None) -> Batch | None:
        """What `restate` would append."""
        usage, found = counted.usage(self.engine, self.city, days)
        self.problems += found
        start, end = days[0][0], days[-1][1]
        stood = ledger.open_ledger(self.engine, self.city.folder, start, end)
        if only is not None:
            only = self._with_former(stood, only)
        made = restate(
            stood,
            usage,
            self.accounts,
            self.city.settings.sites,
            self.factors,
            self.known_at_utc,
            zone=self.zone,
            reason=reason,
            start=start,
            end=end,
            account_ids=only,
        )
        if made is not None:
            doubled(stood, made)
        return made

    def _with_former(self, stood: Ledger, ids: Collection[str]) -> set[str]:
        """The accounts, and those under which the usage of their points was posted: an account may have got another id since."""
        points = {account.id: account.point for account in self.accounts}
        posted = {(line.account_id, line.point_id) for one in stood.batches for line in one.lines}
        posted |= set(points.items())
        lossy = {account.id for account in self.accounts if isinstance(account, GridLoss)}
        found = set(ids)
        while True:
            theirs = {points[name] for name in found & points.keys()}
            gone = {name for name, point in posted if point == f"{name}.loss" and name not in points and found & lossy}
            more = {name for name, point in posted if point in theirs} | gone
            if more <= found:
                return found
            found |= more

    def chunks(self, days: Sequence[Day]) -> Iterator[Sequence[Day]]:
        """The days in runs that follow each other and are few enough for the memory."""
        hourly = 24 // self.city.settings.carbon.entry_hours
        rows = sum(hourly if account.quantity == Quantity.ENERGY_KWH else 1 for account in self.accounts)
        most, first = max(1, ROWS // max(rows, 1)), 0
        for i in range(1, len(days) + 1):
            if i == len(days) or days[i][0] != days[i - 1][1] or i - first == most:
                yield days[first:i]
                first = i

    def _append(self, batch: Batch, days: Sequence[Day]) -> None:
        try:
            self._head = append(batch, self.folder, self._head, self._genesis)
        except OSError as error:
            observed, remedy = error.strerror or str(error), "Free the disk or mend the folder, then run it again: nothing was posted."
            raise fault(f"ledger files, {self.folder}", observed, "a folder with room that can be written", remedy) from None
        gone = int((~usable(batch.columns["quality"])).sum())
        sums = self._tonnes(batch, 0), self._tonnes(batch, micros(days[-1][0]))
        self.made.append(Made(self._head, [local_date(start, self.zone) for start, _ in days], *sums, gone))

    def list(self, connection: Connection, sign: Sign | None) -> None:
        """List every batch made, in the transaction of `connection`."""
        for made in self.made:
            ledger.add(connection, made.header, made.days, sign(made.header.root) if sign else None)

    @property
    def root(self) -> str:
        """Root after the last batch, hex."""
        return self._head.root if self._head else self._genesis

    def _tonnes(self, batch: Batch, since_us: int) -> Decimal:
        column, total = batch.columns, Decimal(0)
        for number, rule in enumerate(batch.rules):
            if rule.kind == "posting":
                mg = column["mg"][(column["start"] >= since_us) & (column["rule"] == number)]
                total += self.weights[rule.gas] * (int((mg >> 20).sum()) * 2**20 + int((mg & (2**20 - 1)).sum()))
        return total / _MG_PER_TONNE
