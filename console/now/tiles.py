"""The city's key figures as cards: value, arrow, the last and next 24 hours with their band, limit and age."""

import pandas as pd
import streamlit as st

from console import data, look, spark
from console.guard import guarded
from console.header import REFRESH
from console.words import say
from service.view.tiles import Tile


@st.fragment(run_every=REFRESH)
def section() -> None:
    """All figures that the city's meters can give."""
    guarded(lambda: look.cards(made()))


def made() -> list[str]:
    """The cards as HTML."""
    ahead = data.ahead()
    return [_card(tile, ahead.get(tile.key)) for tile in data.tiles()]


def _card(tile: Tile, ahead: pd.DataFrame | None) -> str:
    name = say(tile.key)
    picture = spark.picture(name, tile.unit, tile.trend, ahead, tile.low, tile.high)
    lines = [_forecast(tile, ahead), _limits(tile), tile.where]
    if tile.key == "intensity":
        year = look.clock(data.now().now_utc)[:4]
        return look.card(name, look.number(tile.value), tile.unit, [] if picture else [say("yearly_mean", year=year)], picture)
    counted = f" · {tile.parts}/{tile.whole} {say('meters_of')}" if tile.whole > 1 else ""
    lines.append(f"{say('age')} {look.age(tile.time_utc)}{counted}")
    if tile.value is None:
        return look.card(name, say("no_value"), "", lines, picture, 2)
    outside = (tile.low is not None and tile.value < tile.low) or (tile.high is not None and tile.value > tile.high)
    if outside:
        lines.insert(0, say("past_limit"))
    sign, word = spark.arrow(tile.trend)
    return look.card(name, look.number(tile.value), tile.unit, lines, picture, 2 if outside else None, f"{sign} {word}".strip())


def _forecast(tile: Tile, ahead: pd.DataFrame | None) -> str:
    """What is expected of this quarter hour, with its band."""
    if tile.expected is None:
        return ""
    told = f"{say('forecast')} {look.number(tile.expected)} {tile.unit}"
    here = None if ahead is None else ahead.iloc[len(ahead) // 2]
    if here is None or here[["p10", "p90"]].isna().any():
        return told
    return f"{told} ({look.number(here['p10'])} – {look.number(here['p90'])})"


def _limits(tile: Tile) -> str:
    low = f"{say('at_least')} {look.number(tile.low)}" if tile.low is not None and tile.low > 0 else ""
    high = f"{say('at_most')} {look.number(tile.high)}" if tile.high is not None else ""
    told = ", ".join(text for text in (low, high) if text)
    return f"{told} {tile.unit}" if told else ""
