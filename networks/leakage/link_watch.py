"""Doubts about leaks of the watch: a link in another state than the network says may explain the same residuals better."""

from datetime import timedelta

import numpy as np

from networks.leakage.intake import intake
from networks.leakage.link_states import LinkState, state_patterns, unknown_state
from networks.leakage.scada import Floats, Scada
from networks.leakage.watch import Watch

MOMENTS = 4  # that a link's other state is solved at
WAIT = timedelta(hours=2)  # of readings since the leak is thought to have begun, without which nothing is said
FELT_M = 30.0  # residuals beyond this are a model that has broken down, of which nothing can be said


def link_behind(watch: Watch, scada: Scada, leak_id: str) -> LinkState | None:
    """The link whose other state accounts for what was taken for a leak, or None.

    `scada` are readings that the watch has read, in whole steps; those since the leak's start count. Other leaks are taken off.
    """
    told = intake(scada, watch.sites, watch.areas, watch.step)
    track = next((one for one in watch.running if one.leak_id == leak_id), None)
    first = round((told.times[0] - watch.origin) / watch.step)
    steps = first + np.flatnonzero(told.moments.known)
    steps = steps[(steps >= watch.tape.first) & (steps < watch.tape.end)]
    if track is None or (steps >= track.start).sum() < max(WAIT / watch.step, MOMENTS):
        return None
    steps = steps[steps >= track.start]
    others = [one for one in (*watch.running, *watch.over) if one is not track]
    left = watch.tape.left(int(steps[0]), int(steps[-1]) + 1, others, watch.signatures.pattern)[steps - steps[0]]
    parts = np.array_split(np.arange(len(steps)), MOMENTS)
    residual = np.array([_mean(left[part]) for part in parts])
    if not np.nanmax(np.abs(residual), initial=0.0) < FELT_M:
        return None
    moments = told.moments[[int(steps[part[len(part) // 2]]) - first for part in parts]]
    drawn = sum((watch.signatures.drawn(t.pipe, t.size, watch.model.junctions) for t in watch.running if t is not track),
                np.zeros(watch.model.junctions))  # fmt: skip
    metered = set(watch.sites.flow.values())
    links = [str(pipe) for pipe in watch.pipes if pipe not in metered]
    patterns = state_patterns(watch.model, watch.network, moments, drawn, links)
    balances = np.zeros((*patterns.shape[:2], residual.shape[1] - patterns.shape[2]))
    sd = _sd(watch, len(parts[-1]))
    leaks = watch.signatures.pattern[len(watch.signatures.level) // 2]
    return unknown_state(watch.network, links, residual, np.concatenate([patterns, balances], axis=2), sd, leaks)


def _mean(left: Floats) -> Floats:
    """float[channels]: the mean over steps, not-a-number where a channel was silent."""
    known = np.isfinite(left)
    return np.where(known.any(axis=0), np.nansum(left, axis=0) / np.maximum(known.sum(axis=0), 1), np.nan)


def _sd(watch: Watch, steps: int) -> Floats:
    """float[channels]: noise of a mean over so many steps, taken from the next shorter window."""
    covariance = watch.calibration.covariance
    return np.asarray(np.sqrt(np.diag(covariance[max((width for width in covariance if width <= steps), default=min(covariance))])))
