"""Loggers at a broker nobody here wrote: nothing published is lost, whoever of the two dies."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
import pandas as pd
import pytest
import trustme
from paho.mqtt.enums import CallbackAPIVersion

from city import quality as q
from city.problems import PenstockError
from city.quality import Cause, cause_of
from meters.roads.loggers import Broker, Logger
from meters.roads.silence import Silence, Subscription
from meters.roads.subscriber import Subscriber
from meters.spool.spool import Spool
from tests.meters.test_loggers import MODEL

ROOT = Path(__file__).resolve().parents[2]
BROKER = Broker(id="field", url="mqtt://127.0.0.1:1883", user="penstock")
TIMED = {"meter": "p-1", "broker": "field", "topic": "loggers/p-1", "time": "/t", "values": [{"name": "volume", "path": "/v"}]}
PLAIN = {"meter": "p-2", "broker": "field", "topic": "loggers/p-2", "values": [{"name": "pressure"}], "availability": "loggers/p-2/state"}


def subscriptions() -> list[Subscription]:
    return [Subscription(Logger.model_validate(keys), MODEL, 900) for keys in (TIMED, PLAIN)]


class Running:
    """A broker process that can be killed and started again on its port."""

    def __init__(self, command: Callable[[int], list[str]], port: int = 0) -> None:
        self._command, self.port = command, port
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command(self.port), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, text=True)
        if self.port == 0:
            assert self.process.stdout is not None
            self.port = int(self.process.stdout.readline().split()[-1])
        until(lambda: answers(self.port), 20)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def amqtt(*tls: str) -> Callable[[int], list[str]]:
    return lambda port: [sys.executable, str(ROOT / "tests/meters/amqtt_broker.py"), str(port), *tls]


@pytest.fixture(params=["amqtt", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    made = Running(amqtt()) if request.param == "amqtt" else mosquitto(tmp_path)
    yield made
    made.kill()


# amqtt 0.12 never sends again what it sent once, so what depends on that is tried with mosquitto alone.
redelivering = pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)


def mosquitto(folder: Path) -> Running:
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH')}:/usr/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    lines = (
        f"listener {port} 127.0.0.1",
        "allow_anonymous true",
        "persistence true",
        "autosave_interval 1",
        f"persistence_location {folder}/",
    )
    (folder / "mosquitto.conf").write_text("\n".join(lines))
    return Running(lambda _: [program, "-c", str(folder / "mosquitto.conf")], port)


@pytest.fixture
def publish(broker: Running) -> Callable[..., None]:
    def send(*messages: tuple[str, object], retain: bool = False) -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set("logger")
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        for topic, payload in messages:
            sent = client.publish(topic, payload if isinstance(payload, bytes) else json.dumps(payload).encode(), qos=1, retain=retain)
            sent.wait_for_publish(10)
        client.disconnect()
        client.loop_stop()

    return send


@pytest.fixture
def subscriber(broker: Running, tmp_path: Path) -> Iterator[Callable[[], Subscriber]]:
    made: list[Subscriber] = []

    def start() -> Subscriber:
        url = f"mqtt://127.0.0.1:{broker.port}"
        source = Subscriber(BROKER.model_copy(update={"url": url}), subscriptions(), tmp_path / "spool.db", tmp_path)
        made.append(source)
        source.start()
        until(source._connected.is_set)
        time.sleep(0.3)  # the subscription itself
        return source

    yield start
    for source in made:
        source.close()


def stored(tmp_path: Path) -> pd.DataFrame:
    """What a store would have: the first value of each point and time, over all batches that wait."""
    with Spool(tmp_path / "spool.db") as spool:
        frames = [batch.readings() for batch in spool.waiting_batches(10**9)]
    if not frames:
        return pd.DataFrame({"point_id": [], "time_utc": [], "value": [], "quality": []})
    return pd.concat(frames).drop_duplicates(["point_id", "time_utc"])


def counted(first: int, last: int) -> list[tuple[str, object]]:
    """Messages with one count each, a quarter-hour apart, in the last days."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=20)
    return [("loggers/p-1", {"t": (start + timedelta(minutes=15 * i)).isoformat(), "v": i}) for i in range(first, last)]


def test_what_is_published_is_in_the_spool_before_it_is_acknowledged_to_the_broker(publish, subscriber, tmp_path: Path) -> None:
    subscriber()
    now = datetime.now(UTC).replace(microsecond=0)
    publish(("loggers/p-1", {"t": now.isoformat(), "v": 12.5}), ("loggers/p-2", 42), ("loggers/p-2", b"nonsense"))
    until(lambda: len(stored(tmp_path)) == 3)
    found = stored(tmp_path)
    assert found[found["point_id"] == "p-1.volume"][["value", "quality"]].to_numpy().tolist() == [[12.5, q.VALID]]
    pressures = found[found["point_id"] == "p-2.pressure"]
    assert sorted(cause_of(int(code)) for code in pressures["quality"]) == [Cause.NONE, Cause.GARBAGE]


def test_what_is_published_while_we_are_away_comes_when_we_are_back(publish, subscriber, tmp_path: Path) -> None:
    subscriber().close()
    publish(*counted(0, 50))
    subscriber()
    until(lambda: len(stored(tmp_path)) == 50)
    assert sorted(stored(tmp_path)["value"]) == list(range(50))


