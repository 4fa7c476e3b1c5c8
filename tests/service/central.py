"""A central on loopback behind real TLS, and the stations that forward to it: for the tests of the edge."""

import hashlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import trustme
from sqlalchemy import Engine, select

from city.quality import VALID
from service import migrations
from service import schema as t
from service.edge.serving import Receiver
from service.environment import Environment
from service.store import open_store

SLOT = datetime(2022, 6, 15, tzinfo=UTC)
TOKEN = {"north": "n" * 43, "south": "s" * 43}

CITY = """
[city]
id = "town"
name = "Town"
time_zone = "Europe/Rome"
country = "IT"
region = "CN-ZJ"
"""

REST = """
[[sectors]]
id = "services"
[[sites]]
id = "hall"
sector = "services"
[[links]]
id = "north-line"
url = "tcp://127.0.0.1:1"
[[links]]
id = "south-line"
url = "tcp://127.0.0.1:2"
[[meters]]
id = "m-north"
unit = 1
link = "north-line"
site = "hall"
model = "electricity-meter"
commodity = "electricity"
role = "load"
[[meters]]
id = "m-south"
unit = 1
link = "south-line"
site = "hall"
model = "electricity-meter"
commodity = "electricity"
role = "load"
[[limits]]
point = "m-north.power"
maximum = 500
"""


def stations(names: tuple[str, ...] = ("north", "south")) -> str:
    return "".join(
        f'[[stations]]\nid = "{name}"\nlinks = ["{name}-line"]\ntoken_sha256 = ["{hashlib.sha256(TOKEN[name].encode()).hexdigest()}"]\n'
        for name in names
    )


@dataclass
class Central:
    """The folder of a central with its city file, certificates and store."""

    folder: Path
    authority: trustme.CA
    port: int = 0

    @classmethod
    def made(cls, folder: Path) -> "Central":
        folder.mkdir()
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        issued = authority.issue_cert("localhost")
        issued.private_key_pem.write_to_path(str(folder / "key.pem"))
        for i, blob in enumerate(issued.cert_chain_pems):
            blob.write_to_path(str(folder / "cert.pem"), append=i > 0)
        (folder / "city.toml").write_text(CITY + REST + stations(), encoding="utf-8")
        migrations.upgrade(open_store(f"sqlite:///{folder / 'home' / 'penstock.db'}", create=True))
        return cls(folder, authority)

    @property
    def engine(self) -> Engine:
        return open_store(f"sqlite:///{self.folder / 'home' / 'penstock.db'}")

    def start(self, port: int = 0) -> "subprocess.Popen[str]":
        """`penstock receive` in a process of its own; its port is then `self.port`."""
        told = {"PENSTOCK_CITY": str(self.folder / "city.toml"), "PENSTOCK_HOME": str(self.folder / "home")}
        certificates = ["--certificate", str(self.folder / "cert.pem"), "--key", str(self.folder / "key.pem")]
        path = self.folder / "log.txt"
        before = len(path.read_text(encoding="utf-8")) if path.exists() else 0
        with path.open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "service.cli", "receive", *certificates, "--port", str(port)],
                env={**os.environ, **told},
                stdout=log,
                stderr=log,
                text=True,
            )
        end = time.monotonic() + 30
        while not (found := re.search(r"listening on (\d+)", path.read_text(encoding="utf-8")[before:])):
            assert process.poll() is None, path.read_text(encoding="utf-8")
            assert time.monotonic() < end
            time.sleep(0.05)
        self.port = int(found.group(1))
        return process

    @contextmanager
    def running(self, port: int = 0, client_ca: Path | None = None) -> Iterator["Central"]:
        """The same in a thread of this process."""
        env = Environment(city=self.folder / "city.toml", home=self.folder / "home")
        receiver = Receiver(env, "127.0.0.1", port, self.folder / "cert.pem", self.folder / "key.pem", client_ca)
        self.port = receiver.port
        thread = threading.Thread(target=receiver.run)
        thread.start()
        try:
            yield self
        finally:
            receiver.stop()
            thread.join(timeout=20)
            assert not thread.is_alive()

    def station(self, folder: Path, name: str = "north", token: str | None = None, **edge: object) -> Environment:
        """The environment of a station: its own small city file with [edge], and the authority it trusts."""
        folder.mkdir(exist_ok=True)
        if not (folder / "ca.pem").exists():
            (folder / "ca.pem").write_bytes((self.folder / "ca.pem").read_bytes())
        keys = {"central": f"https://localhost:{self.port}", "station": name, "ca_file": "ca.pem", "timeout_s": 5, **edge}
        text = "\n".join(f"{key} = {value!r}".replace("'", '"') for key, value in keys.items())
        (folder / "city.toml").write_text(f"{CITY}[edge]\n{text}\n", encoding="utf-8")
        return Environment(city=folder / "city.toml", home=folder / "home", edge_token=token or TOKEN[name])

    def stored(self) -> list[tuple[str, datetime, int]]:
        """What the central's store holds: point, time, value in its stored scale."""
        statement = select(t.point.c.point_id, t.reading.c.time_utc, t.reading.c.value).join(
            t.reading, t.point.c.point_key == t.reading.c.point_key
        )
        with self.engine.connect() as connection:
            return sorted(tuple(row) for row in connection.execute(statement))


def slot(i: int = 0, point: str = "m-north.power", n: int = 1) -> pd.DataFrame:
    """`n` readings of one point, value i, i + 1, ..., a second apart from slot `i` on."""
    times = pd.Series([SLOT + timedelta(minutes=15 * i, seconds=j) for j in range(n)], dtype="datetime64[us, UTC]")
    values = [float(i + j) for j in range(n)]
    return pd.DataFrame(
        {"point_id": point, "quantity": "power_kw", "value": values, "quality": VALID, "time_utc": times, "received_at_utc": times}
    )
