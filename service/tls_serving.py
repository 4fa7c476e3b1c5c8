"""What our web servers have in common: a listening socket, TLS 1.2 or newer from PEM files, no belief in headers about who asks."""

import socket
import ssl
from pathlib import Path
from typing import Any

import uvicorn

from city.problems import fault


def configured(
    command: str, app: Any, certificate: Path | None, key: Path | None, client_ca: Path | None = None, **more: Any
) -> uvicorn.Config:
    """A web server's settings; without a certificate it speaks in the clear. With `client_ca` who asks must show one of that authority.

    `command` is whose server it is; `more` goes to uvicorn. Raises `PenstockError` for files that are no certificate and key.
    """
    config = uvicorn.Config(
        app,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_ca_certs=str(client_ca) if client_ca else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if client_ca else ssl.CERT_NONE,
        access_log=False,  # headers carry tokens
        log_config=None,
        server_header=False,
        proxy_headers=False,  # an address somebody writes into a header is no address
        timeout_graceful_shutdown=2,
        lifespan="off",
        **more,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        observed = f"{error.strerror or error} ({certificate}, {key}{f', {client_ca}' if client_ca else ''})"
        options = "--certificate, --key and --client-ca" if client_ca else "--certificate and --key"
        raise fault(command, observed, "certificate and key as PEM files", f"Check {options}.") from None
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config


def listener(host: str, port: int) -> socket.socket:
    """The listening socket; port 0: any free one. Raises `PenstockError` for one that is taken."""
    try:
        made = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise fault(f"{host}:{port}", error.strerror or str(error), "a free port of this machine", "Give another --port.") from None
    # Inherited by every connection: an answer goes out as two writes, and the second would wait 40 ms for the first to be acknowledged.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
