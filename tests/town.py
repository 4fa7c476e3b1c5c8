"""A town of three meters made from literal numbers, for tests that need a city file they can spoil: small, fast, no simulator."""

import io
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import func, select

from service import schema as t
from service.store import open_store, results

NOW = "2022-06-16T00:30+02:00"
MIDNIGHT_UTC = datetime(2022, 6, 15, 22, 0, tzinfo=UTC)  # the local midnight that the night starts after

HEAD = """
city = { id = "town", name = "Town", time_zone = "Europe/Rome", country = "IT", region = "CN-ZJ" }
forecast = { trees = 20, train_rows = 2000 }
sectors = [{ id = "services", gdp_10k_cny = { 2021 = 100, 2022 = 110 } }]
sites = [{ id = "here", sector = "services" }]
zones = [{ id = "old-town", kind = "dma", population = 500 }]
links = [{ id = "field", url = "tcp://127.0.0.1:PORT", timeout_s = 0.2, backoff_s = 60, read_only = false }]
meters = [
  { id = "hall", unit = 1, link = "field", site = "here", model = "electricity-meter", commodity = "electricity", role = "load", forecast = "load" },
  { id = "sun", unit = 2, link = "field", site = "here", model = "pv-plant", commodity = "electricity", role = "generation", forecast = "pv" },
  { id = "inflow", site = "here", model = "water-meter", commodity = "water", role = "load", zone = "old-town", forecast = "water", step_s = 3600 },
]
"""  # noqa: E501

PARTS = {
    "tariff": '[tariff]\nexport_price_per_kwh = 0.1\nbands = [{ name = "day", price_per_kwh = 0.8, hours = [[6, 22]] }, '
    '{ name = "night", price_per_kwh = 0.3, hours = [[0, 24]] }]\n',
    "assets": '[[assets]]\nid = "grid"\nkind = "grid"\nconnection_kw = 500.0\n'
    '[[assets]]\nid = "hall"\nkind = "fixed_load"\nseries = ["hall.energy"]\n'
    '[[assets]]\nid = "sun"\nkind = "curtailable"\nseries = ["sun.energy"]\n',
    "controls": '[[controls]]\nasset = "sun"\npoint = "sun.setpoint"\nquantity = "power_kw"\n',
    "accounts": '[[accounts]]\nid = "el-hall"\nkind = "grid-electricity"\npoint = "hall.energy"\nsite = "here"\nsector = "services"\n'
    'region = "CN-ZJ"\n',
    "targets": '[[targets]]\nid = "per-gdp"\nmeasure = "energy_per_gdp"\nbase_year = 2021\nbase_value = 0.5\n'
    "milestones = { 2026 = -0.1 }\n",
    "imports": '[[imports]]\npath = "power.csv"\nmapping = { time = "time", quantity = "energy_kwh" }\n'
    '[[imports]]\npath = "water.csv"\nmapping = { time = "time", quantity = "volume_m3", step_s = 3600 }\n',
}


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err

    @property
    def foreseen(self) -> bool:
        """No crash file was written: every fault was told as a sentence of its own."""
        return "did not foresee" not in self.all


@dataclass(frozen=True)
class Town:
    """What stands in the city file; `parts` are its tables by name, so that a test can leave one out or spoil it."""

    folder: Path
    port: int = 1
    head: str = HEAD
    parts: Mapping[str, str] = None  # type: ignore[assignment]
    days: int = 30

    @property
    def file(self) -> Path:
        return self.folder / "city.toml"

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder / 'penstock.db'}"

    def penstock(self, *words: str, **environment: str) -> "Said":
        """Run the command in this process, as its entry point does. Nothing it says may be a traceback."""
        from service.cli import run

        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name in ("DATABASE_URL", "OPERATOR", "NOW"):
                patch.delenv(f"PENSTOCK_{name}", raising=False)
            for name, value in ({"CITY": str(self.file), "HOME": str(self.folder)} | environment).items():
                patch.setenv(f"PENSTOCK_{name}", value)
            patch.setattr(sys, "argv", ["penstock", *words])
            with pytest.raises(SystemExit) as ended:
                run()
        said = Said(int(ended.value.code or 0), out.getvalue(), err.getvalue())
        assert "Traceback" not in said.all
        return said

    def without(self, *names: str) -> "Town":
        return replace(self, parts={k: v for k, v in (self.parts or PARTS).items() if k not in names})

    def changed(self, part: str, old: str, new: str) -> "Town":
        """The town with `old` replaced in one of its parts, or in the head."""
        if part == "head":
            assert old in self.head
            return replace(self, head=self.head.replace(old, new))
        parts = dict(self.parts or PARTS)
        assert old in parts[part]
        return replace(self, parts=parts | {part: parts[part].replace(old, new)})

    def write(self) -> "Town":
        """Write city.toml and the history files of `days` days up to midnight."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file.write_text(self.head.replace("PORT", str(self.port)) + "\n".join((self.parts or PARTS).values()), encoding="utf-8")
        if self.days:
            power(self.days).to_csv(self.folder / "power.csv", index=False)
            water(self.days).to_csv(self.folder / "water.csv", index=False)
        return self


def _times(days: int, minutes: int) -> pd.DatetimeIndex:
    return pd.date_range(MIDNIGHT_UTC - timedelta(days=days), MIDNIGHT_UTC, freq=f"{minutes}min", inclusive="left")


def power(days: int) -> pd.DataFrame:
    """Quarter-hours [kWh] of a hall (20 to 30 kW by day) and a roof of 40 kW peak; a little noise from a fixed seed."""
    times = _times(days, 15)
    hour = np.asarray(times.hour + times.minute / 60 + 2) % 24
    noise = np.random.default_rng(7).normal(1.0, 0.05, (2, len(times)))
    load = (20 + 10 * np.sin((hour - 6) / 24 * 2 * np.pi)) / 4
    sun = np.maximum(0.0, 40 * np.sin((hour - 6) / 14 * np.pi)) / 4
    return pd.DataFrame({"time": times, "hall.energy": (load * noise[0]).round(3), "sun.energy": (sun * noise[1]).round(3)})


def water(days: int) -> pd.DataFrame:
    """Hours [m3] of a district that takes 8 to 12 m3/h."""
    times = _times(days, 60)
    noise = np.random.default_rng(8).normal(1.0, 0.05, len(times))
    return pd.DataFrame({"time": times, "inflow.volume": ((10 + 2 * np.sin(np.asarray(times.hour) / 12 * np.pi)) * noise).round(3)})


def count(town: Town, table: object) -> int:
    with open_store(town.database).connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]


def states(town: Town) -> set[str]:
    return {row.state for row in results.rows(open_store(town.database), t.command)}


def count_of_tables(town: Town) -> int:
    with sqlite3.connect(town.folder / "penstock.db") as connection:
        return int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def prepared(town: Town) -> Town:
    """Written, initialised, and its history imported where it has one."""
    town.write()
    assert town.penstock("init").code == 0
    assert not town.days or town.penstock("import").code == 0
    return town


def night(town: Town, now: str = NOW) -> Said:
    said = town.penstock("night", "--now", now)
    assert said.foreseen
    return said


def steps(town: Town) -> dict[str, str]:
    """{step: status} in the order they ended."""
    rows = results.rows(open_store(town.database), t.step, order=t.step.c.ended_utc)
    return {row.step: row.status for row in rows}


def problems(town: Town, step: str) -> str:
    (row,) = results.rows(open_store(town.database), t.step, t.step.c.step == step)
    return "\n".join([row.sentence, *row.problems])
