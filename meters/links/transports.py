"""How a link is reached: TCP, TLS, RTU over TCP or a serial line, with everything about it that can be wrong said as a sentence.

References: Modbus/TCP Security Protocol Specification V2.1 (TLS 1.2 or newer, both ends with certificates, port 802);
Modbus over Serial Line V1.02, 3 (19200 baud and even parity are the defaults).
"""

import os
import socket
import ssl
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from city.named_files import Names
from city.problems import fault

KEY_PASSWORD = "PENSTOCK_LINK_KEY_PASSWORD"  # noqa: S105 - the name of the variable, not its value
_FORMS = "tcp://host:port, tls://host:port, rtu+tcp://host:port or serial:///dev/name"
_TLS_KEYS = ("ca", "certificate", "key")
_SERIAL_KEYS = ("baud", "parity", "stop_bits")


class LinkConfig(BaseModel):
    """A way to devices: a connection to a gateway or device, or a serial line."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: str = Field(description="short name; meters refer to it")
    url: str = Field(description=_FORMS)
    timeout_s: float = Field(
        default=1.0, gt=0, le=30, description="longest wait for each request, with the connection if there is none [s]"
    )
    backoff_s: float = Field(default=900.0, ge=0, description="a unit that did not answer is left alone this long, then twice as long [s]")
    backoff_max_s: float = Field(default=28_800.0, ge=0, description="longest pause of a silent unit [s]")
    budget_s: float = Field(default=120.0, gt=0, description="longest time for one slot; units whose turn does not come are OVERRUN [s]")
    spread_s: float = Field(default=10.0, ge=0, le=300, description="units are first asked within this after the slot's time, by hash [s]")
    read_only: bool = Field(default=True, description="refuse every write on this link")
    writes_per_hour: int | None = Field(default=None, ge=1, description="most writes within any hour; further ones wait")
    simulated: bool = Field(default=False, description="the far end is meters.simulator; only then its clock may be set")
    engine: Literal["strict", "pymodbus"] = Field(default="strict", description="for tcp and tls; RTU always goes through pymodbus")
    ca: Annotated[Path | None, Names.BESIDE] = Field(
        default=None, description="tls: certificates of who may sign the device's (PEM, beside city.toml)"
    )
    certificate: Annotated[Path | None, Names.BESIDE] = Field(default=None, description="tls: our certificate (PEM, beside city.toml)")
    key: Annotated[Path | None, Names.PRIVATE] = Field(
        default=None, description=f"tls: its private key (PEM); the password, if any, in {KEY_PASSWORD}"
    )
    baud: int = Field(default=19_200, ge=300, le=4_000_000, description="serial: bits per second")
    parity: Literal["even", "odd", "none"] = Field(default="even", description="serial: parity")
    stop_bits: Literal[1, 2] = Field(default=1, description="serial: stop bits; 2 is usual without parity")

    @property
    def at(self) -> SplitResult:
        return urlsplit(self.url)

    @property
    def rtu(self) -> bool:
        """Are frames in RTU form: without transaction id, with a checksum?"""
        return self.at.scheme in ("rtu+tcp", "serial")

    @field_validator("url")
    @classmethod
    def _known(cls, url: str) -> str:
        try:
            at = urlsplit(url)
            network = at.scheme in ("tcp", "tls", "rtu+tcp") and at.hostname and at.port and at.path in ("", "/")
        except ValueError:
            network = False
        line = url.startswith("serial:///") and len(url) > len("serial:///")
        if not network and not line:
            raise ValueError(f"{url!r} is not {_FORMS}")
        return url

    @field_validator(*_TLS_KEYS)
    @classmethod
    def _beside(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        """A relative path starts at the folder of city.toml, which is the validation context's `beside`."""
        beside = (info.context or {}).get("beside")
        path = Path(beside) / path if path is not None and beside is not None else path
        if path is not None and not os.path.isfile(path):
            raise ValueError(f"{path} is not a file")
        return path

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        given = self.model_fields_set
        for kind, keys in (("tls", _TLS_KEYS), ("serial", _SERIAL_KEYS)):
            strange = [key for key in keys if key in given]
            if self.at.scheme != kind and strange:
                raise ValueError(f"{', '.join(strange)} belong to {kind} links, not to {self.url}")
        missing = [key for key in _TLS_KEYS if getattr(self, key) is None]
        if self.at.scheme == "tls" and missing:
            raise ValueError(f"{', '.join(missing)} missing: Modbus/TCP Security needs a certificate on both ends")
        return self


def tls_context(config: LinkConfig) -> ssl.SSLContext | None:
    """What the TLS handshake checks; None for a link without TLS. Raises `PenstockError` when a file cannot be used."""
    if config.at.scheme != "tls":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks the chain and the server's name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    password = os.environ.get(KEY_PASSWORD, "")
    try:
        context.load_verify_locations(cafile=config.ca)
    except (ssl.SSLError, OSError) as error:
        raise fault(f"link {config.id}: ca {config.ca}", str(error), "PEM certificates", "Put the signer's certificate there.") from None
    try:
        context.load_cert_chain(str(config.certificate), config.key, password=lambda: password)
    except (ssl.SSLError, OSError) as error:
        files = f"certificate {config.certificate}, key {config.key}"
        remedy = f"Check that they belong together and that {KEY_PASSWORD} opens the key."
        raise fault(f"link {config.id}: {files}", str(error), "a PEM certificate with its private key", remedy) from None
    return context


def reachable(config: LinkConfig, timeout_s: float = 2.0) -> str:
    """Connect once, ask nothing, and say what is there. Raises `PenstockError` when nothing is, or when TLS fails."""
    at, context = config.at, tls_context(config)
    try:
        if at.scheme == "serial":
            with open(at.path, "rb", buffering=0, opener=lambda path, flags: os.open(path, flags | os.O_NOCTTY | os.O_NONBLOCK)):
                return f"{at.path} can be opened"
        with socket.create_connection((at.hostname or "", at.port or 0), timeout=timeout_s) as plain:
            if context is None:
                return f"{at.hostname}:{at.port} answers"
            with context.wrap_socket(plain, server_hostname=at.hostname) as secured:
                return f"{at.hostname}:{at.port} {_accepted(secured)}"
    except OSError as error:
        what = error.strerror or str(error)
        raise fault(
            f"link {config.url}", what, "a device that accepts connections", "Check cable, address, power and certificates."
        ) from None


def _accepted(secured: ssl.SSLSocket) -> str:
    """With TLS 1.3 the peer looks at our certificate after our handshake is done: its refusal would come now."""
    secured.settimeout(0.3)
    try:
        if not secured.recv(1):
            raise ConnectionResetError("the peer closed the connection after the TLS handshake")
    except TimeoutError:
        pass  # it waits for a request
    return f"answers with {secured.version()}"
