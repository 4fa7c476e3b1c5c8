"""Signing in with an account of the station: name, password, and the second factor where the account has one."""

from datetime import UTC, datetime

from sqlalchemy import Engine

from city.problems import fault
from service.access import accounts, lockout, sessions
from service.access.accounts import LocalAccount
from service.access.roles import Person
from service.settings import LoadedCity
from service.store import open_store, operations


def sign_in(engine: Engine, city: LoadedCity, name: str, password: str, code: str, at_utc: datetime) -> str | float | None:
    """The token of a new session; or how long to wait [s] after wrong tries; or None.

    None says no more than that name, password and code do not go together. `at_utc` is the clock's time, not the city's replayed one.
    """
    from service.access import passwords, second_factor  # of the extra `console`: a node without it decides on the command line

    rules, account = city.settings.access, accounts.of_city(city).get(name)
    if (wait := lockout.begin(engine, name, rules, at_utc)) > 0:
        return wait
    right = passwords.fits(password, account.hash if account else None)
    has_factor = account is not None and account.name in second_factor.enrolled(engine)
    if account is None or account.disabled or not right or (has_factor and not _confirmed(engine, city, name, code, at_utc)):
        who = name if account else "an unknown name"  # which may be a password: it is written nowhere
        error = fault(f"sign-in of {who}", "name, password and code do not go together", "those of one account", "Try again.")
        operations.record_refusal(engine, at_utc, who, "sign in", error)
        return None
    lockout.succeeded(engine, name)
    token = sessions.new_token()
    sessions.begin(engine, token, account.name, account.role, rules, at_utc, confirmed=has_factor)
    return token


def signed_in(engine: Engine, city: LoadedCity, token: str, at_utc: datetime, *, clicked: bool = True) -> Person | None:
    """Who holds a running session, as the accounts file has it now: a changed account counts, a removed one is out, at the next click."""
    name = sessions.name_of(engine, token)
    account = accounts.of_city(city).get(name) if name else None
    if account is None or account.disabled:
        sessions.end(engine, token, at_utc, "no account any more")
        return None
    row = sessions.running(engine, token, account.role, city.settings.access, at_utc, clicked=clicked)
    return person(city, account, confirmed=row.confirmed) if row else None


def known(city: LoadedCity, who: str) -> Person:
    """The person of a name on the command line; one who may do everything where the city has no accounts file.

    The operating system says who may run the command; PENSTOCK_CODE is the person's second factor there. Raises `PenstockError` for a
    stranger and for a wrong code.
    """
    if accounts.path_of(city) is None:
        return Person(name=who, role="alone")
    found = accounts.of_city(city)
    if who not in found or found[who].disabled:
        raise fault(f"--who {who}", "no account of the city", ", ".join(found) or "an account", "Give the name of an account.")
    env = city.environment
    if env.code is None or not city.settings.access.second_factor_for:
        return person(city, found[who], confirmed=False)
    engine, at_utc = open_store(env.url), datetime.now(UTC)
    if (wait := lockout.begin(engine, who, city.settings.access, at_utc, machine=True)) > 0:
        raise fault("PENSTOCK_CODE", "too many wrong ones", f"another try in {wait:.0f} s", "Wait.")
    if not _confirmed(engine, city, who, env.code.get_secret_value(), at_utc):
        raise fault("PENSTOCK_CODE", f"not the code of {who}", "the present one, used once", "Give the next one.")
    lockout.succeeded(engine, who, machine=True)
    return person(city, found[who], confirmed=True)


def person(city: LoadedCity, account: LocalAccount, *, confirmed: bool) -> Person:
    """The account's person, who waits with what needs a second factor until one was shown."""
    waits = () if confirmed else city.settings.access.second_factor_for
    return account.person.model_copy(update={"unconfirmed": waits})


def _confirmed(engine: Engine, city: LoadedCity, name: str, code: str, at_utc: datetime) -> bool:
    from service.access import second_factor

    return bool(code.strip()) and second_factor.accepts(engine, city.environment, name, code, at_utc)
