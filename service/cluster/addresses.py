"""Addresses of schedulers and their certificates. Whoever reaches a scheduler can run code on its workers: so TLS, or loopback."""

import ipaddress
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from city.problems import fault
from service.environment import Environment

FORM = re.compile(r"^(tcp|tls)://[^\s/@]+:\d{1,5}$")


def checked(address: str) -> str:
    """The address. Raises `ValueError` when it is none, or would carry work in the clear over a network."""
    if not FORM.match(address):
        raise ValueError(f"'{address}' is no scheduler: write a number of processes, or tls://host:port")
    parts = urlsplit(address)
    if parts.scheme == "tcp" and not loopback(parts.hostname or ""):
        raise ValueError(f"'{address}' is not encrypted: write tls://, or an address of this machine")
    return address


def loopback(host: str) -> bool:
    """Does a host's name or address stay on this machine?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def security(environment: Environment, address: str) -> Any:
    """Certificates of both sides for tls:// (mutual: each shows its own), None for tcp://. Raises `PenstockError` when they are missing."""
    if not address.startswith("tls://"):
        return None
    from distributed.security import Security

    files = {
        "PENSTOCK_CLUSTER_CA": environment.cluster_ca,
        "PENSTOCK_CLUSTER_CERTIFICATE": environment.cluster_certificate,
        "PENSTOCK_CLUSTER_KEY": environment.cluster_key,
    }
    for name, path in files.items():
        if path is None or not Path(path).is_file():
            raise fault(name, f"'{path}' is no file" if path else "not set", "a PEM file", f"Set {name}: {address} asks for certificates.")
    ca, certificate, key = map(str, files.values())
    return Security(
        tls_ca_file=ca,
        require_encryption=True,
        **{
            f"tls_{side}_{part}": path for side in ("client", "scheduler", "worker") for part, path in (("cert", certificate), ("key", key))
        },
    )
