"""Leak cases as a list: how large, where, what they have cost."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from service import schema as t
from service.leak_history import RUNNING
from service.settings import LoadedCity
from service.store import results


def lost_m3(case: Any, now_utc: datetime) -> float:
    """Water a leak has lost until it ended or now [m3]; a slow one grew in a straight line until it was last sized."""
    end = min(case.ended_utc or now_utc, now_utc)
    hours = max((end - case.start_utc) / timedelta(hours=1), 0.0)
    if case.kind == "slow" and case.sized_utc is not None:
        hours -= max(min(case.sized_utc, end) - case.start_utc, timedelta()) / timedelta(hours=1) / 2
    return float(case.flow_m3_per_h * hours)


def lines(engine: Engine, city: LoadedCity, now_utc: datetime, *, everything: bool = False) -> Iterator[str]:
    """A line per case, those that run first by size, with its id and what to type next."""
    zone, water = ZoneInfo(city.settings.city.time_zone), city.settings.water
    cases = results.rows(engine, t.leak_case, order=t.leak_case.c.flow_m3_per_h.desc())
    shown = [case for case in cases if everything or case.state in RUNNING]
    if not shown:
        yield "no leak is known" if everything else "no leak runs that is known of"
    for case in sorted(shown, key=lambda case: case.state not in RUNNING):
        lost, price = lost_m3(case, now_utc), water.price_per_m3 if water else 0.0
        sd = f" +- {case.flow_sd_m3_per_h:.1f}" if case.flow_sd_m3_per_h is not None else ""
        likely = max((row["posterior"] for row in case.candidates if str(row["pipe"]) == case.pipe), default=0.0)
        yield (
            f"{case.case_id}  {case.state}: {case.kind}, {case.flow_m3_per_h:.1f}{sd} m3/h in {case.zone_id}"
            f" since {case.start_utc.astimezone(zone):%Y-%m-%d %H:%M}, pipe {case.pipe} ({100 * likely:.0f} %);"
            f" {lost:,.0f} m3 lost so far, {lost * price:,.0f} {city.settings.city.currency}"
        )
