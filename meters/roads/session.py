"""How a broker is reached: session, TLS, user and password. `Session` makes one client per connection; the session itself the broker keeps.

Reference: MQTT 3.1.1 (OASIS), 3.1.2.4 (clean session) and 4.1 (session state).
"""

import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from city.problems import fault
from meters.roads.loggers import Broker

_CONNECT_S = 5.0


class Session:
    """Our side of a broker. Raises `PenstockError` when a certificate or the password is not there."""

    def __init__(self, broker: Broker, beside: Path) -> None:
        """`beside` is the folder that certificates lie in."""
        self.config = broker
        self._tls = _tls(broker, beside) if broker.url.startswith("mqtts://") else None
        self._password = _password(broker)

    def connect(self, callbacks: object) -> mqtt.Client:
        """A connected client that calls `callbacks.on_connect`, `.on_subscribe` and `.on_message`; nothing is acknowledged by itself.

        Raises `OSError` when there is no connection (of which `ssl.SSLError` is one).
        """
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.config.client_id or f"penstock-{self.config.id}",
            clean_session=False,
            protocol=mqtt.MQTTv311,
            manual_ack=True,
        )
        client.connect_timeout = _CONNECT_S
        if self._tls is not None:
            client.tls_set_context(self._tls)
        if self.config.user:
            client.username_pw_set(self.config.user, self._password)
        for name in ("on_connect", "on_subscribe", "on_message"):
            setattr(client, name, getattr(callbacks, name))
        url = urlsplit(self.config.url)
        client.connect(str(url.hostname), int(url.port or 0), keepalive=self.config.keepalive_s)
        return client


def _tls(broker: Broker, beside: Path) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(beside / broker.ca) if broker.ca else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if broker.certificate:
            context.load_cert_chain(beside / broker.certificate, beside / broker.key)
    except OSError as error:
        raise fault(f"broker {broker.id}", str(error), "certificates in PEM beside city.toml", "Check ca, certificate and key.") from None
    return context


def _password(broker: Broker) -> str | None:
    if not broker.password_variable:
        return None
    if broker.password_variable not in os.environ:
        raise fault(f"broker {broker.id}", f"no variable {broker.password_variable}", "the password in it", "Set it in the environment.")
    return os.environ[broker.password_variable]
