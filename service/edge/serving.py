"""`penstock receive`: the reception behind TLS, and beside it a thread that delivers to the store what has arrived."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import structlog
import typer
import uvicorn
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from city.problems import fault
from meters.spool.spool import Spool
from service.crash import keep
from service.delivery import deliver
from service.edge.receive import Reception
from service.environment import SPOOLS, Environment
from service.levels import uptime
from service.settings import LoadedCity, load
from service.store import open_store, runs
from service.tls_serving import configured, listener

log = structlog.get_logger()
SPOOL = SPOOLS[1]
_EVERY_S = 1.0  # how soon what arrived is delivered [s]
_BEAT_S = 60.0  # how often the heartbeats are written [s]


def serve(env: Environment, host: str, port: int, certificate: Path, key: Path, client_ca: Path | None) -> None:
    """Receive until stopped (Ctrl-C or SIGTERM). Raises `PenstockError` as `Receiver`."""
    receiver = Receiver(env, host, port, certificate, key, client_ca)
    typer.echo(f"listening on {receiver.port}")
    receiver.run()


class Receiver:
    """The listening socket, the server on it, and the thread that delivers."""

    def __init__(self, env: Environment, host: str, port: int, certificate: Path, key: Path, client_ca: Path | None) -> None:
        """With `client_ca`, a station must also show a certificate of that authority.

        Raises `PenstockError`: no [[stations]], no such certificate, a port that is taken.
        """
        self._city = load(env)
        if not self._city.settings.stations:
            raise fault(f"{env.city_file}: stations", "none", "at least one [[stations]] entry", "Name the stations that may forward.")
        env.folder.mkdir(parents=True, exist_ok=True)
        self._engine = open_store(env.url, create=True)  # what arrives is kept while the database is away
        self._reception = Reception(self._city, env.folder / SPOOL, env.folder / "given")
        self._server = uvicorn.Server(
            configured(
                "penstock receive", self._reception.app(), certificate, key, client_ca, limit_concurrency=500, timeout_keep_alive=120
            )
        )
        self._listener = listener(host, port)
        self.port: int = self._listener.getsockname()[1]

    def run(self) -> None:
        """Receive and deliver until stopped."""
        stop = threading.Event()
        thread = threading.Thread(target=_deliver, args=(self._engine, self._city, self._reception, stop), name="delivery")
        thread.start()
        try:
            self._server.run(sockets=[self._listener])
        finally:
            stop.set()
            thread.join()
        uptime.stopped(self._engine, "receive")

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._server.should_exit = True


def _deliver(engine: Engine, city: LoadedCity, reception: Reception, stop: threading.Event) -> None:
    """Deliver what has arrived and beat for each station that was heard, until told to stop. Nothing that happens here ends it."""
    beaten = 0.0
    points = list(city.points.values())
    with Spool(city.folder / SPOOL) as spool:
        while not stop.wait(_EVERY_S):
            try:
                if spool.depth():
                    deliver(engine, spool, points, seconds=30)
                if (now := datetime.now(UTC)).timestamp() - beaten >= _BEAT_S:
                    beaten = now.timestamp()
                    for station, state in list(reception.heard.items()):
                        runs.beat(engine, f"edge {station}", now, state)
                        reception.heard.pop(station, None)
                    runs.beat(engine, "receive", now, {"spool": spool.fill().told(now)})
            except DBAPIError as error:
                log.warning("database does not answer; what arrives waits", cause=str(error.orig).strip())
            except Exception as error:
                log.error(keep(error, city.environment))
