"""The monitoring report of an enterprise out of the store."""

from datetime import date, datetime

from sqlalchemy import Engine

from carbon import factors
from carbon.enterprise.report import MonitoringReport, report
from carbon.gwp import gwp
from carbon.ledger.batch import Rule
from city.clock import civil_day, local_date
from city.problems import fault
from service.settings import LoadedCity
from service.store.ledger import open_ledger

BY = ("account_id", "rule_id")


def report_of(engine: Engine, city: LoadedCity, enterprise_id: str, year: int, now_utc: datetime) -> MonitoringReport:
    """The report of a year, up to yesterday while the year goes on.

    Raises `PenstockError` for an unknown enterprise, a year that has not begun, and allowances that cannot be.
    """
    there = {enterprise.id: enterprise for enterprise in city.settings.enterprises}
    if enterprise_id not in there:
        raise fault(f"enterprise '{enterprise_id}'", "not in city.toml", ", ".join(there) or "none defined", "Correct the name.")
    others = {account for name, other in there.items() if name != enterprise_id for account in other.accounts}
    if shared := sorted(others & set(there[enterprise_id].accounts)):
        raise fault(f"enterprise '{enterprise_id}'", f"account {', '.join(shared)} is another's too", "one enterprise", "Remove one.")
    zone, first = city.settings.city.time_zone, date(year, 1, 1)
    today = local_date(now_utc, zone)
    if today <= first:
        raise fault(f"enterprise '{enterprise_id}'", f"{year} has not begun", f"a year up to {today.year}", "Correct --year.")
    start, end = civil_day(first, zone)[0], civil_day(date(year + 1, 1, 1), zone)[0]
    every = factors.load(city.factor_folders)
    ledger = open_ledger(engine, city.folder, start, end)
    book = ledger.book(BY, zone=zone, period="D", start=start, end=end)
    rules: dict[str, Rule] = {rule.rule_id: rule for sealed in ledger.batches for rule in sealed.rules}
    until = min(date(year, 12, 31), date.fromordinal(today.toordinal() - 1))
    weights = gwp(every, city.settings.carbon.gwp)
    return report(there[enterprise_id], year, book, list(rules.values()), every, weights, until)
