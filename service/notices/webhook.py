"""Delivery by webhook: one signed POST, no redirect followed, of the answer only its status and a few words are read."""

import http.client
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

from city.problems import fault
from service.notices import signing
from service.notices.line import Watched, context, printable, watched
from service.notices.settings import Webhook

MOST_ANSWER = 4096  # bytes of an answer that are read


class _Connection(http.client.HTTPConnection):
    """A connection over a watched line."""

    def __init__(self, host: str, port: int, line: Watched, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port)
        self._line, self._tls = line, tls

    def connect(self) -> None:
        self.sock = self._line.dial(self.host, self.port, self._tls)


def post(channel: Webhook, secret: str, notice_id: str, body: bytes, beside: Path) -> None:
    """Post `body`, signed with the time of the clock. Raises `PenstockError` unless the server answers 2xx."""
    at = urlsplit(channel.url)
    sent = signing.headers(notice_id, int(time.time()), body, signing.key(secret, channel.id))
    sent |= {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Penstock", "Connection": "close"}
    tls = context(channel, beside) if at.scheme == "https" else None
    with watched(channel) as line:
        connection = _Connection(at.hostname or "", at.port or (443 if tls else 80), line, tls)
        try:
            connection.request("POST", (at.path or "/") + (f"?{at.query}" if at.query else ""), body, sent)
            reply = connection.getresponse()
            answer = reply.read(MOST_ANSWER)
        except http.client.HTTPException as error:
            if line.over:
                raise TimeoutError from None
            raise fault(
                f"notify {channel.id}", f"no HTTP: {printable(repr(error), secret)}", "an HTTP server", "Correct the url."
            ) from None
        finally:
            connection.close()
    if not 200 <= reply.status < 300:
        told = f"answers {reply.status}: {printable(answer.decode('utf-8', 'replace'), secret)}"
        remedy = (
            "Redirects are not followed; correct the url." if 300 <= reply.status < 400 else "It is tried again; ask who runs the server."
        )
        raise fault(f"notify {channel.id}", told, "200 to 299", remedy)
