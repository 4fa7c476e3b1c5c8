"""What loggers publish goes into the spool, and only then is the broker told that it was received.

The broker keeps our session (clean session off, QoS 1), so what is published while we are away, or was not yet in the spool when we
were killed, is sent again; the store keeps a reading that comes twice once. Loggers that do not send their time are the exception: a
message that was queued would be given the wrong time, so these are subscribed with QoS 0, and what a broker retained is left alone.

Reference: MQTT 3.1.1 (OASIS), 4.3.2 (QoS 1) and 4.4 (message delivery retry).
"""

import math
import random
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as mqtt
import pandas as pd
import structlog

from city import quality as q
from city.problems import PenstockError
from meters.roads.loggers import Broker, Logger, Row, rows
from meters.roads.session import Session
from meters.roads.silence import Silence, Subscription, frame
from meters.spool.spool import Spool

_LONGEST_PAUSE_S = 60.0
_FLUSH_S = 1.0  # a message waits at most so long for others to share its batch
_FLUSH_MESSAGES = 20  # as many as brokers commonly send before they want a receipt: then waiting would only slow them down
_MOST_HELD = 1000

log = structlog.get_logger()


class Subscriber:
    """The source (see `meters.roads.sources`) behind one [[brokers]] entry. It works in a thread of its own from `start` to `close`.

    Its readings go into the spool by themselves. What it gives when asked is what did not come, see `meters.roads.silence`.
    """

    def __init__(self, broker: Broker, subscriptions: Iterable[Subscription], spool: Path, beside: Path, origin: str = "") -> None:
        """`spool` is the spool's file, `origin` what its batches are marked with; certificates lie in the folder `beside`.

        Raises `PenstockError` as `Session` does.
        """
        self.config, self._spool_path, self._origin = broker, spool, origin
        self._session_at = Session(broker, beside)
        subscriptions = tuple(subscriptions)
        self._silence = Silence(subscriptions)
        self._by_topic: dict[str, list[Subscription]] = {}
        self._wills: dict[str, list[Logger]] = {}
        for one in subscriptions:
            self._by_topic.setdefault(one.logger.topic, []).append(one)
            if one.logger.availability is not None:
                self._wills.setdefault(one.logger.availability, []).append(one.logger)
        self._stop = threading.Event()
        self._connected = threading.Event()
        self._held: list[tuple[int, int, datetime, list[tuple[Subscription, Row]]]] = []  # message id, QoS, arrival, readings
        self._since = 0.0
        self._thread = threading.Thread(target=self._run, name=f"broker {broker.id}", daemon=True)

    def start(self) -> None:
        self._silence.begin(datetime.now(UTC))
        self._thread.start()

    def close(self) -> None:
        """End the connection; the broker keeps the session."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def readings(self, slot_utc: datetime) -> pd.DataFrame:
        """The grid times that are called missing since the last call."""
        return self._silence.judge(slot_utc, datetime.now(UTC), self._connected.is_set())

    def kept(self) -> None:
        """Nothing to let go of: what did not come has no origin."""

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                with Spool(self._spool_path, origin=self._origin) as spool:
                    self._receive(spool)
            except (OSError, ValueError, PenstockError) as error:  # no broker, a broker that breaks the protocol, a full disk
                log.warning("broker lost", broker=self.config.id, cause=str(error))
            except Exception:  # the thread must live: without it every logger would fall silent
                log.exception("broker session ended", broker=self.config.id)
            self._held.clear()  # never acknowledged, so the broker sends them again
            self._connected.clear()
            failures = 0 if time.monotonic() - started > _LONGEST_PAUSE_S else failures + 1
            self._stop.wait(min(_LONGEST_PAUSE_S, 2.0 ** min(failures, 7)) * random.uniform(0.25, 0.5))  # noqa: S311 - no secret

    def _receive(self, spool: Spool) -> None:
        """Receive until stopped. Raises `OSError` when the connection is lost, `PenstockError` when the spool refuses."""
        client = self._session_at.connect(self)
        try:
            while not self._stop.is_set():
                before = len(self._held)
                code = client.loop(timeout=0.01 if self._held else 0.25)
                idle, waited = len(self._held) == before, time.monotonic() - self._since
                if self._held and (len(self._held) >= _MOST_HELD or (idle and (before >= _FLUSH_MESSAGES or waited >= _FLUSH_S))):
                    self._flush(client, spool)
                if code != mqtt.MQTT_ERR_SUCCESS:
                    raise ConnectionError(mqtt.error_string(code))
            self._flush(client, spool)
        finally:
            client.disconnect()

    def on_connect(self, client: mqtt.Client, _data: object, _flags: object, code: mqtt.ReasonCode, _more: object) -> None:
        if code.is_failure:
            raise PermissionError(f"it refuses us: {code}")
        qos = {topic: int(any(one.logger.time is not None for one in some)) for topic, some in self._by_topic.items()}
        client.subscribe([*qos.items(), *((topic, 1) for topic in self._wills)])
        self._connected.set()

    def on_subscribe(self, _client: mqtt.Client, _data: object, _mid: int, codes: list[mqtt.ReasonCode], _more: object) -> None:
        refused = [topic for topic, code in zip([*self._by_topic, *self._wills], codes, strict=False) if code.is_failure]
        if refused:
            log.error("broker refuses topics", broker=self.config.id, topics=refused[:10], number=len(refused))

    def on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        arrived = datetime.now(UTC)
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        for logger in self._wills.get(topic, ()):
            self._silence.will(logger.meter, message.payload == logger.offline.encode())
        found: list[tuple[Subscription, Row]] = []
        for one in self._by_topic.get(topic, ()):
            if one.logger.time is not None or not message.retain:
                found += [(one, row) for row in rows(one.logger, one.model, one.step_s, bytes(message.payload), arrived)]
        if not self._held:
            self._since = time.monotonic()
        self._held.append((message.mid, message.qos, arrived, found))

    def _flush(self, client: mqtt.Client, spool: Spool) -> None:
        """Put what is held into the spool, then acknowledge it. Raises `PenstockError` when the spool refuses; then nothing is."""
        taken = [(f"{one.logger.meter}.{row.register.name}", one, row, at) for _, _, at, found in self._held for one, row in found]
        cells = [(point, row.time_utc, str(row.register.quantity), row.value, row.quality) for point, _, row, _ in taken]
        for part in _batches(frame(cells, [at for _, _, _, at in taken])):
            spool.append(part)
        for point, one, row, _ in taken:
            if math.isnan(row.value):
                self._silence.refuse(point, q.cause_of(row.quality))
            else:
                self._silence.hear(point, one, row.time_utc)
        for mid, qos, _, _ in self._held:
            if qos:
                client.ack(mid, qos)
        self._held.clear()


def _batches(readings: pd.DataFrame) -> list[pd.DataFrame]:
    """The readings without repeats, and without a flood of refusals: the last one of each point tells enough.

    A point has one reading per time in each part, so that a second, different one meets the store's own rule for conflicts.
    """
    bad = readings["value"].isna()
    flood = bad & readings.assign(bad=bad).duplicated(["point_id", "bad"], keep="last")
    readings = readings[~flood].drop_duplicates(["point_id", "time_utc", "value", "quality"])
    number = readings.groupby(["point_id", "time_utc"]).cumcount()
    return [part.reset_index(drop=True) for _, part in readings.groupby(number)]
