"""`penstock api`: the application on a socket, behind TLS wherever another machine can reach it."""

import ipaddress
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import typer
import uvicorn

from city.problems import fault
from service.api.application import Api
from service.api.counting import Counting
from service.api.patience import Impatient
from service.api.settings import ApiToken
from service.environment import Environment
from service.metrics.serving import beside
from service.settings import load
from service.store import open_store
from service.store.reading_only import open_reading
from service.tls_serving import configured, listener

_HEAD_BYTES = 32_768  # of a request line with its headers


def serve(
    env: Environment,
    host: str,
    port: int,
    certificate: Path | None,
    key: Path | None,
    now_utc: datetime | None = None,
    metrics_port: int | None = None,
) -> None:
    """Answer until stopped (Ctrl-C or SIGTERM), and tell figures on `metrics_port` of this machine. Raises `PenstockError` as `Server`."""
    server = Server(env, host, port, certificate, key, now_utc)
    with nullcontext() if metrics_port is None else beside(env, metrics_port, now_utc):
        typer.echo(f"listening on {server.port}")
        server.run()


class Server:
    """The listening socket, the server on it, and the thread that counts."""

    def __init__(
        self,
        env: Environment,
        host: str,
        port: int,
        certificate: Path | None,
        key: Path | None,
        now_utc: datetime | None = None,
        more: tuple[ApiToken, ...] = (),
    ) -> None:
        """Raises `PenstockError` without a certificate off this machine, for a bad one, a port that is taken, a store that is not there.

        `now_utc` stands for the clock: of spans without an end, and of tokens. `more` are tokens beside those of the city file.
        """
        if certificate is None and not _is_loopback(host):
            allowed = "TLS wherever another machine can reach it: tokens are never sent in the clear"
            raise fault(f"--host {host}", "no certificate", allowed, "Give --certificate and --key, or --host 127.0.0.1.")
        city = load(env)
        self._counting = Counting(open_store(env.url))
        api = Api(city, open_reading(env.url), self._counting.count, (lambda: now_utc) if now_utc else None, more)
        self._server = uvicorn.Server(_config(api, certificate, key))
        self._listener = listener(host, port)
        self.port: int = self._listener.getsockname()[1]

    def run(self) -> None:
        """Answer until stopped."""
        with self._counting:
            self._server.run(sockets=[self._listener])

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._server.should_exit = True


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _config(api: Api, certificate: Path | None, key: Path | None) -> uvicorn.Config:
    more: dict[str, Any] = {
        "http": Impatient,
        "ws": "none",
        "limit_concurrency": 200,
        "h11_max_incomplete_event_size": _HEAD_BYTES,
        "timeout_keep_alive": 30,
    }
    return configured("penstock api", api.app(), certificate, key, **more)
