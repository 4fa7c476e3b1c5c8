"""libmodbus (C) on the other end: its server and its client, compiled from the sources beside this file."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from city.problems import fault

_REMEDY = "Install gcc and libmodbus-dev."


@contextmanager
def compiled(name: str) -> Iterator[Path]:
    """libmodbus_`name`.c as a program. Raises `PenstockError` where there is no gcc or no libmodbus-dev."""
    source = Path(__file__).parent / f"libmodbus_{name}.c"
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / name
        command = ["gcc", "-O2", "-I/usr/include/modbus", "-o", str(program), str(source), "-lmodbus"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        except FileNotFoundError:
            raise fault("gcc", "not found", "a C compiler", _REMEDY) from None
        if done.returncode:
            raise fault(f"gcc {source.name}", done.stderr.strip().splitlines()[0], "libmodbus and its headers", _REMEDY)
        yield program


@contextmanager
def server(registers: int = 1000, device: str | None = None) -> Iterator[int]:
    """A libmodbus server: register i holds i * 7, coil i is set when 3 divides i. Yields its port; on a serial line, as unit 1, 0."""
    pipe = subprocess.PIPE
    arguments = [str(registers)] if device is None else [str(registers), device]
    with compiled("server") as program, subprocess.Popen([program, *arguments], stdin=pipe, stdout=pipe) as process:
        try:
            yield int(process.stdout.readline() if process.stdout else 0)
        finally:
            if device is not None:
                process.kill()
            process.communicate(timeout=10)  # it ends with its input
