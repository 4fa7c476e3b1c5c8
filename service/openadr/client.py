"""The line to a VTN: a token by OAuth 2.0 client credentials, events read page by page, reports posted.

Nothing a server sends is believed before it is checked: an answer may take `timeout_s` and 4 MB at most, must be JSON of the standard,
and a list may not go on for ever. What does not answer, or answers 429 or 5xx, is asked three times in all, with growing pauses.

References: RFC 6749 section 4.4 (client credentials), RFC 6750 (bearer tokens); OpenADR 3 API, /auth/token, /events, /reports.
"""

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote_plus, urlencode, urlsplit

from city.problems import PenstockError, fault
from service.openadr.objects import Event, Report, parsed, read_json
from service.openadr.settings import Vtn

MAX_BODY = 4 << 20  # of an answer [bytes]
PAGE = 50  # objects per request, the most that the standard allows
MAX_PAGES = 100
TRIES = 3
PAUSE_S = 0.5  # before the second try; twice that before the third


class Failed(Exception):
    """One try came to nothing; `again` says whether another may help."""

    def __init__(self, told: str, again: bool) -> None:
        super().__init__(told)
        self.again = again


class Client:
    """One VTN. Raises `PenstockError` with a sentence for whatever goes wrong."""

    def __init__(self, vtn: Vtn, secret: str, beside: Path, pause_s: float = PAUSE_S) -> None:
        """`secret` is the OAuth client secret, `beside` the folder of city.toml with the certificate."""
        if not secret:
            remedy = f'Set PENSTOCK_VTN_SECRETS to JSON such as {{"{vtn.id}": "..."}}.'
            raise fault(f"vtn {vtn.id}", "no client secret", "the secret the server's operator gave", remedy)
        self._vtn, self._secret, self._pause_s = vtn, secret, pause_s
        self._tls = _context(vtn, beside)
        self._token = ""

    def greet(self) -> str:
        """Ask for a token, to see that the server knows this client. Raises `PenstockError`."""
        self._fetched()
        return f"{self._vtn.url} gives a token to {self._vtn.client_id}"

    def events(self, program_id: str) -> tuple[list[Event], list[PenstockError]]:
        """Every event of a program, and the faults of those that are no OpenADR events."""
        found: list[Event] = []
        faults: list[PenstockError] = []
        for page in range(MAX_PAGES):
            query = urlencode({"programID": program_id, "skip": page * PAGE, "limit": PAGE})
            listed = self._ask("GET", f"/events?{query}")
            if not isinstance(listed, list):
                raise fault(self._subject("/events"), f"a {type(listed).__name__}", "a list of events", "Tell the server's operator.")
            for one in listed:
                try:
                    event = parsed(one, f"event of {self._vtn.id}", "EVENT")
                    assert isinstance(event, Event)  # noqa: S101 - `parsed` was told the kind
                    found.append(event)
                except PenstockError as error:
                    faults.append(error)
            if len(listed) < PAGE:
                return found, faults
        raise fault(self._subject("/events"), f"more than {MAX_PAGES * PAGE} events", "fewer", "Tell the server's operator.")

    def post_report(self, report: Report) -> str:
        """Post a report; returns the id that the server gave it ('' when it has the same one already)."""
        kept = self._ask("POST", "/reports", report.to_json())
        return str(kept.get("id") or "") if isinstance(kept, dict) else ""

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """JSON of one exchange; a token that is not taken any more is renewed once."""
        text = json.dumps(body).encode() if body is not None else b""
        for fresh in (False, True):
            token = self._fetched() if fresh or not self._token else self._token
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Content-Type": "application/json"}
            status, answer = self._tried(method, urlsplit(self._vtn.url + path), text, headers)
            if status != 401:
                break
        if status == 409 and method == "POST":
            return {}  # the server has an identical report
        if status not in (200, 201):
            allowed, remedy = "200 or 201", "Tell the server's operator."
            if status in (401, 403):
                allowed, remedy = "a client that may do this", "Check client_id, the secret and what the server allows it."
            raise fault(self._subject(path), f"answers {status}: {self._said(answer)}", allowed, remedy)
        return read_json(answer, self._subject(path))

    def _fetched(self) -> str:
        """A new token."""
        form = {"grant_type": "client_credentials", "client_id": self._vtn.client_id, "client_secret": self._secret}
        form |= {"scope": self._vtn.scope} if self._vtn.scope else {}
        at = urlsplit(self._vtn.token_url or f"{self._vtn.url}/auth/token")
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        status, answer = self._tried("POST", at, urlencode(form).encode(), headers)
        if status != 200:
            observed = f"answers {status}: {self._said(answer)}"
            raise fault(self._subject("the token"), observed, "a token", "Check client_id and the secret in PENSTOCK_VTN_SECRETS.")
        told = read_json(answer, self._subject("the token"))
        token = told.get("access_token") if isinstance(told, dict) else None
        if not isinstance(token, str) or not 0 < len(token) <= 8192 or not token.isascii() or not token.isprintable():
            raise fault(self._subject("the token"), "no access_token", "JSON with an access_token", "Tell the server's operator.")
        self._token = token
        return token

    def _tried(self, method: str, at: SplitResult, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body after at most `TRIES` tries."""
        for attempt in range(TRIES):
            if attempt:
                time.sleep(self._pause_s * 2 ** (attempt - 1))
            try:
                status, answer = self._once(method, at, body, headers)
                if status != 429 and status < 500:
                    return status, answer
                told = f"answers {status}: {self._said(answer)}"
            except Failed as error:
                told = str(error)
                if not error.again:
                    break
        remedy = "Events that are stored stay in force; try again later, or tell the server's operator."
        raise fault(self._subject(at.path), told, "an answer in time", remedy)

    def _once(self, method: str, at: SplitResult, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """One exchange within `timeout_s` from first to last byte."""
        end = time.monotonic() + self._vtn.timeout_s
        host, timeout_s = at.hostname or "", self._vtn.timeout_s
        line = (
            http.client.HTTPSConnection(host, at.port, timeout=timeout_s, context=self._tls)
            if at.scheme == "https"
            else http.client.HTTPConnection(host, at.port, timeout=timeout_s)
        )
        try:
            line.request(method, at.path + (f"?{at.query}" if at.query else ""), body or None, dict(headers))
            reply = line.getresponse()
            answer = b""
            while chunk := reply.read1(1 << 16):
                answer += chunk
                if len(answer) > MAX_BODY:
                    raise Failed(f"sends more than {MAX_BODY >> 20} MB", again=False)
                if time.monotonic() > end:
                    raise Failed(f"is not done after {self._vtn.timeout_s:g} s", again=False)
            return reply.status, answer
        except ssl.SSLCertVerificationError as error:
            raise Failed(f"its certificate is not to be trusted: {error.verify_message}", again=False) from None
        except TimeoutError:
            raise Failed(f"does not answer within {self._vtn.timeout_s:g} s", again=True) from None
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"{error or type(error).__name__}"[:200], again=True) from None
        except ValueError as error:  # a host or path that cannot be sent as it is written
            raise Failed(f"cannot be asked: {error}"[:200], again=False) from None
        finally:
            line.close()

    def _said(self, answer: bytes) -> str:
        """What a server says, fit for a sentence: printable, short, and without secret or token where it echoes them."""
        text = answer[:4096].decode("utf-8", "replace")
        for hidden in filter(None, (self._secret, quote_plus(self._secret), self._token)):
            text = text.replace(hidden, "***")
        return "".join(c if c.isprintable() else " " for c in text[:200]).strip() or "nothing"

    def _subject(self, path: str) -> str:
        return f"vtn {self._vtn.id}, {path.split('?')[0]}"


def _context(vtn: Vtn, beside: Path) -> ssl.SSLContext:
    """TLS 1.2 or later, host name checked."""
    try:
        made = ssl.create_default_context(cafile=str(beside / vtn.ca_file) if vtn.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise fault(f"vtn {vtn.id}, ca_file {vtn.ca_file}", error.strerror or str(error), "a PEM file", "Correct the name.") from None
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made
