"""What is counted once: refusals for accounts that would count a kilowatt-hour twice, and doubts where nobody said how meters add."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from carbon.accounts.account import AccountKind
from carbon.accounts.grid_loss import GridLoss
from carbon.accounts.own_renewable import OwnRenewable
from city.places import Meter, Total
from city.problems import PenstockError, Problem


def check(accounts: Sequence[AccountKind]) -> None:
    """Raise `PenstockError` with every fault that can be told from the accounts alone: nothing is posted then."""
    problems = _faults(accounts)
    if problems:
        raise PenstockError(problems)


def _faults(accounts: Sequence[AccountKind]) -> list[Problem]:
    named = {account.id: account for account in accounts}
    problems = [*_once(accounts, lambda a: a.id, "id"), *_once(accounts, lambda a: (a.point, a.quantity), "point")]
    for account in accounts:
        problems += _within(account, named)
        problems += _documents(account)
    problems += _supplies(accounts, named)
    losses = [account.id for account in accounts if isinstance(account, GridLoss)]
    if len(losses) > 1:
        remedy = "Keep one: it takes all meters off what comes in."
        problems.append(Problem(f"account '{losses[1]}'", f"the grid's losses are in '{losses[0]}' too", "one grid-loss account", remedy))
    return problems


def _once(accounts: Sequence[AccountKind], key: Callable[[AccountKind], object], what: str) -> Iterator[Problem]:
    first: dict[object, AccountKind] = {}
    for account in accounts:
        other = first.setdefault(key(account), account)
        if other is account:
            continue
        if what == "id":
            yield Problem(f"account '{account.id}'", "two accounts of that id", "one", "Rename one of them.")
        else:
            observed = f"point '{account.point}' is counted by '{other.id}' too"
            yield Problem(f"account '{account.id}'", observed, "one account", "Remove one: what a point measures is counted once.")


def _within(account: AccountKind, named: Mapping[str, AccountKind]) -> Iterator[Problem]:
    if account.within is None:
        return
    subject, main = f"account '{account.id}'", named.get(account.within)
    if main is None:
        yield Problem(subject, f"within '{account.within}', which is no account", "the account of its main meter", "Correct the name.")
    elif main.quantity != account.quantity or main.kind != account.kind:
        observed, allowed = f"within '{main.id}', a {main.kind} of {main.quantity}", f"a {account.kind} of {account.quantity}"
        yield Problem(subject, observed, allowed, "Name the account of its main meter.")
    elif account.id in _mains(main, named):
        yield Problem(subject, "its main meter is within itself", "main meters that end somewhere", "Remove one `within`.")


def _mains(account: AccountKind, named: Mapping[str, AccountKind]) -> list[str]:
    """The account and those it is within, from the inside out."""
    found = [account.id]
    while (outer := named.get(named[found[-1]].within or "")) is not None and outer.id not in found:
        found.append(outer.id)
    return found


def _documents(account: AccountKind) -> Iterator[Problem]:
    ordered = sorted(account.stated, key=lambda s: (s.first, s.last))
    for before, after in pairwise(ordered):
        if after.first <= before.last:
            observed = f"'{after.source}' from {after.first} overlaps '{before.source}' to {before.last}"
            yield Problem(f"account '{account.id}'", observed, "periods side by side", "Correct the days, or remove one.")


def _supplies(accounts: Sequence[AccountKind], named: Mapping[str, AccountKind]) -> Iterator[Problem]:
    """Plants that share a consumer must share all of them: else a kilowatt-hour could be covered twice."""
    pool_of: dict[str, frozenset[str]] = {}
    for plant in accounts:
        if not isinstance(plant, OwnRenewable):
            continue
        for name in plant.supplies:
            if name not in named or not named[name].takes_own_supply:
                allowed = "ids of accounts of electricity that is used or lost"
                yield Problem(f"account '{plant.id}'", f"supplies '{name}'", allowed, "Correct the name.")
        pool = covered(plant, accounts)
        for name in sorted(pool):
            if pool_of.setdefault(name, pool) != pool:
                observed = f"covers '{name}', which another plant covers together with others"
                allowed = "plants with a consumer in common that supply the same accounts"
                yield Problem(f"account '{plant.id}'", observed, allowed, "Name the same accounts in both, or part them.")
                break


def covered(plant: OwnRenewable, accounts: Iterable[AccountKind]) -> frozenset[str]:
    """Ids of the accounts that a plant covers: those it names, else the electricity that its own site uses."""
    if plant.supplies:
        return frozenset(plant.supplies)
    return frozenset(a.id for a in accounts if a.takes_own_supply and a.site == plant.site and not isinstance(a, GridLoss))


def double_counting(accounts: Sequence[AccountKind], meters: Iterable[Meter], totals: Iterable[Total] = ()) -> list[Problem]:
    """Every fault of `check`, and accounts whose meter sees what another one's posts: a meter and its sub-meter without `within`, or a
    total beside its parts.
    """
    named = {account.id: account for account in accounts}
    under = {meter.id: meter.under for meter in meters}
    parts = {total.id: total.of for total in totals}
    at: dict[tuple[str, str], AccountKind] = {(a.point.rpartition(".")[0], f"{a.kind} {a.quantity}"): a for a in accounts}
    problems = _faults(accounts)
    if problems:
        return problems
    counted = {(a.point, a.quantity): a for a in accounts}
    for account in accounts:
        seen, meter = {account.point}, under.get(account.point.rpartition(".")[0])
        while meter is not None and meter not in seen:
            seen.add(meter)
            main = at.get((meter, f"{account.kind} {account.quantity}"))
            if main is not None and main.id not in _mains(account, named):
                observed = f"its meter is under '{meter}', which account '{main.id}' counts"
                remedy = f"Write within = \"{main.id}\", so that '{main.id}' posts what remains; or remove one of them."
                problems.append(Problem(f"account '{account.id}'", observed, "each kWh and m3 in one account", remedy))
            meter = under.get(meter)
        for inside in sorted(_parts(account.point, parts)):
            if (part := counted.get((inside, account.quantity))) is not None:
                observed = f"total '{account.point}' contains '{part.point}' of account '{part.id}'"
                remedy = "Remove the total's account, or those of its parts."
                problems.append(Problem(f"account '{account.id}'", observed, "a total or its parts", remedy))
    return problems


def _parts(name: str, parts: Mapping[str, Sequence[str]]) -> set[str]:
    """Everything a total is made of, down to points."""
    found: set[str] = set()
    left = list(parts.get(name, ()))
    while left:
        part = left.pop()
        if part not in found:
            found.add(part)
            left += parts.get(part, ())
    return found


def doubts(accounts: Sequence[AccountKind]) -> list[Problem]:
    """Accounts of one site and commodity of which nobody said how they add: side by side (`adds`), or one `within` the other."""
    together: dict[tuple[str, str, str], list[AccountKind]] = {}
    for account in accounts:
        together.setdefault((account.site, account.kind, account.carrier), []).append(account)
    problems = []
    for (site, _, carrier), group in together.items():
        unsaid = [a.id for a in group if not a.adds and a.within is None and not any(other.within == a.id for other in group)]
        if len(group) > 1 and unsaid and group[0].carrier not in ("-", "water") and not isinstance(group[0], OwnRenewable):
            observed = f"{len(group)} meters of {carrier} at site '{site}'"
            remedy = "Write adds = true where no meter sees another's flow, or within = the account of the main meter."
            subject = f"account{'s' * (len(unsaid) > 1)} {', '.join(repr(name) for name in unsaid[:5])}"
            problems.append(Problem(subject, observed, "a word on how they add", remedy))
    return problems
