"""A TCP relay on loopback before a PostgreSQL server, that can be cut off as a network is: nothing is closed, nothing is acknowledged."""

import ctypes
import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from sqlalchemy import URL, make_url

_SO_ATTACH_FILTER = 26  # of asm-generic/socket.h; Linux only
_DROP = struct.pack("HBBI", 0x06, 0, 0, 0)  # one instruction of the kernel's packet filter: return 0, take nothing


class Relay:
    """`with Relay(url) as relay: open_store(relay.url(connect_timeout="2")); relay.cut()`."""

    def __init__(self, server: str) -> None:
        self._server = make_url(server)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def url(self, **query: str) -> str:
        """The server's URL by way of this relay, with parameters of the connection."""
        made = URL.create(
            self._server.drivername,
            self._server.username,
            self._server.password,
            "127.0.0.1",
            self._listener.getsockname()[1],
            self._server.database,
            query,
        )
        return made.render_as_string(hide_password=False)

    def cut(self) -> None:
        """From now on what arrives here is dropped by the kernel before TCP hears of it: the other side gets no acknowledgement."""
        code = ctypes.create_string_buffer(_DROP)
        for one in self._open:
            one.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(code)))

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                theirs, _ = self._listener.accept()
                ours = self._dial()
                self._open.append(theirs)
                for pair in ((theirs, ours), (ours, theirs)):
                    threading.Thread(target=_forward, args=pair, daemon=True).start()

    def _dial(self) -> socket.socket:
        folder = str(self._server.query.get("host") or self._server.host or "")
        port = self._server.port or 5432
        if not folder.startswith("/"):
            return socket.create_connection((folder or "127.0.0.1", port))
        made = socket.socket(socket.AF_UNIX)
        made.connect(f"{folder}/.s.PGSQL.{port}")
        return made


def _forward(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while said := source.recv(65536):
            target.sendall(said)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
