"""Peak risk: how likely each rated feeder or transformer passes its rating, and the expected peak of every sum."""

import pandas as pd

from console import data, look
from console.words import say

SHOWN = 8
LIKELY, POSSIBLE = 0.5, 0.1
"""From here on a peak stands out as an amber triangle, as a yellow circle [1]."""


def section() -> None:
    """Cards of tonight's peaks, the riskiest first; nothing where nothing is rated and nothing adds up."""
    night = data.now().night
    rows = data.peaks(night) if night is not None else pd.DataFrame()
    if rows.empty:
        return
    look.heading("peak_risk", say("peak_risk_note"))
    look.cards([_card(row) for _, row in rows.head(SHOWN).iterrows()])


def _card(row: pd.Series) -> str:
    """One series on its worst day: the chance if it has a rating, else its expected peak."""
    band = f"{look.number(row['p10'], 0)} – {look.number(row['p90'], 0)}"
    when = f"{say('around')} {look.hour(row['at_utc'].to_pydatetime())}"
    if pd.isna(row["probability"]):
        return look.card(row["name"], look.number(row["p50"], 0), row["unit"], [f"{say('band')} {band}", when])
    chance = float(row["probability"])
    expected = f"{say('expected_peak')} {look.number(row['p50'], 0)} {row['unit']} ({band})"
    rating = f"{say('rating')} {look.number(row['limit'], 0)} {row['unit']}"
    return look.card(row["name"], percent(chance), "", [rating, expected, when], priority=_priority(chance))


def percent(chance: float) -> str:
    """A chance as people say it; none is ever quite 0 or 1, since it is counted from a few hundred paths."""
    return "< 1 %" if chance < 0.01 else "> 99 %" if chance > 0.99 else f"{100 * chance:.0f} %"


def _priority(chance: float) -> int | None:
    return 2 if chance >= LIKELY else 3 if chance >= POSSIBLE else None
