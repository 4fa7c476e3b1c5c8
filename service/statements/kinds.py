"""The kinds of statement a city has, each from what the store holds: a name for its files, and the document."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Engine

from carbon.accounts.gpc import SUBSECTORS, notation
from carbon.statements.by_account import by_account
from carbon.statements.community import community
from carbon.statements.document import Document
from carbon.statements.energy import balance
from carbon.statements.inventory import inventory
from carbon.statements.source import Source
from city.clock import local_date
from city.problems import PenstockError, fault
from service.books.closing import span
from service.night import Night
from service.settings import LoadedCity
from service.statements.source import source
from service.store import runs

Made = list[tuple[str, Document]]


@dataclass(frozen=True)
class Asked:
    """What statements are made of: the store, the city, the books of the period, and the time that counts as now."""

    engine: Engine
    city: LoadedCity
    source: Source
    now_utc: datetime

    @property
    def year(self) -> int:
        return int(self.source.period[:4])


def _inventory(asked: Asked) -> Made:
    """With scope 2 on both bases where the city has certificates, contracts or suppliers' factors."""
    from carbon.instruments.views import dual, used
    from service.books.scope2 import two_views, year_view

    if not two_views(asked.engine, asked.city):
        return [("inventory", inventory(asked.source))]
    try:
        view, _ = year_view(asked.engine, asked.city, asked.year)
    except PenstockError as error:
        return [("inventory", inventory(asked.source, problems=tuple(map(str, error.problems))))]
    both, covered = (table[table["period"].str.startswith(asked.source.period)] for table in (dual(view), used(view)))
    return [("inventory", inventory(asked.source, both, covered, tuple(map(str, view.problems))))]


def _gpc(asked: Asked) -> Made:
    keys = notation(asked.city.settings.accounts, asked.city.settings.carbon.gpc_notation)
    return [("gpc", community(asked.source, SUBSECTORS, {code: (key, reason) for code, (key, reason) in keys.items()}))]


def _energy(asked: Asked) -> Made:
    return [("energy", balance(asked.source))]


def _accounts(asked: Asked) -> Made:
    return [("accounts", by_account(asked.source))]


def _enterprise(asked: Asked) -> Made:
    from carbon.statements.enterprise_report import enterprise_report
    from service.books.enterprise import report_of

    if not asked.city.settings.enterprises:
        return []
    same = asked.source  # the report is of a year, whatever the period of the other statements
    year = source(asked.engine, asked.city, str(asked.year), same.language, dict(same.seal.files))
    made = []
    for one in asked.city.settings.enterprises:
        own = replace(
            year,
            book=year.book[year.book["account_id"].isin(one.accounts)].reset_index(drop=True),
            usable={name: share for name, share in year.usable.items() if name in one.accounts},
            uncertainty=None,
            comparatives=(),  # they are of the whole city
        )
        report = report_of(asked.engine, asked.city, one.id, asked.year, asked.now_utc)
        made.append((f"enterprise-{one.id}", enterprise_report(own, report)))
    return made


def _targets(asked: Asked) -> Made:
    if not asked.city.settings.targets:
        return []
    from carbon.statements.target_report import target_report
    from service.night.targets import standings

    night = runs.last_night(asked.engine, asked.city.settings.city.id)
    if night is None:
        raise fault("target report", "no night in the store", "a finished night", "Run `penstock night` first.")
    at = runs.night_time(asked.engine, asked.city.settings.city.id, night)
    report, problems = standings(Night(asked.city, asked.engine, night, at, {}))
    return [("targets", target_report(asked.source, report, [str(problem) for problem in problems]))]


def _measures(asked: Asked) -> Made:
    if not asked.city.settings.measures:
        return []
    from carbon.statements.measure_report import Judged, measure_report
    from service.savings.measures import measures
    from service.savings.nights import nights

    judged = [Judged(one.measure.id, one.savings, one.avoided, one.problems) for one in measures(asked.engine, asked.city, asked.now_utc)]
    start, end = span(asked.source.period, asked.city.settings.city.time_zone)
    zone = asked.city.settings.city.time_zone
    plans = nights(asked.engine, asked.city, local_date(start, zone), local_date(end - timedelta(hours=1), zone))
    return [("measures", measure_report(asked.source, judged, [plans.sentence]))]


KINDS: dict[str, Callable[[Asked], Made]] = {
    "inventory": _inventory,
    "gpc": _gpc,
    "energy": _energy,
    "accounts": _accounts,
    "enterprise": _enterprise,
    "targets": _targets,
    "measures": _measures,
}
"""Kind -> what makes its documents; none for a city that has nothing of the kind."""
