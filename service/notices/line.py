"""A connection that ends when its time is over, however slowly the other side talks."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from city.problems import PenstockError, fault
from service.notices.settings import Channel


class Watched:
    """Dials, and shuts the connection down after `timeout_s` [s]: a time-out per read alone would let a server drip bytes for hours."""

    def __init__(self, timeout_s: float) -> None:
        self._ends = time.monotonic() + timeout_s
        self._kept: socket.socket | None = None
        self.over = False

    @property
    def left_s(self) -> float:
        """What is left of the time [s], never zero: a socket would then not wait at all."""
        return max(self._ends - time.monotonic(), 0.001)

    def dial(self, host: str, port: int, context: ssl.SSLContext | None) -> socket.socket:
        """A connected socket, with TLS where a context is given. Raises `OSError`."""
        raw = socket.create_connection((host, port), timeout=self.left_s)
        self._kept = socket.socket(fileno=os.dup(raw.fileno()))  # TLS takes the socket over; this one still reaches the connection
        raw.settimeout(self.left_s)
        try:
            return context.wrap_socket(raw, server_hostname=host) if context is not None else raw
        except BaseException:
            raw.close()
            raise

    def end(self) -> None:
        """Shut the connection down: whoever reads or writes there gets an error at once."""
        self.over = True
        if self._kept is not None:
            with suppress(OSError):
                self._kept.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()


@contextmanager
def watched(channel: Channel) -> Iterator[Watched]:
    """A line for one delivery; what goes wrong on it is raised as `PenstockError`."""
    line = Watched(channel.timeout_s)
    timer = threading.Timer(channel.timeout_s, line.end)
    timer.daemon = True
    timer.start()
    try:
        yield line
    except PenstockError:
        raise
    except ssl.SSLCertVerificationError as error:
        raise _fault(channel, f"its certificate is not to be trusted: {error.verify_message}") from None
    except Exception as error:
        if line.over or isinstance(error, TimeoutError):
            raise _fault(channel, f"is not done after {channel.timeout_s:g} s") from None
        if not isinstance(error, (OSError, EOFError)):
            raise
        raise _fault(channel, printable(getattr(error, "strerror", None) or str(error) or type(error).__name__)) from None
    finally:
        timer.cancel()
        line.close()


def _fault(channel: Channel, observed: str) -> PenstockError:
    return fault(f"notify {channel.id}", observed, "a server that takes it in time", "It is tried again; look at the server and its line.")


def context(channel: Channel, beside: Path) -> ssl.SSLContext:
    """TLS 1.2 or later, host name and certificate checked. Raises `PenstockError` where `ca_file` cannot be read."""
    try:
        made = ssl.create_default_context(cafile=str(beside / channel.ca_file) if channel.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        told = error.strerror or str(error)
        raise fault(f"notify {channel.id}, ca_file {channel.ca_file}", told, "a PEM file", "Correct the name.") from None
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def printable(text: str, secret: str = "", most: int = 200) -> str:
    """What a server says, fit for a sentence: printable, short, and without the secret where it echoes it."""
    told = text.replace(secret, "***") if secret else text
    return " ".join("".join(c if c.isprintable() else " " for c in told[: 4 * most]).split())[:most] or "nothing"
