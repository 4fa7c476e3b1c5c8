"""The station's end of the line: one HTTPS connection to the central, kept open."""

import http.client
import json
import ssl
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

from city.problems import PenstockError, fault
from meters.spool.packing import Batch
from service.delivery import Away, Refused
from service.edge.clock import ClockWatch
from service.edge.settings import Edge

CLOCK_HEADER = "Penstock-Time"  # the answerer's clock [s since 1970]; the Date header has whole seconds only
ORIGIN_HEADER = "Penstock-Config"  # SHA-256 of the configuration that the readings were taken under
REASON_HEADER = "Penstock-Reason"
STATE_HEADER = "Penstock-State"  # JSON of what the station has to say of itself
MAX_BODY = 16 << 20  # of a request or an answer [bytes]; about a million readings


class Central:
    """Sends batches in order, each until the central has it for good; a `service.delivery.Sink`."""

    at_once = 1  # one batch per request

    def __init__(self, edge: Edge, folder: Path, token: str, clock: ClockWatch) -> None:
        """`folder` holds the certificate files. Raises `PenstockError` when a file or the token does not serve."""
        if len(token) < 32:
            observed = "missing" if not token else f"{len(token)} characters"
            remedy = "Make one on the central: penstock meters station-token."
            raise fault("PENSTOCK_EDGE_TOKEN", observed, "the station's token of 32 characters or more", remedy)
        self._edge, self._token, self._clock = edge, token, clock
        self._tls = _context(edge, folder)
        self._line: http.client.HTTPSConnection | None = None
        self.state: dict[str, object] = {}

    def take(self, batches: Sequence[Batch]) -> int:
        """Send the batches. Returns the readings that the central keeps. Raises `Refused` or `Away`."""
        kept = 0
        for batch in batches:
            if len(batch.kept) > MAX_BODY:  # the central would say so, but hang up before it is heard
                raise Refused(f"{len(batch.kept)} bytes; at most {MAX_BODY} are sent at once")
            status, answer = self._ask("POST", f"/v1/batches/{batch.batch_id}", batch.kept, {ORIGIN_HEADER: _config_of(batch)})
            if status in (413, 422):
                raise Refused(_text(answer))
            kept += self._kept(batch, status, answer)
        return kept

    def bury(self, batch: Batch, reason: str) -> None:
        """Send what the central refused to its dead letters."""
        said = reason.encode("ascii", "replace").decode().replace("\r", " ").replace("\n", " ")[:1000]
        told = {ORIGIN_HEADER: _config_of(batch), REASON_HEADER: said}
        self._kept(batch, *self._ask("POST", f"/v1/dead-letters/{batch.batch_id}", batch.kept, told))

    def config(self, known: str) -> bytes | None:
        """The station's configuration as a bundle, None when it is the `known` one still. Raises `Away`."""
        status, answer = self._ask("GET", "/v1/config", b"", {"If-None-Match": f'"{known}"'})
        return None if status == 304 else answer

    def _kept(self, batch: Batch, status: int, answer: bytes) -> int:
        """The readings that the central says it keeps, of this very batch: whatever else answers 200 is not the central."""
        try:
            told = json.loads(answer)
            if status == 200 and told["kept"] == batch.batch_id:
                return int(told["readings"])
        except (ValueError, LookupError, TypeError):
            pass
        raise Away(f"central {self._edge.central} answers {status}, but not as `penstock receive` does: {_text(answer)}")

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """One exchange; its status is 200, 304, 413 or 422. A connection that died of idleness is opened once more."""
        used = self._line is not None
        try:
            try:
                status, answer = self._exchange(method, path, body, headers)
            except (OSError, http.client.HTTPException) as error:
                if not used or isinstance(error, TimeoutError):
                    raise
                self.close()
                status, answer = self._exchange(method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Away(f"central {self._edge.central}: {error or type(error).__name__}") from None
        if status not in (200, 304, 413, 422):
            raise Away(f"central {self._edge.central} answers {status}: {_text(answer)}")
        return status, answer

    def _exchange(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        at = urlsplit(self._edge.central)
        if self._line is None:
            self._line = http.client.HTTPSConnection(at.hostname or "", at.port or 443, timeout=self._edge.timeout_s, context=self._tls)
            self._line.connect()  # before the clock is read: the handshake is no part of the exchange
        sent, begun = self._clock.now(), monotonic()
        told = {"Authorization": f"Bearer {self._edge.station}.{self._token}", STATE_HEADER: json.dumps(self.state), **headers}
        self._line.request(method, path, body, told)
        reply = self._line.getresponse()
        took = monotonic() - begun
        answer = reply.read(MAX_BODY + 1)
        if len(answer) > MAX_BODY:
            raise http.client.HTTPException("answer too long")
        theirs = reply.getheader(CLOCK_HEADER, "")
        received = self._clock.now()
        if theirs.replace(".", "", 1).isdigit() and abs((received - sent) - took) < 1:  # else our clock was set under way
            self._clock.compare(sent, sent + took, float(theirs))
        return reply.status, answer


def _context(edge: Edge, folder: Path) -> ssl.SSLContext:
    """TLS 1.2 or later, host name checked, and only the given authority trusted."""
    try:
        made = ssl.create_default_context(cafile=str(folder / edge.ca_file))
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        if edge.client_certificate is not None:
            key = folder / edge.client_key if edge.client_key else None
            made.load_cert_chain(folder / edge.client_certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise _certificate_fault(edge, error) from None
    return made


def _certificate_fault(edge: Edge, error: OSError) -> PenstockError:
    files = ", ".join(name for name in (edge.ca_file, edge.client_certificate, edge.client_key) if name)
    return fault("edge: certificates", f"{error.strerror or error} ({files})", "PEM files beside city.toml", "Correct the names or files.")


def _config_of(batch: Batch) -> str:
    return batch.origin.rpartition("/")[2] or "0" * 64  # kept before this machine became a station


def _text(answer: bytes) -> str:
    """What the central says, fit for a log: printable and short."""
    return "".join(c if c.isprintable() else " " for c in answer[:300].decode("utf-8", "replace"))
