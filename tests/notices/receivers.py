"""A web server and a mail server on the loopback address that take what is told, or misbehave on demand."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as Session
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.commands import free_port


@dataclass
class Web:
    """What came, and what is answered next: a status, seconds of silence, or bytes that are sent as they are, one at a time."""

    port: int = field(default_factory=free_port)
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    next: list[int | float | bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?team=night"

    @contextmanager
    def up(self, tls: ssl.SSLContext | None = None) -> Iterator["Web"]:
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = web.next.pop(0) if web.next else 204
                if isinstance(answer, float):
                    time.sleep(answer)
                    answer = 204
                if isinstance(answer, bytes):
                    for one in answer:
                        self.wfile.write(bytes([one]))
                        self.wfile.flush()
                        time.sleep(0.05)
                    return
                if 200 <= answer < 300:
                    web.taken.append(({key.lower(): value for key, value in self.headers.items()} | {"path": self.path}, body))
                self.send_response(answer)
                if answer in (301, 302, 307, 308):
                    self.send_header("Location", f"http://127.0.0.1:{web.port}/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class Mail:
    """A mail server with TLS by an authority of its own; `refuse` makes it object to recipients, `broken` to the mail."""

    def __init__(self, folder: Path, name: str = "127.0.0.1") -> None:
        self.authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca_file))
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert(name).configure_cert(self.context)
        self.port = free_port()
        self.taken: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.refuse: set[str] = set()
        self.broken = False
        self.silent_s = 0.0

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address in self.refuse:
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.broken:
            return "451 4.3.0 disk full, secret-of-the-account"
        if self.silent_s:
            time.sleep(self.silent_s)
        self.raw.append(envelope.content)
        self.taken.append(message_from_bytes(envelope.content, policy=POLICY))  # type: ignore[arg-type]
        return "250 taken"

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and data.login == b"penstock" and data.password == b"secret-of-the-account"
        return AuthResult(success=right, handled=False)

    @contextmanager
    def up(self, tls: str = "starttls") -> Iterator["Mail"]:
        mail = self

        class Listening(Controller):
            def factory(self) -> Session:
                options = {"tls_context": mail.context, "require_starttls": True} if tls == "starttls" else {}
                return Session(mail, authenticator=mail.authenticate, auth_require_tls=tls == "starttls", hostname="mail.town", **options)  # type: ignore[arg-type]

        server = Listening(mail, "127.0.0.1", self.port, ssl_context=self.context if tls == "implicit" else None)
        server.start()
        try:
            yield self
        finally:
            server.stop()
