"""What is counted once: refusals for accounts that would count a kilowatt-hour twice, and doubts where nobody said how meters add."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from carbon.accounts.account import AccountKind
from carbon.accounts.grid_loss import GridLoss
from carbon.accounts.own_renewable import OwnRenewable
from carbon.accounts.own_supply import pools
from city.places import Meter, Total
from city.problems import PenstockError, Problem


def check(accounts: Sequence[AccountKind]) -> None:
    """Raise `PenstockError` with every fault that can be told from the accounts alone: nothing is posted then."""
    problems = _faults(accounts)
    if problems:
        raise PenstockError(problems)


def _faults(accounts: Sequence[AccountKind]) -> list[Problem]:
    named = {account.id: account for account in accounts}
    plants = {a.within: a.id for a in accounts if isinstance(a, OwnRenewable) and a.within is not None}
    problems = [*_once(accounts, lambda a: a.id, "id"), *_once(accounts, lambda a: (a.point, a.quantity), "point")]
    for account in accounts:
        problems += _within(account, named, plants)
        problems += _documents(account)
    problems += _supplies(accounts, named)
    return [*problems, *_losses(accounts)]


def _losses(accounts: Sequence[AccountKind]) -> Iterator[Problem]:
    """A second account of the grid's losses, and what would make a loss wrong by whole meters."""
    losses = [account for account in accounts if isinstance(account, GridLoss)]
    for other in losses[1:]:
        remedy = "Keep one: it takes all meters off what comes in."
        yield Problem(f"account '{other.id}'", f"the grid's losses are in '{losses[0].id}' too", "one grid-loss account", remedy)
    for loss in losses:
        plants = [a.point for a in accounts if isinstance(a, OwnRenewable) and a.within is None]
        for point, times in Counter((*loss.infeed, *loss.generation, *plants)).items():
            if times > 1 and point in (*loss.infeed, *loss.generation):
                remedy = "Name it once; an own-renewable account brings its generation in by itself."
                yield Problem(f"account '{loss.id}'", f"'{point}' comes in {times} times", "once", remedy)
        mains = {a.within for a in accounts}
        for account in accounts:
            if account.point in loss.infeed and account.id in mains:
                observed = f"it counts all of '{account.point}' that is not within it, so losses too, and account '{loss.id}' derives them"
                yield Problem(f"account '{account.id}'", observed, "losses once", f"Remove it, or account '{loss.id}'.")
            if loss.infeed and account.stated and (account.takes_own_supply or account.point in plants):
                observed = f"its amounts are from documents, and account '{loss.id}' takes all meters off by the hour"
                remedy = "Import them as readings of a meter, or give the grid's losses from documents too."
                yield Problem(f"account '{account.id}'", observed, "a meter", remedy)


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


def _within(account: AccountKind, named: Mapping[str, AccountKind], plants: Mapping[str, str]) -> Iterator[Problem]:
    """Faults of `within`; `plants` are those behind a main meter's account."""
    if account.within is None:
        return
    subject, main = f"account '{account.id}'", named.get(account.within)
    if main is None:
        yield Problem(subject, f"within '{account.within}', which is no account", "the account of its main meter", "Correct the name.")
    elif isinstance(account, OwnRenewable):
        if not main.takes_own_supply or account.supplies:
            observed = f"within '{main.id}', a {main.kind}, and supplies {', '.join(account.supplies) or 'nothing'}"
            allowed = "within the electricity account of the meter it runs behind, and supplies nothing else"
            yield Problem(subject, observed, allowed, "Correct the name, or leave out `supplies`.")
    elif (main.quantity, main.kind, main.carrier) != (account.quantity, account.kind, account.carrier):
        observed, allowed = f"within '{main.id}', a {main.kind} of {main.quantity}", f"a {account.kind} of {account.quantity}"
        yield Problem(subject, observed, allowed, "Name the account of its main meter.")
    elif main.stated or account.stated:
        observed = f"within '{main.id}', and one of the two has its amounts from documents, which nobody can take off by the hour"
        yield Problem(subject, observed, "a meter within a meter", "Remove one of the two, or import both as readings of meters.")
    elif plant := next((plants[outer] for outer in _mains(main, named) if outer in plants), ""):
        observed = f"within '{main.id}', and so is the plant '{plant}'"
        allowed = "either, for what the plant gave to the sub-meter never reached the main meter"
        yield Problem(subject, observed, allowed, f"Remove account '{account.id}': the main meter counts all that the grid gave.")
    elif account.id in _mains(main, named):
        yield Problem(subject, "its main meter is within itself", "main meters that end somewhere", "Remove one `within`.")


