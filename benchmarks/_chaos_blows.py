"""What hits a command of `benchmarks.chaos` and when; and the panel of the battery, where a person looks afterwards."""

import signal
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from pymodbus.client import ModbusTcpClient

from benchmarks._chaos_city import City
from benchmarks._chaos_process import Running

_NAP_S = 0.002
_GLANCE_S = 0.0002  # between two looks for a commit [s]
_SETPOINT, _COUNT_KW = 12, 0.001  # register of the battery, and what a count of it is [kW]

Blow = Callable[[Running], bool]  # hits a running command; false when it had ended before


class Changes:
    """How often the files of store and spool have changed, as seen from outside: each commit writes to one of their logs."""

    def __init__(self, city: City) -> None:
        self._paths = [city.home / f"{name}{end}" for name in ("penstock.db", "spool.db") for end in ("", "-wal")]
        self._before, self.count, self.began = self._now(), 0, time.monotonic()

    def _now(self) -> list[tuple[int, int]]:
        found = []
        for path in self._paths:
            try:
                told = path.stat()
            except OSError:
                found.append((0, 0))
            else:
                found.append((told.st_size, told.st_mtime_ns))
        return found

    def look(self) -> int:
        """Look once more. Returns how many changes have been seen."""
        now = self._now()
        if now != self._before:
            self._before, self.count = now, self.count + 1
        return self.count


def after(seconds: float, number: int = signal.SIGKILL) -> Blow:
    """Hit a command so many seconds after its start [s]."""

    def blow(running: Running) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if running.code is not None:
                return False
            time.sleep(_NAP_S)
        running.signal(number)
        return True

    return blow


def at_change(city: City, count: int) -> Blow:
    """Kill a command as soon as so many changes of store and spool were seen: close to a commit, where half done is easily done."""

    def blow(running: Running) -> bool:
        seen = Changes(city)
        while seen.look() < count:
            if running.code is not None:
                return False
            time.sleep(_GLANCE_S)
        running.signal(signal.SIGKILL)
        return True

    return blow


class Panel:
    """The battery's own panel: its setpoint [kW], read and set past Penstock."""

    def __init__(self, city: City) -> None:
        text = city.file.read_text(encoding="utf-8")
        self._port = int(text.split("tcp://127.0.0.1:", 1)[1].split('"', 1)[0])

    def __enter__(self) -> Self:
        self._client: Any = ModbusTcpClient("127.0.0.1", port=self._port)
        self._client.connect()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    @property
    def setpoint(self) -> float:
        words = self._client.read_holding_registers(_SETPOINT, count=2, device_id=2).registers
        return float(int.from_bytes(b"".join(word.to_bytes(2, "big") for word in words), "big", signed=True) * _COUNT_KW)

    @setpoint.setter
    def setpoint(self, value_kw: float) -> None:
        raw = round(value_kw / _COUNT_KW).to_bytes(4, "big", signed=True)
        self._client.write_registers(_SETPOINT, [int.from_bytes(raw[:2], "big"), int.from_bytes(raw[2:], "big")], device_id=2)
