"""Service levels: what is promised, how it was kept today, yesterday, in 30 days and a year; each day of the last weeks as a line."""

from datetime import timedelta

import pandas as pd

from city.clock import local_date
from console import data, look, spark
from console.words import language, say
from service.levels.history import Standing
from service.levels.listing import percent
from service.levels.share import Share

DRAWN_DAYS = 60


def section() -> None:
    """A card per level with its course by day, then the same as a table that can be downloaded."""
    made = data.levels()
    look.heading("levels", say("levels_note"))
    look.cards([_card(one) for one in made])
    columns = ("level", "target", "today", "yesterday", "month", "year", "basis")
    rows = [
        (_name(one), _text(Share(one.target, 1.0)), *map(_text, (one.today, one.yesterday, one.month, one.year)), _basis(one))
        for one in made
    ]
    labels = {"level": "level", "target": "level_target", "today": "level_today", "yesterday": "level_yesterday"}
    labels |= {"month": "level_month", "year": "level_year", "basis": "level_basis"}
    look.table(pd.DataFrame(rows, columns=list(columns)), labels, "levels")


def _card(one: Standing) -> str:
    """The share of 30 days; one that misses its target has the mark of priority 3: it is for the next meeting, not for this shift."""
    lines = [say("level_target_of", target=_text(Share(one.target, 1.0))), say("level_yesterday_of", value=_text(one.yesterday))]
    missed = 3 if one.kept is False else None
    value = "–" if one.month.value is None else _text(one.month)
    return look.card(_name(one), value, "", [*lines, *([say("no_data")] if one.month.value is None else [])], _course(one), missed)


def _course(one: Standing) -> str:
    today = local_date(data.now().now_utc, data.now().zone)
    days = [one.days.get(today - timedelta(days=back), Share()).value for back in range(DRAWN_DAYS, -1, -1)]
    return spark.course(_name(one), "%", [float("nan") if value is None else 100 * value for value in days])


def _name(one: Standing) -> str:
    return one.level.title[1 if language() == "zh" else 0]


def _text(share: Share) -> str:
    return say("no_data") if share.value is None else percent(share)


def _basis(one: Standing) -> str:
    return say("level_gate") if one.year.basis else ""