def _mains(account: AccountKind, named: Mapping[str, AccountKind]) -> list[str]:
    """The account and those it is within, from the inside out."""
    found: dict[str, None] = {}
    outer: AccountKind | None = account
    while outer is not None and outer.id not in found:
        found[outer.id] = None
        outer = named.get(outer.within or "")
    return list(found)


def _documents(account: AccountKind) -> Iterator[Problem]:
    ordered = sorted(account.stated, key=lambda s: (s.first, s.last))
    for before, after in pairwise(ordered):
        if after.first <= before.last:
            observed = f"'{after.source}' from {after.first} overlaps '{before.source}' to {before.last}"
            yield Problem(f"account '{account.id}'", observed, "periods side by side", "Correct the days, or remove one.")


def _supplies(accounts: Sequence[AccountKind], named: Mapping[str, AccountKind]) -> Iterator[Problem]:
    """Plants that share a consumer must share all of them: else a kilowatt-hour could be covered twice."""
    for plant in accounts:
        for name in plant.supplies if isinstance(plant, OwnRenewable) else ():
            if name not in named or not named[name].takes_own_supply:
                allowed = "ids of accounts of electricity that is used or lost"
                yield Problem(f"account '{plant.id}'", f"supplies '{name}'", allowed, "Correct the name.")
    taken: set[str] = set()
    for plants, pool in pools(accounts):
        if both := sorted(taken.intersection(pool)):
            observed = f"covers '{both[0]}', which another plant covers together with others"
            allowed = "plants with a consumer in common that supply the same accounts"
            yield Problem(f"account '{plants[0]}'", observed, allowed, "Name the same accounts in both, or part them.")
        taken.update(pool)


def double_counting(accounts: Sequence[AccountKind], meters: Iterable[Meter], totals: Iterable[Total] = ()) -> list[Problem]:
    """Every fault of `check`; accounts whose meter sees what another one's posts, without `within`; and a total beside its parts."""
    problems = _faults(accounts)
    if problems:
        return problems
    counted = {(a.point, a.quantity): a for a in accounts}
    parts = {total.id: (*total.of, *total.less) for total in totals}
    for account in accounts:
        for inside in sorted(_parts(account.point, parts)):
            if (part := counted.get((inside, account.quantity))) is not None:
                observed = f"total '{account.point}' contains '{part.point}' of account '{part.id}'"
                remedy = "Remove the total's account, or those of its parts."
                problems.append(Problem(f"account '{account.id}'", observed, "a total or its parts", remedy))
    return [*_beneath(accounts, {meter.id: meter.under for meter in meters}), *problems]


def _beneath(accounts: Sequence[AccountKind], under: Mapping[str, str | None]) -> Iterator[Problem]:
    """Accounts beneath a meter that counts their flow too: a sub-meter, or a plant that covers what runs behind the same meter."""
    named = {account.id: account for account in accounts}
    at: dict[str, list[AccountKind]] = {}
    for account in accounts:
        at.setdefault(account.point.rpartition(".")[0], []).append(account)
    for account in accounts:
        for main in (main for meter in _above(account.point.rpartition(".")[0], under) for main in at.get(meter, ())):
            observed, remedy = f"its meter is under that of account '{main.id}'", f'Write within = "{main.id}", or remove one of them.'
            if isinstance(account, OwnRenewable) and account.within is None and main.takes_own_supply:
                allowed = "a plant behind a main meter is within it: what it covers there never reached that meter"
                yield Problem(f"account '{account.id}'", observed, allowed, remedy)
            elif (main.kind, main.quantity) == (account.kind, account.quantity) and main.id not in _mains(account, named):
                yield Problem(f"account '{account.id}'", observed, "each kWh and m3 in one account", remedy)


def _above(meter: str, under: Mapping[str, str | None]) -> list[str]:
    """The meters that see a meter's flow too, from the inside out."""
    found: list[str] = []
    outer = under.get(meter)
    while outer is not None and outer not in found:
        found.append(outer)
        outer = under.get(outer)
    return found


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
        kind = account.kind if account.carrier == "electricity" else ""  # what is generated or bought stands beside what is used
        together.setdefault((account.site, kind, account.carrier), []).append(account)
    problems = []
    for (site, _, carrier), group in together.items():
        mains = {a.within for a in group}
        unsaid = [a.id for a in group if not a.adds and a.within is None and a.id not in mains]
        if len(group) > 1 and unsaid and carrier not in ("-", "water") and not isinstance(group[0], OwnRenewable):
            observed = f"{len(group)} meters of {carrier} at site '{site}'"
            remedy = "Write adds = true where no meter sees another's flow, or within = the account of the main meter."
            subject = f"account{'s' * (len(unsaid) > 1)} {', '.join(repr(name) for name in unsaid[:5])}"
            problems.append(Problem(subject, observed, "a word on how they add", remedy))
    return problems