def test_a_message_without_time_that_the_broker_had_retained_is_not_taken_for_new(publish, subscriber, tmp_path: Path) -> None:
    publish(("loggers/p-2", 42), retain=True)
    subscriber()
    publish(("loggers/p-2", 43))
    until(lambda: len(stored(tmp_path)) == 1)
    assert stored(tmp_path)["value"].tolist() == [43]


def test_a_broker_that_is_killed_and_comes_back_is_found_again(broker: Running, publish, subscriber, tmp_path: Path) -> None:
    source = subscriber()
    publish(*counted(0, 20))
    until(lambda: len(stored(tmp_path)) == 20)
    broker.kill()
    until(lambda: not source._connected.is_set())
    assert source.readings(datetime.now(UTC) + timedelta(hours=2))["quality"].map(cause_of).unique().tolist() == [Cause.NO_CONNECTION]
    broker.start()
    until(source._connected.is_set, 20)
    time.sleep(0.3)
    publish(*counted(20, 40))
    until(lambda: len(stored(tmp_path)) == 40)


@pytest.mark.slow
@redelivering
def test_killed_at_random_while_messages_pour_in_nothing_is_lost_and_nothing_doubled(broker: Running, publish, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.meters.subscriber_process", str(broker.port), str(tmp_path / "spool.db")]
    process = subprocess.Popen(command, cwd=ROOT)
    time.sleep(3)  # to import, connect and subscribe
    messages = counted(0, 600)
    pouring = threading.Thread(target=lambda: publish(*messages))
    pouring.start()
    for wait in (0.3, 0.05, 0.6):
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process = subprocess.Popen(command, cwd=ROOT)
        time.sleep(1.5)
    pouring.join()
    until(lambda: len(stored(tmp_path)) == 600, 30)
    process.kill()
    process.wait()
    assert sorted(stored(tmp_path)["value"]) == list(range(600))


@redelivering
def test_a_full_spool_leaves_the_messages_with_the_broker(publish, subscriber, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append = Spool.append

    def full(_self: Spool, _readings: pd.DataFrame, _origin: str = "") -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Spool, "append", full)
    source = subscriber()
    publish(*counted(0, 5))
    until(lambda: not source._connected.is_set())
    monkeypatch.setattr(Spool, "append", append)
    until(lambda: len(stored(tmp_path)) == 5, 20)


def test_tls_is_checked_against_our_authority(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    running = Running(amqtt(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")))
    try:
        for ca, trusted in (("ca.pem", True), ("other.pem", False)):
            config = Broker(id="field", url=f"mqtts://127.0.0.1:{running.port}", user="penstock", ca=ca)
            source = Subscriber(config, subscriptions(), tmp_path / "spool.db", tmp_path)
            source.start()
            if trusted:
                until(source._connected.is_set)
            time.sleep(0.5)
            assert source._connected.is_set() is trusted
            source.close()
    finally:
        running.kill()


@pytest.mark.slow
def test_a_broker_that_states_256_mb_and_stalls_costs_neither_memory_nor_the_thread(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = [
            b"\x20\x02\x00\x00" + b"\x32\xff\xff\xff\x7f" + b"x" * 1000,
            b"\x20\x02\x00\x00\x32\xff\xff\xff\xff\xff",
            b"\x00" * 100,
            b"HTTP/1.1 400\r\n",
        ]
        config = Broker(id="field", url=f"mqtt://127.0.0.1:{server.getsockname()[1]}", keepalive_s=5)
        source = Subscriber(config, subscriptions(), tmp_path / "spool.db", tmp_path)
        source.start()
        server.settimeout(20)
        for words in said:
            peer, _ = server.accept()
            peer.recv(1000)
            peer.sendall(words)
            time.sleep(0.1)
            peer.close()
        assert source._thread.is_alive()
        source.close()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # [kB]
    assert stored(tmp_path).empty


def test_certificates_and_a_password_that_are_not_there_are_told_at_the_start(tmp_path: Path) -> None:
    for keys in ({"url": "mqtts://h:1", "ca": "none.pem"}, {"url": "mqtt://h:1", "user": "u", "password_variable": "PENSTOCK_NO_SUCH"}):
        with pytest.raises(PenstockError, match="broker b"):
            Subscriber(Broker.model_validate({"id": "b", **keys}), [], tmp_path / "spool.db", tmp_path)


def test_a_grid_time_is_called_missing_once_its_time_is_over_and_only_once() -> None:
    start = datetime(2022, 6, 15, tzinfo=UTC)
    one = subscriptions()[0]
    silence = Silence([one])
    silence.begin(start - timedelta(minutes=1))
    silence.hear("p-1.volume", one, start + timedelta(minutes=15, seconds=20))
    for hours, missing in ((1, ["00:00"]), (1.25, []), (1.6, ["00:30"]), (1.6, [])):
        told = silence.judge(start + timedelta(hours=hours), start, connected=True)
        assert [f"{time:%H:%M}" for time in told["time_utc"]] == missing
        assert [cause_of(int(code)) for code in told["quality"]] == [Cause.TIMEOUT] * len(missing)
    silence.refuse("p-1.volume", Cause.GARBAGE)
    assert cause_of(int(silence.judge(start + timedelta(hours=1.75), start, connected=True)["quality"].iloc[0])) is Cause.GARBAGE
    silence.will("p-1", gone=True)
    assert cause_of(int(silence.judge(start + timedelta(hours=2), start, connected=True)["quality"].iloc[0])) is Cause.NO_CONNECTION
