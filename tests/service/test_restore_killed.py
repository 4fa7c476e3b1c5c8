"""A restore that is killed at any moment leaves the old database or the new one."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from service import schema as t
from service.keeping.backup import back_up
from service.keeping.restoring import restore
from service.store import operations, readings, writing
from tests.service.test_backup import NOW, lived, tables
from tests.service.test_cold_storage import DAY, LATER, POINTS, slot

_KILLED = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from pydantic import SecretStr
from service.environment import Environment
from service.keeping.restoring import restore
import service.store, meters.spool
print("ready", flush=True)
env = Environment(city=Path(sys.argv[1]), home=Path(sys.argv[2]), database_url=SecretStr(sys.argv[3]))
restore(env, Path(sys.argv[4]), datetime.now(UTC), replace=True)
"""


@pytest.mark.slow
def test_a_restore_killed_at_any_moment_leaves_the_old_database_or_the_new_one(engine: Engine, tmp_path: Path) -> None:
    env = lived(engine, tmp_path / "home")
    key_of = readings.register_points(engine, POINTS)
    many = [(f"many-{i}", slot(LATER + timedelta(minutes=i), 1.0, 2.0, 3.0)) for i in range(400)]
    readings.store_batches(engine, many, key_of)
    back_up(env, tmp_path / "kept", NOW)
    restored = tables(engine)
    with writing(engine) as connection:
        operations.record(connection, DAY, "ada", "hold", "*", "after the backup")
    old = tables(engine)
    rng, seen = np.random.default_rng(3), set()
    for _ in range(3):
        words = [str(env.city_file), str(tmp_path / "home"), env.url, str(tmp_path / "kept")]
        child = subprocess.Popen([sys.executable, "-c", _KILLED, *words], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."})
        assert child.stdout is not None
        child.stdout.readline()
        try:
            child.wait(rng.uniform(0.02, 0.5))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
        assert child.wait() in (0, -signal.SIGKILL)
        engine.dispose()
        now = tables(engine)
        assert now in (old, restored)
        seen.add(now == old)
        with engine.connect() as connection:
            assert connection.execute(select(func.count()).select_from(t.point)).scalar_one() == 3
    restore(env, tmp_path / "kept", DAY, replace=True)
    assert tables(engine) == restored
