"""The line to one district of the chaos city: a TCP relay on loopback that can be cut, go silent, or say nonsense."""

import random
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Literal, Self

Mode = Literal["whole", "refused", "silent", "nonsense", "garbage"]


class Wire:
    """Relays a port of its own to `target`. `with Wire(502) as wire: wire.be("silent")`."""

    def __init__(self, target: int) -> None:
        self._target, self.port = target, 0
        self._mode: Mode = "whole"
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self._random = random.Random(1)  # noqa: S311 - nonsense that is the same every time

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.be("refused")

    def be(self, mode: Mode) -> None:
        """From now on: `whole` relays, `refused` takes no connection, `silent` takes them and never answers, `nonsense` answers
        with bytes that are no frame, `garbage` with frames that are well-formed and hold any values."""
        self._mode = mode
        for one in [*self._open, *([self._listener] if self._listener and mode == "refused" else [])]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()
        if mode == "refused":
            self._listener = None
        elif self._listener is None:
            self._listen()

    def _listen(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port, self._listener = listener.getsockname()[1], listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                ours, _ = listener.accept()
                self._open.append(ours)
                threading.Thread(target=self._serve, args=(ours,), daemon=True).start()

    def _serve(self, ours: socket.socket) -> None:
        with suppress(OSError):
            if self._mode in ("whole", "garbage"):
                theirs = socket.create_connection(("127.0.0.1", self._target))
                self._open.append(theirs)
                threading.Thread(target=_relay, args=(theirs, ours, self._altered), daemon=True).start()
                _relay(ours, theirs, bytes)
                return
            while asked := ours.recv(4096):
                if self._mode == "nonsense":
                    ours.sendall(asked[:4] + self._random.randbytes(self._random.randint(1, 40)))

    def _altered(self, said: bytes) -> bytes:
        """A reply as it is; of one that brings registers, the registers are any (function 3 or 4, its bytes from the tenth on)."""
        if self._mode != "garbage" or len(said) < 10 or said[7] not in (3, 4):
            return said
        return said[:9] + self._random.randbytes(len(said) - 9)


def _relay(source: socket.socket, target: socket.socket, change: Callable[[bytes], bytes]) -> None:
    with suppress(OSError):
        while said := source.recv(65536):
            target.sendall(change(said))
    for one in (source, target):
        with suppress(OSError):
            one.close()
