"""Scores leak reports by the rules of BattLeDIM: euros saved, leaks found, false reports; and what random pipes would have scored.

References: Vrachimis, S. et al. (2022). Battle of the Leakage Detection and Isolation Methods. J. Water Resour. Plann. Manage. 148(12).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from city.clock import HOUR
from city.problems import fault
from networks.network import Network

NEAR_M, EUR_PER_M3, EUR_PER_CREW = 300.0, 0.80, 500.0
SOON = timedelta(days=30)


@dataclass(frozen=True)
class Truth:
    """The leaks of the evaluated time: table (pipe, kind, start_utc, end_utc), flow float[t, pipes] [m3/h], and
    metres float[all pipes, leaking pipes] between the midpoints along the pipes."""

    leaks: pd.DataFrame
    flow_m3_per_h: pd.DataFrame
    metres: pd.DataFrame

    @property
    def began_utc(self) -> datetime:
        return self.flow_m3_per_h.index[0]

    @cached_property
    def _worth(self) -> pd.DataFrame:
        """What stopping each leak at each step is worth [EUR]."""
        hours = (self.flow_m3_per_h.index[1] - self.began_utc) / HOUR
        return self.flow_m3_per_h[::-1].astype(float).cumsum()[::-1] * hours * EUR_PER_M3

    def eur_after(self, pipe: str, time: datetime) -> float:
        """The worth of the leak's outflow from the first step at or after `time` on [EUR]."""
        step = int(self._worth.index.searchsorted(time))
        return float(self._worth[pipe].iloc[step]) if step < len(self._worth) else 0.0

    @property
    def ceiling_eur(self) -> float:
        """Every leak stopped when it starts (or the evaluation begins), on its own pipe."""
        return sum(self.eur_after(pipe, self.began_utc) for pipe in self.leaks["pipe"])


def midpoint_metres(network: Network, pipes: Sequence[str]) -> pd.DataFrame:
    """float[all pipes, pipes]: shortest way along pipes between midpoints [m]; pumps and valves have no length, the status is ignored."""
    links, nodes = network.links, list(network.nodes["id"])
    number = {node: i for i, node in enumerate(nodes)}
    ends = links[["start", "end"]].map(number.__getitem__).to_numpy()
    length = np.maximum(links["length_m"].to_numpy(), 1e-9)  # a sparse graph takes 0 for no link
    order = np.argsort(-length, kind="stable")  # of parallel links the shortest is written last and stays
    shortest = {tuple(sorted(ends[i])): length[i] for i in order}
    rows, columns = np.array(list(shortest)).T
    graph = coo_matrix((list(shortest.values()), (rows, columns)), shape=(len(nodes), len(nodes))).tocsr()
    every = links["kind"].to_numpy() == "pipe"
    half = pd.Series(length / 2, links["id"])
    place = {name: i for i, name in enumerate(links["id"])}
    found = {}
    for pipe in pipes:
        from_end = dijkstra(graph, directed=False, indices=ends[place[pipe]]).min(axis=0)
        found[pipe] = from_end[ends].min(axis=1) + half.to_numpy() + half[pipe]
        found[pipe][place[pipe]] = 0.0
    return pd.DataFrame(found, index=links["id"])[every]


def judged(truth: Truth, reports: Sequence[tuple[str, datetime]]) -> pd.DataFrame:
    """One row per report (pipe, time), in order of time: verdict (found, repeat, false), leak, eur, metres, and hours since the later
    of the leak's start and the beginning of the evaluation."""
    reports = sorted(reports, key=lambda report: report[1])
    leaks, taken = truth.leaks, np.zeros(len(truth.leaks), bool)
    metres = truth.metres.loc[[pipe for pipe, _ in reports], list(leaks["pipe"])].to_numpy()
    rows: list[tuple[Any, ...]] = []
    for (pipe, time), far in zip(reports, metres, strict=True):
        near = (leaks["start_utc"] <= time).to_numpy() & (time <= leaks["end_utc"]).to_numpy() & (far <= NEAR_M)
        if (near & ~taken).any():
            i = int(np.where(near & ~taken, far, np.inf).argmin())
            leak, start = leaks["pipe"].iloc[i], max(leaks["start_utc"].iloc[i], truth.began_utc)
            eur = truth.eur_after(leak, time) - EUR_PER_CREW * far[i] / NEAR_M
            rows.append((pipe, time, "found", leak, eur, far[i], (time - start) / HOUR))
            taken[i] = True
        else:
            verdict, eur = ("repeat", 0.0) if near.any() else ("false", -EUR_PER_CREW)
            rows.append((pipe, time, verdict, None, eur, np.nan, np.nan))
    return pd.DataFrame(rows, columns=["pipe", "detected_utc", "verdict", "leak", "eur", "metres", "hours"])


def score(truth: Truth, reports: Sequence[tuple[str, datetime]], seed: int = 1) -> dict[str, Any]:
    """The benchmark's figures. Reports from before the evaluation are refused: what is known by then is reported at its beginning.

    Hours and days count from the later of the leak's start and the beginning of the evaluation, as the 30 days of `found_30d` do;
    `median_days_incipient_new` leaves out the leaks that the history carried over.
    """
    early = [pipe for pipe, time in reports if time < truth.began_utc]
    if early:
        raise fault(f"report on {early[0]}", "before the evaluation begins", f"{truth.began_utc:%Y-%m-%d} or later", "Report it then.")
    rows = judged(truth, reports)
    found = rows[rows["verdict"] == "found"].merge(truth.leaks, left_on="leak", right_on="pipe", suffixes=("", "_true"))
    days = found["hours"] / 24
    incipient, new = found["kind"] == "incipient", found["start_utc"] >= truth.began_utc
    return {
        "eur": round(float(rows["eur"].sum())),
        "found": len(found),
        "found_30d": int((days <= SOON.days).sum()),
        "false": int((rows["verdict"] == "false").sum()),
        "repeats": int((rows["verdict"] == "repeat").sum()),
        "median_hours_abrupt": _median(found.loc[~incipient, "hours"]),
        "median_days_incipient": _median(days[incipient]),
        "median_days_incipient_new": _median(days[incipient & new]),
        "median_metres": _median(found["metres"]),
        "control_eur": round(control_eur(truth, reports, seed)),
        "ceiling_eur": round(truth.ceiling_eur),
        "leaks": len(truth.leaks),
    }


def control_eur(truth: Truth, reports: Sequence[tuple[str, datetime]], seed: int, draws: int = 100) -> float:
    """Mean score when the same times are given random pipes, all equally likely [EUR]."""
    rng = np.random.default_rng(seed)
    pipes = rng.choice(truth.metres.index.to_numpy(), (draws, len(reports)))
    times = [time for _, time in reports]
    return float(np.mean([judged(truth, list(zip(drawn, times, strict=True)))["eur"].sum() for drawn in pipes]))


def _median(values: pd.Series) -> float | None:
    return None if values.empty else round(float(values.median()), 2)
