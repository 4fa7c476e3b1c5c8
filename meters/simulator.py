"""Field devices that are not there: `python -m meters.simulator --spec spec.json --port 5020`, a Modbus TCP server of its own process.

The registers follow a table of values on a simulated clock; the clock is unit 255, holding registers 0 to 3 (u64 seconds since 1970,
most significant word first), and can be written. Written setpoints are kept and read back.
"""

import argparse
import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.datastore import ModbusServerContext
from pymodbus.exceptions import NoSuchIdException
from pymodbus.server import ModbusTcpServer

from city.clock import parse_utc
from city.problems import PenstockError, fault
from meters.simulated import Devices, read_spec

CLOCK_UNIT = 255
_TABLE = {1: "coil", 2: "discrete", 3: "holding", 4: "input", 5: "coil", 6: "holding", 15: "coil", 16: "holding"}  # by function
_WRITE = (5, 6, 15, 16)


class Clock:
    """Simulated time [s since 1970]; stands still at speed 0."""

    def __init__(self, start_s: float, speed: float) -> None:
        self._start_s, self._speed, self._set_at = start_s, speed, time.monotonic()

    @property
    def now_s(self) -> int:
        return int(self._start_s + (time.monotonic() - self._set_at) * self._speed)

    def set(self, now_s: int) -> None:
        self._start_s, self._set_at = float(now_s), time.monotonic()


class Answers(ModbusServerContext):
    """pymodbus' data source: answers from the devices' images instead of from fixed blocks."""

    def __init__(self, devices: Devices, clock: Clock) -> None:
        # Not calling the base: it copies fixed blocks. `old_simulator` makes the server ask this object for every request.
        self.old_simulator, self.simdevices = True, []
        self._devices_of_unit, self._clock = devices, clock

    async def async_getValues(self, device_id: int, func_code: int, address: int, count: int = 1) -> Any:
        """Words (or bits), an exception code, or `NoSuchIdException` for a dead unit (the server then stays silent)."""
        table = _TABLE.get(func_code)
        if table is None:
            return ExcCodes.ILLEGAL_FUNCTION
        if device_id == CLOCK_UNIT:
            words = [self._clock.now_s >> shift & 0xFFFF for shift in (48, 32, 16, 0)]
            return words[address : address + count] if address + count <= 4 else ExcCodes.ILLEGAL_ADDRESS
        refusal = await self._refusal(device_id)
        if refusal is not None:
            return refusal
        found = self._devices_of_unit.read(device_id, table, address, count, self._clock.now_s)
        if found is None:
            return ExcCodes.ILLEGAL_ADDRESS
        return [bool(word) for word in found] if table in ("coil", "discrete") else found

    async def async_setValues(self, device_id: int, func_code: int, address: int, values: Any) -> ExcCodes | None:
        """Take a write to the clock or to writable registers and coils."""
        if func_code not in _WRITE:
            return ExcCodes.ILLEGAL_FUNCTION
        words = [int(word) for word in values]
        if device_id == CLOCK_UNIT:
            if (func_code, address, len(words)) != (16, 0, 4):
                return ExcCodes.ILLEGAL_ADDRESS
            self._clock.set(int.from_bytes(b"".join(word.to_bytes(2, "big") for word in words), "big"))
            return None
        refusal = await self._refusal(device_id)
        if refusal is not None:
            return refusal
        return None if self._devices_of_unit.write(device_id, _TABLE[func_code], address, words) else ExcCodes.ILLEGAL_ADDRESS

    async def _refusal(self, unit: int) -> ExcCodes | None:
        if unit not in self._devices_of_unit:
            return ExcCodes.GATEWAY_NO_RESPONSE
        if self._devices_of_unit.is_dead(unit):
            raise NoSuchIdException(f"unit {unit} is dead")
        if (delay_s := self._devices_of_unit.delay_s(unit)) > 0:
            await asyncio.sleep(delay_s)
        return None


async def serve(devices: Devices, clock: Clock, port: int, lifetime_s: float) -> None:
    """Answer on 127.0.0.1 until SIGTERM, the parent's death or the end of `lifetime_s` [s]."""
    stopped, loop, parent = asyncio.Event(), asyncio.get_running_loop(), os.getppid()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = ModbusTcpServer(Answers(devices, clock), address=("127.0.0.1", port), ignore_missing_devices=True)
    try:
        await server.serve_forever(background=True)
    except RuntimeError:
        raise fault(f"port {port}", "cannot be listened on", "a free port, or 0 for any", "Choose another port.") from None
    sockets: Any = getattr(server.transport, "sockets", ())
    print(f"listening on {sockets[0].getsockname()[1]}", flush=True)  # noqa: T201 - the line its starter waits for
    end = loop.time() + lifetime_s
    while not stopped.is_set() and loop.time() < end and os.getppid() == parent:
        with suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), 0.25)
    await server.shutdown()


@contextmanager
def running(spec: Path | str, *, start_utc: datetime | None = None, speed: float = 0.0, lifetime_s: float = 3600.0) -> Iterator[int]:
    """Start the simulator as a process of its own on a free port; yields the port and ends the process."""
    command = [sys.executable, "-m", "meters.simulator", "--spec", str(spec), "--speed", str(speed), "--lifetime", str(lifetime_s)]
    if start_utc is not None:
        command += ["--start", start_utc.isoformat()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603 - our own module
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line.startswith("listening on "):
            _, told = process.communicate(timeout=10)
            raise fault("simulator", told.strip()[-500:] or "it ended", "a line `listening on PORT`", "Check its specification.")
        yield int(line.rsplit(" ", 1)[1])
    finally:
        process.terminate()
        try:
            process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def main(arguments: list[str] | None = None) -> int:
    """Command line; exit code 0 when told to stop, 1 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m meters.simulator", description="Simulated field devices on Modbus TCP, loopback only.")
    parser.add_argument("--spec", type=Path, required=True, help="JSON: values, devices, models")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 takes a free one and prints it")
    parser.add_argument("--start", help="start of the simulated clock, ISO 8601 with offset, or `now`; default: the first row")
    parser.add_argument("--speed", type=float, default=0.0, help="simulated seconds per second; 0: the clock stands until it is written")
    parser.add_argument("--lifetime", type=float, default=3600.0, help="end after so many seconds")
    given = parser.parse_args(arguments)
    logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)
    try:
        devices = Devices(read_spec(given.spec))
        start = datetime.now(UTC) if given.start == "now" else parse_utc(given.start) if given.start else devices.first_utc
        asyncio.run(serve(devices, Clock(start.timestamp(), given.speed), given.port, given.lifetime))
    except PenstockError as error:
        print(error, file=sys.stderr)  # noqa: T201 - what the operator reads
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
