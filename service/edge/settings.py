"""`[edge]` in a station's city.toml, `[[stations]]` in the central's, and what must agree between these and the other tables."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator

from city.named_files import Names
from city.places import Place
from city.problems import Problem
from city.quantities import Quantity
from meters.maps.registers import DeviceModel
from service.references import some, tables, text

StationId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,13}$")]
TokenHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Edge(Place):
    """This machine reads a station and forwards to the central. The token is not here: PENSTOCK_EDGE_TOKEN holds it."""

    central: str = Field(description="https://host:port of `penstock receive`; plain http is refused")
    station: StationId = Field(description="its id in the central's [[stations]]")
    ca_file: Annotated[str, Names.BESIDE] = Field(
        description="certificate (PEM) of the authority that signed the central's; no other is trusted"
    )
    client_certificate: Annotated[str | None, Names.BESIDE] = Field(
        default=None, description="certificate (PEM) of this station, where the central asks for one"
    )
    client_key: Annotated[str | None, Names.PRIVATE] = Field(default=None, description="file with the private key of that certificate")
    timeout_s: float = Field(default=20.0, gt=0, le=300, description="longest wait for the central [s]")
    clock_tolerance_s: float = Field(default=5.0, gt=0, description="a clock further off than this makes readings questionable [s]")
    config_every_s: int = Field(default=300, ge=10, description="how often the central is asked for another configuration [s]")

    @field_validator("central")
    @classmethod
    def _https_only(cls, value: str) -> str:
        at = urlsplit(value)
        if at.scheme != "https" or not at.hostname or at.path.strip("/") or at.query or at.username:
            raise ValueError(f"'{value}' is not of the form https://host:port; a token is never sent over plain http")
        return value


class Station(Place):
    """A station that may forward readings of its links to this central."""

    id: StationId = Field(description="short name")
    links: tuple[str, ...] = Field(min_length=1, description="the field links that it reads; their points are its own")
    token_sha256: tuple[TokenHash, ...] = Field(
        min_length=1, max_length=2, description="SHA-256 of its token (`penstock meters station-token`); two while one is replaced"
    )


def mismatched(raw: Mapping[str, Any], models: Mapping[str, DeviceModel]) -> Iterator[Problem]:
    """Links of stations that do not exist or belong to two of them, and averages of what cannot be averaged."""
    links = {text(entry.get("id")) for _, entry in tables(raw, "links")}
    owner: dict[str, str] = {}
    for i, station in tables(raw, "stations"):
        named = station.get("links")
        for link in named if isinstance(named, list) else ():
            other = owner.setdefault(text(link), text(station.get("id")))
            if link not in links:
                yield Problem(f"stations[{i}].links", f"no link '{link}'", f"one of {some(links, text(link))}", "Correct the name.")
            elif other != text(station.get("id")):
                yield Problem(
                    f"stations[{i}].links", f"link '{link}' is also of '{other}'", "each link of one station", "Remove one of them."
                )
    quantities: dict[str, Quantity] = {
        f"{meter.get('id')}.{register.name}": register.quantity
        for _, meter in tables(raw, "meters")
        if (model := models.get(text(meter.get("model")))) is not None
        for register in model.registers
        if register.quantity is not None
    }
    step = {text(meter.get("id")): meter.get("read_s", meter.get("step_s", 900)) for _, meter in tables(raw, "meters")}
    for i, rule in tables(raw, "reporting"):
        read_s, stored_s = step.get(text(rule.get("point")).rpartition(".")[0]), rule.get("step_s", 900)
        if isinstance(read_s, int) and isinstance(stored_s, int) and (stored_s < read_s or stored_s % read_s):
            remedy = "Read the meter more often, or store longer intervals."
            yield Problem(
                f"reporting[{i}].step_s", f"{stored_s} s, but its meter is read every {read_s} s", "whole steps of its meter", remedy
            )
        quantity = quantities.get(text(rule.get("point")))
        if "average_s" in rule and quantity is not None and (quantity.is_register or quantity.is_period):
            remedy = "Give it a dead-band instead."
            yield Problem(f"reporting[{i}].average_s", f"average of {quantity}", "a power, flow, pressure, level or temperature", remedy)
