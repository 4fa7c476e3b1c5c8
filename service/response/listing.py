"""Events and settlements as lines and tables."""

from collections.abc import Iterator
from datetime import datetime

import pandas as pd
from sqlalchemy import Engine

from city.spreadsheets import neutral_frame
from service.response import events, settling
from service.settings import LoadedCity


def lines(engine: Engine, city: LoadedCity, now_utc: datetime, *, everything: bool = False) -> Iterator[str]:
    """A line per event that is announced, active, or proposed by the newest plan; of all, with what was settled."""
    found = events.records(engine)
    newest_plan = max(((one.made_at_utc, one.plan_id) for one in found if one.state == "proposed" and one.plan_id), default=(None, ""))[1]
    shown = [
        one
        for one in found
        if everything or one.state_at(now_utc) in ("announced", "active") or (one.state == "proposed" and one.plan_id in ("", newest_plan))
    ]
    newest = {row.event_id: row for row in settling.settlements(engine)}
    for one in shown:
        yield events.said(city, one, now_utc)
        if everything and one.event_id in newest:
            yield f"   {newest[one.event_id].sentence}"
    if not shown:
        yield "no event is known" if everything else "no event is proposed, announced or active"


def intervals_csv(engine: Engine, event_id: int | None = None) -> str:
    """Every interval of the newest version of each settlement, as CSV."""
    newest = {row.event_id: row for row in settling.settlements(engine, event_id)}
    tables = [settling.intervals(row) for row in newest.values()]
    return neutral_frame(pd.concat(tables)).to_csv(index=False) if tables else ""
