"""Which workers give the same bits as this process: same city file, database, code, packages, Python, C library and processor."""

import hashlib
import json
import platform
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from service.cluster import own


def portrait(config_hash: str, engine: Engine) -> dict[str, str]:
    """What must be equal for two processes to give the same bits, by name."""
    return {"city file": config_hash[:12], "database": database(engine), **computing()}


def computing() -> dict[str, str]:
    """What computes here. NumPy and LightGBM choose their loops by the vector instructions, OpenBLAS by the model of the processor;
    exponentials and logarithms are the C library's.
    """
    from numpy._core._multiarray_umath import __cpu_features__

    from service.forecasts import provenance

    vector = sorted(name for name, there in __cpu_features__.items() if there)
    return {
        "code": code(),
        "packages": _short(json.dumps(provenance.versions(), sort_keys=True)),
        "vector instructions": _short(" ".join(vector)),
        "processor": _processor(),
        "C library": " ".join((platform.machine(), *platform.libc_ver())),
    }


@lru_cache(maxsize=1)
def code() -> str:
    """SHA-256 of the text of all that a task runs through, begun: how history is read and shared out belongs to it."""
    root, found = Path(__file__).resolve().parents[2], hashlib.sha256()
    for path in sorted(path for package in ("city", "forecasting", "service") for path in (root / package).rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


def _processor() -> str:
    """Maker, family and model, as Linux tells them; elsewhere what Python knows."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8", errors="replace").split("\n\n", 1)[0].splitlines() if told.exists() else []
    parts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    names = ("vendor_id", "cpu family", "model", "CPU implementer", "CPU part")
    return " ".join(parts[name] for name in names if name in parts) or platform.processor()


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def database(engine: Engine) -> str:
    """Which database this is, whatever address it was reached by: its server's start and its name."""
    with engine.connect() as connection:
        started, name = connection.exec_driver_sql("SELECT pg_postmaster_start_time()::text, current_database()").one()
    return hashlib.sha256(f"{started} {name}".encode()).hexdigest()[:12]


def portrait_here() -> dict[str, str]:
    """The portrait of this worker, or why there is none, under the name `fault`."""
    from service.settings import load
    from service.store import open_store

    environment = own.get()
    if environment is None:
        return {"fault": "was not started by `penstock cluster worker`"}
    try:
        return portrait(load(environment).config_hash, open_store(environment.url))
    except Exception as error:
        return {"fault": " ".join(map(str, getattr(error, "problems", [type(error).__name__])))[:500]}


def unlike(mine: dict[str, str], its: Any) -> str:
    """What a worker differs in, as words; '' when it is alike."""
    if not isinstance(its, dict) or "fault" in its:
        return str(its.get("fault", its) if isinstance(its, dict) else its)
    return ", ".join(name for name, value in mine.items() if its.get(name) != value)
