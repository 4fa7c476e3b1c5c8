"""A session of somebody, begun as the sign-in page begins it, for tests of what comes behind the gate."""

from datetime import UTC, datetime

from service.access import accounts, sessions
from service.environment import Environment
from service.settings import load
from service.store import open_store


def token(name: str) -> str:
    """The token of a new session of an account of the city of the environment: `session_state["token"]` of a page."""
    city = load(Environment())
    made, account = sessions.new_token(), accounts.of_city(city)[name]
    engine = open_store(city.environment.url)
    sessions.begin(engine, made, name, account.role, city.settings.access, datetime.now(UTC), confirmed=True)
    return made
