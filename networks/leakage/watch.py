"""The leak watch: learn a network's quiet weeks once, then read on, step after step, and say what is worth a crew."""

from datetime import datetime
from typing import Any

from networks.leakage.reports import ActiveLeak, Report
from networks.leakage.scada import Scada, Sites
from networks.network import Network


class Watch:
    """Reads causally: what it says of a time rests on readings up to that time."""

    active: list[ActiveLeak]

    @classmethod
    def calibrate(cls, network: Network, history: Scada, sites: Sites) -> "Watch":
        """Learn what is usual from history (clean weeks are found, not given). Raises `PenstockError` for sites not on the network."""
        raise NotImplementedError

    def read(self, scada: Scada) -> list[Report]:
        """Take new readings (any number of steps) that follow on the last ones; reports in order of time."""
        raise NotImplementedError

    def repaired(self, leak_id: str, at_utc: datetime) -> None:
        """The crew has repaired it: the entry closes and its pressures and flows are usual again from then on."""
        raise NotImplementedError

    def dug(self, pipe: str, at_utc: datetime, found: bool) -> None:
        """A crew has dug at a pipe: the posterior of the leak that was looked for takes the finding in."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Everything needed to go on, JSON-able."""
        raise NotImplementedError

    @classmethod
    def restore(cls, network: Network, state: dict[str, Any]) -> "Watch":
        """The watch as it was when `state()` was taken."""
        raise NotImplementedError
