"""The least flow of each night into each district: where it rises and stays, something leaks."""

import pandas as pd
import streamlit as st

from console import data, look, spark
from console.water.districts import name_of
from console.words import say
from service.view.water_map import risen

COLUMNS = 5


def section() -> None:
    """One small picture per district, the risen ones first and marked."""
    flows = data.night_flows()
    look.heading("night_flows", say("night_flows_note"))
    if flows.empty:
        look.banner(say("no_night_flows"), None)
        return
    up = risen(flows)
    columns = st.columns(COLUMNS)
    for i, zone in enumerate([*up, *(zone for zone in flows.columns if zone not in up)]):
        with columns[i % COLUMNS]:
            _one(flows[zone].dropna(), str(zone), 2 if zone in up else None)
    look.download(flows.reset_index(), "night_flows")


def _one(flow: pd.Series, zone: str, priority: int | None) -> None:
    if flow.empty:
        return
    under = [f"{flow.index[-1]}", f"{say('usual')} {look.number(float(flow.median()))} m3/h"]
    picture = spark.course(f"{say('night_flows')} {name_of(zone)}", "m3/h", [float(value) for value in flow])
    look.cards([look.card(name_of(zone), look.number(float(flow.iloc[-1])), "m3/h", under, picture, priority)])
