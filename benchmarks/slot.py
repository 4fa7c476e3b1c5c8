"""What one slot costs the poll process: from the actor's queue over the wire and the decoder to the Readings frame, and into the spool."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from meters.links.link import LinkConfig
from meters.maps.registers import load_model
from meters.polling.field import Field
from meters.polling.poll import Device
from meters.spool.spool import Spool

SUMMARY = "CPU per meter and slot of the poll process, and the meters that one core reads in a quarter-hour"
MODELS = ("electricity-meter", "water-meter", "pressure-sensor", "sunspec-inverter", "gas-meter")
PER_LINK = 240  # units of one gateway; Modbus allows 247
START = datetime(2026, 1, 5, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--meters", type=int, nargs="+", default=[45, 10_000], help="numbers of meters")
    parser.add_argument("--slots", type=int, default=5, help="slots measured; one before them is not")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """One entry per number of meters. CPU is that of this process; the server's is its own."""
    numbers = [20] if args.quick else args.meters
    with _server() as port:
        return {"scales": [measured(port, number, 1 if args.quick else args.slots) for number in numbers]}


def measured(port: int, number: int, slots: int) -> dict[str, Any]:
    """`slots` slots of `number` meters of the models in turn, `PER_LINK` to a link."""
    models = [load_model(name) for name in MODELS]
    devices = [Device(f"m{i}", f"l{i // PER_LINK}", i % PER_LINK, models[i % len(models)]) for i in range(number)]
    links = [LinkConfig(id=f"l{i}", url=f"tcp://127.0.0.1:{port}", timeout_s=30, budget_s=900) for i in range(1 + (number - 1) // PER_LINK)]
    with tempfile.TemporaryDirectory() as folder, Field(links, devices) as field, Spool(Path(folder) / "spool.db") as spool:
        field.read_slot(START)
        read_s = spool_s = 0.0
        for i in range(1, slots + 1):
            began = time.process_time()
            frame = field.read_slot(START + i * QUARTER)
            read = time.process_time()
            spool.append(frame)
            read_s, spool_s = read_s + read - began, spool_s + time.process_time() - read
    per_meter_s = (read_s + spool_s) / slots / number
    return {
        "meters": number,
        "points": len(frame),
        "without_value": int(frame["value"].isna().sum()),
        "read_ms_per_slot": round(1e3 * read_s / slots, 2),
        "read_us_per_meter": round(1e6 * read_s / slots / number, 1),
        "spool_us_per_meter": round(1e6 * spool_s / slots / number, 1),
        "meters_per_quarter_hour": int(900 / per_meter_s),
    }


@contextmanager
def _server() -> Iterator[int]:
    command = [sys.executable, str(Path(__file__).with_name("_slot_server.py"))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline() if process.stdout else "")
    finally:
        process.terminate()
        process.wait(10)
