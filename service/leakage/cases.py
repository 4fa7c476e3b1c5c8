"""Leaks of the watch as cases for people: one per leak, from its first suspicion until it is repaired or no longer seen."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from networks.leakage.reports import ActiveLeak, Report
from service import schema as t
from service.leak_history import OPEN, OVER, RUNNING, SUSPECTED
from service.night import Night
from service.store import results
from service.water import WaterCity

LEAST = 1e-4  # a pipe less likely than this is no candidate
_SHARED = 0.2  # of the probability, at least, for a leak of a new watch to be the leak of a case
_NAMED = 0.03  # and less likely than this it is not named in the sentence


def running(stored: Iterable[Any], active: Sequence[ActiveLeak], renewed: bool) -> dict[str, Any]:
    """{leak_id: row of leak_case} of the cases that run. A watch made anew knows no old ids: a leak takes the case it overlaps most.

    A case that this watch knows no leak of (it came from a former watch or release) stands by its own id.
    """
    cases = [row for row in stored if row.state in RUNNING]
    found: dict[str, Any] = {} if renewed else {row.leak_id: row for row in cases if row.leak_id not in (None, row.case_id)}
    for row in [row for row in cases if row.case_id not in {one.case_id for one in found.values()}]:
        likely = pd.Series({str(one["pipe"]): float(one["posterior"]) for one in row.candidates}, dtype=float)
        shared = {
            leak.leak_id: float(np.minimum(leak.posterior.reindex(likely.index).fillna(0.0), likely).sum())
            for leak in active
            if leak.leak_id not in found
        }
        best = max(shared, key=lambda leak: shared[leak], default=None)
        found[best if best is not None and shared[best] >= _SHARED else row.case_id] = row
    return found


def merged(
    night: Night, side: WaterCity, running: dict[str, Any], active: Sequence[ActiveLeak], reports: Iterable[Report], until: datetime
) -> tuple[list[dict[str, Any]], list[str]]:
    """(rows of the cases that run or have ended now, ids of those that never were more than a suspicion and are gone).

    `running` are the cases that ran, by leak; a leak that has a case keeps it, with its id and its zone. A case that this watch never knew
    stays open until somebody tells its repair: that the watch does not see it is no evidence.
    """
    left, told = dict(running), {report.leak_id: report for report in reports}
    taken = {row.case_id for row in results.rows(night.engine, t.leak_case)}
    rows = []
    for leak in active:
        row = _row(night, side, leak, told.get(leak.leak_id), left.pop(leak.leak_id, None), until)
        if row["case_id"] is None:
            row["case_id"] = _free(f"leak-{row['seen_utc']:%Y%m%d-%H%M}-{row['zone_id']}".rstrip("-"), taken)
            taken.add(row["case_id"])
        rows.append(row)
    ended = {"state": OVER, "ended_at_utc": until}
    dug = {row.case_id for row in results.rows(night.engine, t.leak_finding)}
    for leak_id, row in left.items():
        if leak_id == row.case_id and row.state == OPEN:
            rows.append({**row._mapping, "leak_id": row.leak_id and row.case_id})
        elif row.state == OPEN or row.case_id in dug:  # what a crew found of a suspicion is not forgotten
            rows.append({**row._mapping, **ended, "ended_utc": row.sized_utc or until})
    kept = {row["case_id"] for row in rows}
    return rows, [row.case_id for row in left.values() if row.case_id not in kept]


def _row(night: Night, side: WaterCity, leak: ActiveLeak, report: Report | None, former: Any, until: datetime) -> dict[str, Any]:
    ranked = leak.posterior[leak.posterior >= LEAST].sort_values(ascending=False, kind="stable")
    reported = (former.reported_utc if former else None) or leak.reported_utc or (report.detected_utc if report else None)
    zone = former.zone_id if former else _zone(side, leak.posterior)
    return {
        "case_id": former.case_id if former else None,
        "leak_id": leak.leak_id,
        "night": former.night if former else night.date,
        "start_utc": leak.start_utc,
        "seen_utc": former.seen_utc if former else reported or until,
        "reported_utc": reported,
        "zone_id": zone,
        "pipe": leak.pipe,
        "kind": leak.kind,
        "flow_m3_per_h": leak.size_m3_per_h,
        "flow_sd_m3_per_h": leak.size_sd_m3_per_h,
        "sized_utc": until,
        "state": OPEN if reported else SUSPECTED,
        "sentence": _said(leak, zone, reported, ranked, ZoneInfo(night.city.settings.city.time_zone)),
        "worth": report.worth if report else former.worth if former else "",
        "candidates": [{"pipe": str(pipe), "posterior": round(float(share), 5)} for pipe, share in ranked.items()],
        "ended_utc": None,
        "ended_at_utc": None,
    }


def _zone(side: WaterCity, posterior: pd.Series) -> str:
    """The district most of the probability lies in: half of a pipe's in that of either end; none where the city has no districts."""
    if not any(zone.kind == "dma" for zone in side.city.settings.zones):
        return ""
    ends = side.network.links.set_index("id")[["start", "end"]].reindex(posterior.index)
    shares = pd.concat([posterior.groupby(ends[end].map(side.dma_of).to_numpy()).sum() for end in ("start", "end")])
    return str(shares.groupby(level=0).sum().idxmax()) if len(shares) else ""


def _free(name: str, taken: set[str]) -> str:
    return next(one for i in range(1, 1000) if (one := name if i == 1 else f"{name}-{i}") not in taken)


def _said(leak: ActiveLeak, zone: str, reported: datetime | None, ranked: pd.Series, local: ZoneInfo) -> str:
    """The case in words, with local times; its place is an area as long as no pipe stands out."""
    kind = "A burst" if leak.kind == "burst" else "A slow leak"
    since = (
        f"{leak.start_utc.astimezone(local):%H:%M on %Y-%m-%d}" if leak.kind == "burst" else f"{leak.start_utc.astimezone(local):%Y-%m-%d}"
    )
    seen = f", reported at {reported.astimezone(local):%H:%M on %Y-%m-%d}" if reported else ", not worth a crew yet"
    size = f"{leak.size_m3_per_h:.0f} m3/h (give or take {leak.size_sd_m3_per_h:.0f})"
    others = [str(pipe) for pipe, share in ranked.items() if str(pipe) != leak.pipe and share >= _NAMED][:3]
    near = f", then {', '.join(others)}" if others else ""
    share = 100 * float(leak.posterior.get(leak.pipe, 0.0))
    return f"{kind} in {zone or 'the network'} of {size} since {since}{seen}. Most likely pipe {leak.pipe} ({share:.0f} %){near}."
