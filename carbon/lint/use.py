"""Rules of how accounts use factors: right numbers in the wrong place."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from carbon.accounts import GRID, Account
from carbon.factors import Factor
from carbon.lint.rows import Finding, Severity

_NO_INVENTORY = ("footprint", "upstream", "marginal")


def lint_accounts(accounts: Iterable[Account], factors: Sequence[Factor], on: date, gwp: str = "AR6") -> tuple[Finding, ...]:
    """Every finding about the factors that accounts name, on a civil day, and about the warming potentials in use.

    What the accounts look up by activity, region and day needs no linting: it is that day's factor or an error.
    """
    by_id = {factor.id: factor for factor in factors}
    found: list[Finding] = []
    for account in accounts:
        factor = by_id.get(getattr(account, "factor_id", None) or "")
        if factor is not None:
            found += (*_national(account, factor, factors, on), *_superseded(account, factor, factors, on))
            found += (*_footprint(account, factor), *_water(account, factor))
        found += _broad_activity(account, factors, on)
    return (*found, *_old_potentials(gwp))


def _finding(account: Account, rule: str, observed: str, allowed: str, remedy: str, severity: Severity = "warn") -> Finding:
    return Finding(f"account '{account.id}'", observed, allowed, remedy, rule, severity)


def _of_region(account: Account, factors: Sequence[Factor], on: date) -> Factor | None:
    """The location average published for the account's own region and that day."""
    same = (f for f in factors if f.region == account.region and f.basis == "location average" and f.meaning.per == "kWh")
    return next((f for f in same if f.valid_on(on)), None)


def _national(account: Account, factor: Factor, factors: Sequence[Factor], on: date) -> Iterator[Finding]:
    """A factor of the country, or of a regional grid, where one of the account's province is published."""
    if factor.basis != "location average" or factor.region == account.region or factor.meaning.per != account.quantity.unit:
        return
    if nearer := _of_region(account, factors, on):
        observed, allowed = f"factor '{factor.id}' is for {factor.region}", f"'{nearer.id}', published for {account.region}"
        yield _finding(account, "national", observed, allowed, "Take the province's factor, or say in the note why not.")


def _broad_activity(account: Account, factors: Sequence[Factor], on: date) -> Iterator[Finding]:
    """The same by an activity that is looked up: the national or regional average for an account whose province has one."""
    activity = getattr(account, "factor_activity", None)
    if not activity or activity.casefold() == GRID:
        return
    named = next((f for f in factors if f.activity.casefold() == activity.casefold() and f.basis == "location average"), None)
    province = next((f for f in factors if f.activity == GRID and f.region == account.region and f.valid_on(on)), None)
    if named and province and "average-" in named.activity:
        observed = f"activity '{activity}' though '{province.id}' is published for {account.region}"
        yield _finding(account, "national", observed, f"activity '{GRID}'", "Leave factor_activity out, or say in the note why not.")


def _superseded(account: Account, factor: Factor, factors: Sequence[Factor], on: date) -> Iterator[Finding]:
    """A named factor whose series has a newer one that is valid on the day."""
    series = (factor.activity, factor.gas, factor.unit, factor.region)
    newer = [
        f
        for f in factors
        if (f.activity, f.gas, f.unit, f.region) == series
        and f.valid_on(on)
        and (f.valid_from or date.min) > (factor.valid_from or date.min)
    ]
    if newer:
        observed = f"factor '{factor.id}' ({factor.validity}) on {on}"
        yield _finding(account, "superseded", observed, f"'{newer[0].id}', which is valid then", "Name the newer factor, or none at all.")


def _footprint(account: Account, factor: Factor) -> Iterator[Finding]:
    """Life-cycle, upstream and marginal numbers in scope 1 or 2."""
    if account.scope_number in (1, 2) and factor.basis in _NO_INVENTORY:
        observed = f"factor '{factor.id}' ({factor.basis}) in scope {account.scope_number}"
        remedy = "Keep footprints, upstream and marginal factors out of scopes 1 and 2."
        yield _finding(account, "footprint", observed, "an inventory factor", remedy, "refuse")


def _water(account: Account, factor: Factor) -> Iterator[Finding]:
    """Treatment's factor for water that is supplied, or lost."""
    if account.kind in ("water-supply", "water-loss") and "treatment" in factor.activity.casefold():
        observed = f"factor '{factor.id}' is for {factor.activity.split(' / ')[0].casefold()}"
        yield _finding(
            account, "water", observed, "a factor of water supply", "Water supply and treatment have their own factors.", "refuse"
        )


def _old_potentials(gwp: str) -> Iterator[Finding]:
    if gwp == "AR4":
        remedy = "Take AR5 or AR6, unless the reader of the statement asks for AR4."
        yield Finding("[carbon] gwp", "warming potentials of AR4 (2007)", "AR5, AR6 or GHGP2024", remedy, "superseded", "warn")
