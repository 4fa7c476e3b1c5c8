"""How long a PostgreSQL server that has gone silent is waited for.

A network that is cut between two machines closes no connection. Left to the system, the next write is sent again for a quarter of an
hour and more, and who only waits for an answer waits for good; neither the lease nor a step's deadline is seen to meanwhile. With these
limits the connection ends, and the store is away, which every caller knows how to take. A server that is at work on a long statement
is not meant: its kernel still answers.

References: PostgreSQL manual, "Parameter Key Words" of libpq; tcp(7) and RFC 5482 on the user timeout.
"""

from sqlalchemy import URL

LIMITS = {
    "connect_timeout": 10,  # for each address of the server [s]
    "tcp_user_timeout": 30_000,  # of what was sent and not acknowledged, or not taken [ms]
    "keepalives": 1,
    "keepalives_idle": 15,  # of silence before the other side is asked whether it is there [s]
    "keepalives_interval": 5,  # between one such question and the next [s]
    "keepalives_count": 3,  # unanswered ones that end the connection: 15 + 3 x 5 = 30 s
}


def limits(url: URL) -> dict[str, int]:
    """Arguments for the driver: those of LIMITS that the URL does not set itself; none for another database or driver."""
    if not url.drivername.startswith("postgresql+psycopg"):
        return {}
    return {name: value for name, value in LIMITS.items() if name not in url.query}
