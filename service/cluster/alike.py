"""Which workers give the same bits as this process: same city file, database, code, packages, Python and vector instructions."""

import hashlib
import json
from typing import Any

from sqlalchemy import Engine

from service.cluster import own


def portrait(config_hash: str, engine: Engine) -> dict[str, str]:
    """What must be equal for two processes to give the same bits, by name.

    NumPy and LightGBM choose their loops by the processor's vector instructions, so these belong to it.
    """
    from numpy._core._multiarray_umath import __cpu_features__

    from service.forecasts import provenance

    vector = sorted(name for name, there in __cpu_features__.items() if there)
    return {
        "city file": config_hash[:12],
        "database": database(engine),
        "code": provenance.code()[:12],
        "packages": hashlib.sha256(json.dumps(provenance.versions(), sort_keys=True).encode()).hexdigest()[:12],
        "vector instructions": hashlib.sha256(" ".join(vector).encode()).hexdigest()[:12],
    }


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
