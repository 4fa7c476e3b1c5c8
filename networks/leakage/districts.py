"""The leak watch of a network whose districts' inflows are metered: each inflow against its usual course, pressures by regression.

Bursts: the CUSUM of `networks.leaks` on inflow and pressures, on each new reading. Slow leaks: night flow against weeks before
(`slow`), once a day. Place: EPANET's pressure drop for a hole in every pipe against what the sensors dropped by (`networks.locate`).
Sensors are held against a regression learnt two weeks and more ago, so that a drift shows; a faulty one is left out.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from city.clock import civil_day, local_date
from city.problems import fault
from networks.baseline import Drivers
from networks.leakage import slow
from networks.leakage.digs import Dig, after_digs
from networks.leakage.learnt import LAG, Learnt
from networks.leakage.reports import ActiveLeak, Report
from networks.leakage.scada import Scada, Sites
from networks.leakage.sensor_faults import SensorFault, diagnose
from networks.leakage.window import DistrictLeak, Window
from networks.leaks import LeakEvent, detect
from networks.locate import locate, pipe_dmas
from networks.network import Network

BACK = timedelta(hours=36)  # that bursts are looked for in
YOUNG = timedelta(days=1)  # a burst's start and size are looked at again for so long
GONE_SHARE, GONE_DAYS = 0.4, 2  # a leak whose flow stays below this part for so many days is no longer there
LEAST_SD_M = 0.02  # of a sensor's drop: what regression and model are wrong by
HORIZON_DAYS = 60  # that a leak would run on for if nobody went there


class DistrictWatch(Learnt):
    """Reads causally: what it says of a time rests on readings up to that time."""

    @classmethod
    def calibrate(cls, network: Network, history: Scada, sites: Sites, prices: tuple[float, float] = (0.8, 500.0)) -> "DistrictWatch":
        """Learn what is usual from history; its leaks are found when later readings come. Raises `PenstockError` for sites not on the
        network and for less than two weeks of readings. `prices`: a lost cubic metre, a crew that digs in vain [currency]."""
        sites.check(network)
        made = cls(network, sites, Window.of(history, sites), prices)
        made.trim()
        if made.window.steps * made.window.step < timedelta(days=14):
            raise fault("leak watch", f"{made.window.steps * made.window.step} of readings", "14 days or more", "Import more history.")
        made.learn()
        return made

    @property
    def active(self) -> list[ActiveLeak]:
        return [leak.active for leak in self.leaks if leak.end_utc is None]

    def read(self, scada: Scada) -> list[Report]:
        """Take new readings (any number of steps) that follow on the last ones; reports in order of time."""
        if scada.start_utc < self.window.end_utc:
            seen = f"{scada.start_utc:%Y-%m-%d %H:%M} UTC"
            raise fault("leak watch", f"readings from {seen}", f"from {self.window.end_utc:%Y-%m-%d %H:%M} UTC on", "Go on from there.")
        reports: list[Report] = []
        start = scada.start_utc
        while start < scada.end_utc:
            midnight = civil_day(local_date(start, self.sites.zone), self.sites.zone)[1]
            end = min(midnight, scada.end_utc)
            self.window.append(scada.window(start, end))
            reports += self._bursts()
            if end == midnight:
                reports += self._daily(last=end == scada.end_utc)
            start = end
        return reports

    def repaired(self, leak_id: str, at_utc: datetime) -> None:
        """The entry closes; its flow is taken off the readings until then."""
        for leak in self.leaks:
            if leak.active.leak_id == leak_id and leak.end_utc is None:
                leak.end_utc = at_utc

    def dug(self, pipe: str, at_utc: datetime, found: bool, leak_id: str | None = None) -> None:
        """A crew has dug at a pipe for a leak, or for the one that is likeliest there: its posterior takes the finding in."""
        running = [leak for leak in self.leaks if leak.end_utc is None and leak.active.posterior.get(pipe, 0.0) > 0]
        running = [leak for leak in running if leak_id in (None, leak.active.leak_id)]
        if running:
            leak = max(running, key=lambda one: float(one.active.posterior[pipe]))
            leak.digs.append(Dig(pipe, at_utc, found))
            self._believe(leak, after_digs(leak.active.posterior, leak.digs[-1:], self.length()))

    # --- once a day ------------------------------------------------------------------------------------------------------------
    def _daily(self, *, last: bool) -> list[Report]:
        """What is done at each midnight; the place of a leak that is reported is looked for again only at the end of the readings."""
        self.trim()
        self._check_sensors()
        self._follow()
        night = slow.nights(self.inflow(), self.window.times, self.sites.zone)
        reports = []
        for d, district in enumerate(self.window.ids["flow"]):
            found = slow.growth(night[d], self.sites.zone) if d in night else None
            if found is not None:
                leak = self._new("slow", district, found.start.to_pydatetime(), found.size_m3_per_h, found.size_sd_m3_per_h)
                leak.usual = found.usual_m3_per_h
                self._locate(leak)
        for leak in self.leaks:
            if leak.end_utc is None and leak.active.kind == "slow" and (last or leak.active.reported_utc is None):
                self._locate(leak)
                reports += self._report(leak, self.window.end_utc)
        self.learn()  # last, so that a watch that is restored learns the same
        return reports

    def _check_sensors(self) -> None:
        base, times = self.fitted(), self.window.times
        recent = times >= times[-1] - LAG
        flow = self.inflow()[recent]
        expected = np.full((int(recent.sum()), len(self.window.ids["pressure"])), np.nan)
        at = [self.window.ids["pressure"].index(name) for name in base.sensors]
        expected[:, at] = base.expected_pressure(Drivers(flow, *(self.window.values[name][recent] for name in ("level", "running"))))
        expected -= self.effects(times[recent], self.leaks)
        usual = base.expected_flow(times[recent])
        measured = np.hstack([self.window.values["pressure"][recent], flow])
        sigma = pd.Series(base.sigma_m, base.sensors).reindex(list(self.window.ids["pressure"])).fillna(1.0).to_numpy()
        sd = np.hstack([np.maximum(sigma, LEAST_SD_M * 2), np.nanmean(base.scale(times[recent]), axis=0)])
        inside = pipe_dmas(self.network, pd.Series(dict(self.sites.dma_of)))
        takes = [[float(name in inside[pipe]) for name in self.window.ids["flow"]] for pipe in self.patterns.index]
        leaks = np.hstack([-self.patterns[list(self.window.ids["pressure"])].to_numpy(), np.array(takes)])
        self.sensor_faults = diagnose(self.window.ids["pressure"], times[recent], measured, np.hstack([expected, usual]), sd, leaks)

    def _follow(self) -> None:
        """Sizes of the leaks by the last nights or the last day; one that is no longer seen closes."""
        night = slow.nights(self.inflow(), self.window.times, self.sites.zone)
        last = self.window.cut(self.window.end_utc - timedelta(days=1), self.window.end_utc)
        excess = self.inflow()[-last.steps :] - self.fitted().expected_flow(last.times)
        for leak in self.leaks:
            if leak.end_utc is not None or self.window.end_utc - leak.active.start_utc < YOUNG:
                continue
            d = self.window.ids["flow"].index(leak.district)
            if leak.active.kind == "slow":
                own = night[d] + pd.Series(leak.course(_at_night(night.index, self.sites.zone)), night.index)
                now = float(own.iloc[-3:].median()) - leak.usual
            else:
                now = leak.active.size_m3_per_h + float(np.nanmedian(excess[:, d]))
            leak.peak_m3_per_h = max(leak.peak_m3_per_h, leak.active.size_m3_per_h)
            leak.low_days = leak.low_days + 1 if now < GONE_SHARE * leak.peak_m3_per_h else 0
            if leak.low_days >= GONE_DAYS:
                leak.end_utc = self.window.end_utc - GONE_DAYS * timedelta(days=1)
            elif np.isfinite(now) and leak.low_days == 0:
                leak.active.size_m3_per_h, leak.sized_utc = max(now, 0.1), self.window.end_utc

    # --- bursts ----------------------------------------------------------------------------------------------------------------
    def _bursts(self) -> list[Report]:
        end = self.window.end_utc
        part = self.window.cut(end - BACK, end)
        old = [leak for leak in self.leaks if leak.end_utc is not None or leak.active.kind == "slow" or end - leak.active.start_utc > YOUNG]
        part.values["flow"] = part.values["flow"] - self.taken(part.times, old).astype(np.float32)
        part.values["pressure"] = self.pressures()[-part.steps :]
        events = detect(part.block("pressure"), part.block("flow"), self.fitted(), level=part.block("level"), running=part.block("running"))
        reports: list[Report] = []
        for event in events:
            if event.end_utc < end and end - event.end_utc > 2 * self.window.step:
                continue
            same = [leak for leak in self.leaks if leak not in old and leak.district == event.dma and leak.end_utc is None]
            leak = same[0] if same else None
            if leak is None:
                leak = self._new("burst", event.dma, event.start_utc, event.size_m3_per_h, event.size_sd_m3_per_h)
            leak.active.start_utc, leak.sized_utc = event.start_utc, end
            leak.active.size_m3_per_h, leak.active.size_sd_m3_per_h = event.size_m3_per_h, event.size_sd_m3_per_h
            self._place(leak, event, part)
            reports += self._report(leak, max(event.detected_utc, event.start_utc) + self.window.step)
        return reports

    def _new(self, kind: Any, district: str, start: datetime, size: float, sd: float) -> DistrictLeak:
        self.count += 1
        active = ActiveLeak(f"leak-{self.count}", start, kind, size, sd, "", pd.Series(dtype=float))
        self.leaks.append(DistrictLeak(active, district, self.window.end_utc))
        return self.leaks[-1]

    # --- place -----------------------------------------------------------------------------------------------------------------
    def _locate(self, leak: DistrictLeak) -> None:
        """A slow leak's place: drops of the last three days against those before it began."""
        base, times = self.fitted(), self.window.times
        drivers = Drivers(self.inflow(), self.window.values["level"], self.window.values["running"])
        seen = self.pressures() + self.effects(times, [other for other in self.leaks if other is not leak])
        residual = base.expected_pressure(drivers) - seen[:, [self.window.ids["pressure"].index(name) for name in base.sensors]]
        after = np.asarray(times >= times[-1] - timedelta(days=3))
        before = np.asarray((times < pd.Timestamp(leak.active.start_utc)) & (times >= pd.Timestamp(leak.active.start_utc) - LAG))
        drop, sd = {}, {}
        for s, name in enumerate(base.sensors):
            now, was = residual[after, s], residual[before, s]
            if np.isfinite(now).sum() < 24 or np.isfinite(was).sum() < 96:
                continue
            days = pd.Series(was, times[before]).resample("D").mean()
            drop[name] = float(np.nanmean(now) - np.nanmean(was))
            sd[name] = max(float(days.std()), LEAST_SD_M)
        active = leak.active
        size = active.size_m3_per_h
        event = LeakEvent(active.start_utc, self.window.end_utc, self.window.end_utc, leak.district, size, 0.0, 1.0, drop, sd)
        if drop:
            self._place(leak, event, self.window.cut(self.window.end_utc - timedelta(days=3), self.window.end_utc))

    def _place(self, leak: DistrictLeak, event: LeakEvent, part: Window) -> None:
        if leak.located_utc == self.window.end_utc:
            return
        since = part.cut(max(event.start_utc, part.start_utc), part.end_utc)
        clean = since.cut(since.start_utc, since.end_utc)
        clean.values["flow"] = since.values["flow"] - leak.course(since.times)[:, None] * [
            float(n == leak.district) for n in since.ids["flow"]
        ]
        matrix = self.sensitivities(event.size_m3_per_h, clean, slice(None))
        found = locate(event, self.network, matrix, dma_of=pd.Series(dict(self.sites.dma_of)))
        self._believe(leak, after_digs(found.set_index("pipe")["posterior"], leak.digs, self.length()))
        leak.located_utc = self.window.end_utc

    def _believe(self, leak: DistrictLeak, posterior: pd.Series) -> None:
        leak.active.posterior, leak.active.pipe = posterior, str(posterior.idxmax())

    # --- what is worth a crew, and going on later ------------------------------------------------------------------------------
    def _report(self, leak: DistrictLeak, at_utc: datetime) -> list[Report]:
        """A report when what the leak would lose is more than the digs in vain on the way to it."""
        active = leak.active
        if active.reported_utc is not None or active.posterior.empty:
            return []
        price, crew = self.prices
        ranked = active.posterior.sort_values(ascending=False).to_numpy()
        vain = float((np.arange(len(ranked)) * ranked).sum())
        daily = 24 * active.size_m3_per_h * price
        if daily * HORIZON_DAYS <= crew * (1 + vain):
            return []
        active.reported_utc = at_utc
        worth = f"It loses {daily:,.0f} a day; finding it is expected to take {vain:.1f} digs in vain, at {crew:,.0f} each."
        return [Report(active.leak_id, at_utc, active.start_utc, active.kind, active.pipe, active.size_m3_per_h, worth, active.posterior)]

    def state(self) -> dict[str, Any]:
        """Everything needed to go on, JSON-able."""
        return {
            "window": self.window.state(),
            "sites": asdict(self.sites),
            "prices": list(self.prices),
            "count": self.count,
            "patterns": {"pipes": list(self.patterns.index), "drop": self.patterns.to_numpy().tolist()},
            "faults": [asdict(one) | {"since_utc": one.since_utc.isoformat()} for one in self.sensor_faults],
            "leaks": [leak.state() for leak in self.leaks],
        }

    @classmethod
    def restore(cls, network: Network, state: dict[str, Any]) -> "DistrictWatch":
        """The watch as it was when `state()` was taken."""
        made = cls(network, Sites(**state["sites"]), Window.restore(state["window"]), (state["prices"][0], state["prices"][1]))
        made.count = state["count"]
        pipes = pd.Index(state["patterns"]["pipes"], name="pipe")
        made.patterns = pd.DataFrame(state["patterns"]["drop"], index=pipes, columns=list(made.window.ids["pressure"]))
        made.sensor_faults = [SensorFault(**one | {"since_utc": datetime.fromisoformat(one["since_utc"])}) for one in state["faults"]]
        made.leaks = [DistrictLeak.restore(one) for one in state["leaks"]]
        made.learn()
        return made


def _at_night(days: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    return (days + pd.Timedelta(hours=3, minutes=30)).tz_localize(zone, ambiguous=True, nonexistent="shift_forward").tz_convert("UTC")
