"""The leak watch: learn a network's first weeks once, then read on, step after step, and say what is worth a crew."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from city.clock import as_utc
from city.problems import fault
from networks.leakage import state as kept
from networks.leakage.calibration import Calibration, calibrate, noise
from networks.leakage.digs import Dig
from networks.leakage.events import Search
from networks.leakage.intake import Intake, intake
from networks.leakage.reader import Reader
from networks.leakage.reports import ActiveLeak, Report
from networks.leakage.scada import Floats, Scada, Sites
from networks.leakage.sensor_watch import SensorWatch
from networks.leakage.settings import LeakSettings
from networks.leakage.signatures import Signatures
from networks.leakage.tracks import Tape
from networks.network import Network


class Watch(Reader):
    """Reads causally: what it says of a time rests on readings up to that time.

    `usual` float[SLOTS, meters] is what consumption meters read in history: a silent one is taken to go with the others [m3/h]."""

    usual: Floats | None = None

    # ---- learning

    @classmethod
    def calibrate(cls, network: Network, history: Scada, sites: Sites, settings: LeakSettings | None = None) -> "Watch":
        """Learn what is usual and which leaks run at the end of history.

        The first days set offsets and slopes. History is then read causally twice: the first time with the noise of those days, the
        second with that of all of it, leaks taken off. Raises `PenstockError` for sites not on the network or a history too short.
        """
        watch = cls(network, sites, settings or LeakSettings())
        told = intake(history, sites, watch.areas, watch.step)
        learn = watch.settings.learn_days * watch.per_day
        if int(told.moments[:learn].known.sum()) < learn // 2:
            seen = f"{int(told.moments[:learn].known.sum())} steps with flow, level and consumption in the first {learn}"
            raise fault("leak watch", seen, f"{learn // 2} or more", "Import more complete history.")
        watch.origin, watch.usual = told.times[0], told.usual
        watch.signatures = Signatures.of(network, watch.areas, watch.model, told.moments)
        channels = watch._channels(told.moments[:learn])
        watch._learn(calibrate(told.seen[:learn], channels, watch._balances, watch.per_day, watch.settings))
        watch._read_again(told)
        clean = watch.tape.left(0, watch.tape.end, [*watch.running, *watch.over], watch.signatures.pattern)
        gone, before, share = list(watch.sensors.out), watch.calibration.covariance, watch.settings.history_share
        clean[:, gone] = 0.0
        covariance = noise(clean, watch.per_day, watch.settings)
        for width, found in covariance.items():  # of a sensor that is faulty now, the first days say what it does when it is not
            found[gone, gone] = before[width][gone, gone] / share
        watch._learn(replace(watch.calibration, covariance={width: share * cov for width, cov in covariance.items()}))
        watch._read_again(told)
        for track in watch.running:
            track.reported = None
        watch._forget()
        return watch

    def _learn(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self.search = Search(calibration.covariance, self.signatures.pattern, self.per_day, self.settings)

    def _read_again(self, told: Intake) -> None:
        self.tape = Tape(told.seen.shape[1])
        self.sensors = SensorWatch(list(self.sites.pressure), told.seen.shape[1], self.per_day)
        self.running.clear()
        self.over.clear()
        self.count, self.last_event = 0, 0
        self._run(told)

    # ---- reading

    def read(self, scada: Scada) -> list[Report]:
        """Take new readings that follow on the last ones (a gap counts as missing); reports in order of time. What is left of a step
        of analysis at the end is not used: hand over whole steps."""
        begin = (pd.Timestamp(scada.start_utc) - self.origin) / self.step
        if begin != int(begin) or begin < self.tape.end:
            raise fault(
                "leak watch",
                f"readings from {scada.start_utc:%Y-%m-%d %H:%M}",
                f"{self.end_utc:%Y-%m-%d %H:%M} on, whole steps",
                "Read on.",
            )
        missing = int(begin) - self.tape.end
        if missing:
            unknown, level = np.full((missing, self.tape.residual.shape[1]), np.nan), np.zeros(missing, np.int64)
            self.tape.add(self.sensors.take(unknown, unknown, level), level)
            self.level_before = None
        told = intake(scada, self.sites, self.areas, self.step, self.level_before, self.usual)
        if not len(told.times):
            return []
        self.level_before = told.moments.level[-1]
        reports = [found for track in self.running if (found := self._decided(track, self.tape.end))]
        reports += self._run(told)
        self._forget()
        return reports

    @property
    def end_utc(self) -> datetime:
        """Up to when readings were taken."""
        return self._time(self.tape.end)

    # ---- what others see and tell

    @property
    def active(self) -> list[ActiveLeak]:
        """The leaks believed to run, those not yet worth a crew too."""
        return [
            ActiveLeak(
                t.leak_id,
                self._time(t.start),
                t.kind,
                t.size,
                t.sd,
                str(self.pipes[t.pipe]),
                self._posterior(t),
                None if t.reported is None else self._time(t.reported + 1),
            )
            for t in self.running
        ]

    def repaired(self, leak_id: str, at_utc: datetime) -> None:
        """The crew has repaired it: the entry closes and its effect ends at that time. An id that no longer runs changes nothing."""
        step = int((pd.Timestamp(as_utc(at_utc)) - self.origin) / self.step)
        for track in [track for track in self.running if track.leak_id == leak_id]:
            self._close(track, min(step, self.tape.end))
            self.last_event = max(self.last_event, min(step, self.tape.end))

    def dug(self, pipe: str, at_utc: datetime, found: bool, leak_id: str | None = None) -> None:
        """A crew has dug at a pipe for a leak, or for the one most likely there: it takes the finding in, for good."""
        self.network.require("pipes", [pipe], "crew's finding")
        if running := [track for track in self.running if leak_id in (None, track.leak_id)]:
            track = max(running, key=lambda one: float(self._posterior(one)[pipe]))
            self.digs.setdefault(track.leak_id, []).append(Dig(pipe, at_utc, found))

    def _forget(self) -> None:
        before = self.tape.end - self.settings.memory_days * self.per_day - max(self.settings.windows)
        self.tape.forget(before)
        self.over = [track for track in self.over if track.end is not None and track.end > before]

    def state(self) -> dict[str, Any]:
        """Everything needed to go on, JSON-able."""
        return kept.told(self)

    @classmethod
    def restore(cls, network: Network, state: dict[str, Any]) -> "Watch":
        """The watch as it was when `state()` was taken."""
        return kept.restored(cls, network, state)
