"""Reading on: residuals of new steps, what happened in them, and what the leaks that run are worth by now."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from networks.leakage.areas import Areas
from networks.leakage.calibration import Calibration, window_means
from networks.leakage.digs import Dig, after_digs
from networks.leakage.events import Event, Search
from networks.leakage.hydraulics import Model, Moments
from networks.leakage.intake import Intake
from networks.leakage.place import Distances, Worth, posterior, worth
from networks.leakage.reports import Kind, Report
from networks.leakage.scada import Floats, Sites
from networks.leakage.sensor_faults import SensorFault
from networks.leakage.sensor_watch import SensorWatch
from networks.leakage.settings import LeakSettings
from networks.leakage.signatures import Signatures
from networks.leakage.sizes import estimate, evidence
from networks.leakage.tracks import Tape, Track, series
from networks.network import Network

_NEW_SD = 0.2  # of a new leak's size, and as much in m3/h
_GONE = 8  # estimates in a row that find less than half of the least size


class Reader:
    """The network, what was learnt of it, and the leaks that run (`running`) or ran (`over`). Steps count from the first of history."""

    def __init__(self, network: Network, sites: Sites, settings: LeakSettings) -> None:
        sites.check(network)
        self.network, self.sites, self.settings = network, sites, settings
        self.areas = Areas.of(network, sites)
        self.model = Model(network, self.areas, sites)
        self.step = timedelta(minutes=settings.step_min)
        self.per_day = round(timedelta(days=1) / self.step)
        self.distances = Distances(network)
        self.pipes = pd.Index(network.pipes["id"], name="pipe")
        self.length = network.pipes["length_m"].to_numpy(dtype=float)
        self.running: list[Track] = []
        self.over: list[Track] = []
        self.digs: dict[str, list[Dig]] = {}
        self.count, self.last_event = 0, 0
        self.level_before: Floats | None = None
        self.origin: pd.Timestamp
        self.signatures: Signatures
        self.calibration: Calibration
        self.search: Search
        self.tape: Tape
        self.sensors: SensorWatch

    @property
    def _balances(self) -> int:
        return int(self.areas.metered.sum())

    def _time(self, step: int) -> datetime:
        return (self.origin + step * self.step).to_pydatetime()

    def _channels(self, moments: Moments) -> Floats:
        drawn = sum((self.signatures.drawn(t.pipe, t.size, self.model.junctions) for t in self.running), np.zeros(self.model.junctions))
        return np.hstack([self.model.solve(moments, drawn), np.zeros((len(moments), self._balances))])

    def _run(self, told: Intake) -> list[Report]:
        reports, i = [], 0
        while i < len(told.times):
            end = min(i + self.settings.update_steps - self.tape.end % self.settings.update_steps, len(told.times))
            while i < end:
                begin = self.tape.end
                self._take(told.seen[i:end], told.moments[i:end])
                event = self.search.first(self.tape, begin, self.running, self.over, self.last_event)
                if event:
                    self.tape.cut(event.step + 1)
                    self.sensors.cut(event.step + 1)
                    if not self._is_a_sensor(event):
                        self._note(event)
                reports += self._young(begin)
                i += self.tape.end - begin
            if self.tape.end % self.per_day == 0:
                known, pattern = [*self.running, *self.over], self.signatures.pattern
                self._leave_out(self.sensors.judge(self.origin, self.step, known, self.calibration, pattern))
            if self.tape.end % self.settings.update_steps == 0:
                reports += self._update()
        return reports

    def _is_a_sensor(self, event: Event) -> bool:
        """Does a sensor alone account for the event? It is left out then, until the day's judgement names it or takes it back."""
        pattern = self.signatures.pattern[int(self.tape.level[event.step - self.tape.first])]
        known = [*self.running, *self.over]
        left = self.tape.left(event.step + 1 - event.window, event.step + 1, known, self.signatures.pattern)
        mean = window_means(left, event.window)[-1]
        found = self.sensors.suspect(mean, self.calibration.covariance[event.window], pattern, event.start)
        self._leave_out(found)
        return bool(found)

    def _leave_out(self, sensors: list[int]) -> None:
        for i in sensors:
            self.tape.residual[self.tape.rows(self.sensors.out[i], self.tape.end), i] = np.nan

    @property
    def sensor_faults(self) -> list[SensorFault]:
        """The sensors that do not tell the truth now, each with a sentence; leaks are looked for without them."""
        return self.sensors.faults

    def _take(self, seen: Floats, moments: Moments) -> None:
        """Residuals of new steps, with the leaks that the model was told put back: in the balances they never left."""
        level = self.signatures.nearest(moments.demand.sum(axis=1))
        back = sum((t.size * self.signatures.pattern[level, t.pipe] for t in self.running), np.zeros_like(seen))
        back[:, seen.shape[1] - self._balances :] = 0.0
        residual = seen - self.calibration.expected(self._channels(moments)) + back
        self.tape.add(self.sensors.take(seen, residual, level), level)

    def _note(self, event: Event) -> None:
        short = event.window < self.per_day
        self.last_event = event.step + 1 if short else max(self.last_event, event.step + 1 - self.per_day)
        if event.repaired:
            self._close(event.repaired, event.start)
            return
        twin = self._twin(event.pipe)
        if twin:
            size = twin.size + event.size
            twin.grow(event.start, size, _NEW_SD * (event.size + 1))
            return
        self.count += 1
        kind: Kind = "burst" if short else "slow"
        sd = _NEW_SD * (event.size + 1)
        track = Track(f"leak-{self.count}", kind, event.start, event.step, event.pipe, event.size, sd, [(event.start, event.size)])
        self.running.append(track)

    def _twin(self, pipe: int) -> Track | None:
        """The running leak whose pattern cannot be told from the pipe's."""
        if not self.running:
            return None
        every = np.ones(self.tape.residual.shape[1], bool)
        filters = self.search.filters(self.per_day, len(self.signatures.level) // 2, every)
        alike = filters.likeness(pipe, [track.pipe for track in self.running])
        return self.running[int(alike.argmax())] if alike.max() > self.settings.same_pattern else None

    def _close(self, track: Track, step: int) -> None:
        track.end = max(step, track.start)
        self.running.remove(track)
        self.over.append(track)

    # ---- size, place, report

    def _young(self, begin: int) -> list[Report]:
        """Bursts of the last two days, not yet reported, are judged at every new step."""
        reports, end = [], self.tape.end
        for track in list(self.running):
            if track.kind == "burst" and track.reported is None and end - track.start < 2 * self.per_day:
                for step in range(max(begin, track.seen_step + 1), end):
                    self._locate(track, step + 1)
                    found = self._decided(track, step + 1)
                    if found:
                        reports.append(found)
                        break
        return reports

    def _update(self) -> list[Report]:
        estimate(self.tape, self.running, self.over, self.last_event, self.search)
        for track in list(self.running):
            track.low = track.low + 1 if track.size < self.settings.least_m3_per_h / 2 else 0
            if track.low >= _GONE:
                self._close(track, self.tape.end)
        reports = []
        for track in self.running:
            if track.reported is None or self.tape.end % self.per_day == 0:
                self._locate(track, self.tape.end)
            if track.reported is None and (found := self._decided(track, self.tape.end)):
                reports.append(found)
        return reports

    def _locate(self, track: Track, end: int) -> None:
        """Posterior, likeliest pipe, and for a burst of the last day its size, from the readings before `end`."""
        since = end - self.settings.memory_days * self.per_day
        found = evidence(self.tape.until(end), track, [*self.running, *self.over], since, self.search)
        if found is None:
            return
        mean, covariance, pattern, _ = found
        track.posterior, sizes = posterior(mean, covariance, pattern, self.length, self.settings)
        track.pipe = int(track.posterior.argmax())
        if track.kind == "burst" and end - track.start < self.per_day:
            track.size = max(float(sizes[track.pipe]), self.settings.least_m3_per_h / 2)
            track.sizes = [(track.start, track.size)]

    def _posterior(self, track: Track) -> pd.Series:
        """What readings and crews' findings say together."""
        told = series(np.full(len(self.pipes), 1 / len(self.pipes)) if track.posterior is None else track.posterior, self.pipes)
        digs = self.digs.get(track.leak_id)
        return after_digs(told, digs, pd.Series(self.length, self.pipes)) if digs else told

    def _worth(self, track: Track) -> Worth:
        probability = self._posterior(track).reindex(self.pipes).to_numpy()
        return worth(probability, track.size, self.distances, self.settings)

    def _decided(self, track: Track, end: int) -> Report | None:
        """A report once waiting for better evidence would lose more water than it can save in searching."""
        if track.reported is not None or track.posterior is None:
            return None
        value = self._worth(track)
        hours = (end - 1 - track.seen_step) * self.settings.step_min / 60
        waited = hours * self.settings.price_per_m3 * track.size >= self.settings.patience * value.search
        if value.expected <= 0 or value.near < self.settings.least_probability or not waited:
            return None
        track.reported = end - 1
        return Report(
            track.leak_id,
            self._time(end),
            self._time(track.start),
            track.kind,
            str(self.pipes[value.pipe]),
            track.size,
            value.sentence(track.size, self.settings),
            self._posterior(track),
        )
