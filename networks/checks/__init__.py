"""Checks of a network: what is wrong with it, as findings, and what still works."""

from pathlib import Path

from networks.checks import flow, shape, sizes
from networks.findings import Finding
from networks.network import Network

# A flow that these already explain is not told a second time.
_EXPLAINED = {"length-zero", "diameter-zero", "roughness-zero", "node-alone", "length-unit", "diameter-unit", "roughness-unit", "no-source"}

_ABSURD = {"length-absurd", "diameter-absurd", "roughness-absurd"}


def check(network: Network, *, metres_drawn: bool = False, inflow_m3_per_h: float | None = None) -> list[Finding]:
    """Everything that `shape`, `sizes` and `flow` find; `metres_drawn` and `inflow_m3_per_h` as there."""
    found = [*shape.findings(network), *sizes.findings(network, metres_drawn=metres_drawn)]
    kinds = {finding.kind for finding in found}
    if not _EXPLAINED & kinds:
        found += flow.findings(network, inflow_m3_per_h, sizes_hold=not kinds & _ABSURD)
    if any(finding.kind == "elevation-unit" for finding in found):
        found = [finding for finding in found if finding.kind != "elevation-odd"]
    return found


def inspect(path: str | Path, *, inflow_m3_per_h: float | None = None) -> tuple[Network | None, list[Finding]]:
    """What can be read of an INP file, and everything that is wrong with it. Raises `PenstockError` when it is no INP file at all."""
    network, found = Network.salvaged(path)
    return network, found + (check(network, inflow_m3_per_h=inflow_m3_per_h) if network else [])
