"""`penstock metrics`: /metrics, /health/live and /health/ready on a port of their own, on the loopback address unless told otherwise.

What is told names meters' links, routes and processes, never a reading of a person; it has no token. So another host than the loopback is
for a network that the monitoring has to itself.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from time import monotonic
from typing import Any

import typer
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from city.problems import fault
from service.environment import Environment
from service.metrics import collector, health
from service.settings import LoadedCity, load
from service.store import open_store


def routes(engine: Engine, city: LoadedCity, now: Callable[[], datetime]) -> list[BaseRoute]:
    """The three routes, for an application of their own or beside others in the process of the API."""
    registry, began = collector.registry(collector.Figures(engine, city, now)), monotonic()
    readiness = health.Readiness(engine, city, now)

    def metrics(_request: Request) -> Response:
        return Response(collector.text(registry), media_type=CONTENT_TYPE_LATEST)

    async def live(_request: Request) -> Response:  # needs no thread: answers also while all of them wait for the database
        return JSONResponse(
            {"live": True, "city": city.settings.city.id, "release": version("penstock"), "up_s": round(monotonic() - began)}
        )

    def ready(_request: Request) -> Response:
        is_ready, checks = readiness()
        told: dict[str, Any] = {"ready": is_ready, "checks": checks}
        return JSONResponse(told, status_code=200 if is_ready else 503, headers={"Cache-Control": "no-store"})

    return [Route("/metrics", metrics), Route("/health/live", live), Route("/health/ready", ready)]


class Server:
    """The listening socket and the server on it."""

    def __init__(self, env: Environment, host: str, port: int, now_utc: datetime | None = None) -> None:
        """`now_utc` stands for the clock. Raises `PenstockError` for a bad city file and for a port that is taken.

        A database that is away is no reason not to start: that it is away is what is told.
        """
        city = load(env)
        env.folder.mkdir(parents=True, exist_ok=True)
        engine = open_store(env.url, create=True)
        app = Starlette(routes=routes(engine, city, (lambda: now_utc) if now_utc else lambda: datetime.now(UTC)))
        config = uvicorn.Config(
            app, http="h11", ws="none", access_log=False, log_config=None, server_header=False, limit_concurrency=50, lifespan="off"
        )
        self._server = uvicorn.Server(config)
        try:
            self._listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except OSError as error:
            raise fault(f"{host}:{port}", error.strerror or str(error), "a free port of this machine", "Give another --port.") from None
        self.port: int = self._listener.getsockname()[1]

    def run(self) -> None:
        """Answer until stopped (Ctrl-C or SIGTERM)."""
        self._server.run(sockets=[self._listener])

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._server.should_exit = True


@contextmanager
def beside(env: Environment, port: int, now_utc: datetime | None = None) -> Iterator[None]:
    """Serve the figures on the loopback address for as long as the block runs, from a thread of a process that does something else.

    Never on the port of the API itself: that one may be reached from outside, and has tokens.
    """
    server = Server(env, "127.0.0.1", port, now_utc)
    thread = threading.Thread(target=server.run, name="figures")
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join()


def serve(env: Environment, host: str, port: int, now_utc: datetime | None) -> None:
    """Answer until stopped. Raises `PenstockError` as `Server`."""
    server = Server(env, host, port, now_utc)
    typer.echo(f"listening on {server.port}")
    server.run()
