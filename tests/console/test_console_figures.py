"""Figures as they are drawn and said: hand-checkable, without a page."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("streamlit")

from console import charts, data, look
from console.tonight import figures as plan_figures
from console.tonight import page as tonight
from console.water import isolation
from console.words import WORDS
from forecasting.groups import KINDS
from service.environment import Environment
from service.settings import load
from service.store import open_store, readings
from service.view import board, moment, tiles


def test_the_hour_that_autumn_repeats_is_drawn_twice(city: Path) -> None:
    times = pd.date_range("2022-10-29T22:00Z", "2022-10-30T02:00Z", freq="h")
    assert [label[-5:] for label in charts.labels(times)] == ["00:00", "01:00", "02:00", "02:00", "03:00"]


def test_ticks_stand_at_whole_hours_and_there_are_at_most_nine() -> None:
    labels = [f"06-16 {hour:02d}:{minute:02d}" for hour in range(24) for minute in (0, 15, 30, 45)]
    assert [labels[i][-5:] for i in charts._ticks(labels)] == ["00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00"]


def test_a_wild_value_does_not_flatten_the_day() -> None:
    value = np.array([10.0, 20.0, 1e12, np.nan])
    shown = charts.clipped(value, np.array([True, True, False, False]))
    assert shown.tolist() == [10.0, 20.0, 23.0, 7.0]  # 30 % of the span of 10 beyond the usable range


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.5153, "0.515"), (7.25, "7.25"), (77.04, "77.0"), (12345.6, "12\u00a0346"), (None, "–"), (np.nan, "–")],
)
def test_numbers_have_the_digits_worth_reading(value: float | None, text: str) -> None:
    assert look.number(value) == text


def test_age_is_told_in_one_unit(city: Path) -> None:
    now = data.now().now_utc
    told = [look.age(now - timedelta(minutes=minutes)) for minutes in (7, 119, 180, 3 * 1440)]
    assert told == ["7 min", "119 min", "3 h", "3 d"]
    assert look.age(None) == "never"


def test_less_cost_is_saved_and_more_is_said_to_be_more() -> None:
    assert plan_figures.against(900, 1000, "CNY") == ["Doing nothing 1\u00a0000 CNY", "100 CNY (10.0 %) saved"]
    assert plan_figures.against(1100, 1000, "CNY")[1] == "100 CNY (10.0 %) more"


@pytest.mark.parametrize("kind", sorted({*KINDS} - {"ev"}))  # charging is summed with the loads
def test_every_kind_of_forecast_has_its_word_in_both_languages(kind: str) -> None:
    assert all(WORDS[tonight.FAN_WORDS.get(kind, kind)])


def test_what_comes_from_the_store_cannot_become_markup() -> None:
    assert "<script>" not in look.card("<script>", "<script>", "<script>", ["<script>"])
    assert "<script>" not in "".join(isolation.steps({"valves": ["<script>"], "critical": {"1": "<script>"}}))


def test_names_in_a_plan_cannot_become_markup(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = data.tonight()
    assert newest is not None
    column = pd.MultiIndex.from_tuples([("plan", "<img src=x onerror=alert(1)>", "power_kw")])
    seen: list[str] = []
    monkeypatch.setattr(tonight.st, "html", seen.append)
    monkeypatch.setattr(tonight.charts, "schedule", lambda *_: None)
    tonight._schedules(replace(newest, values=pd.DataFrame([[1.0]], index=newest.values.index[:1], columns=column)))
    assert [text for text in seen if "onerror" in text]
    assert not [text for text in seen if "<img" in text]


def test_a_city_that_fell_silent_shows_the_age_of_its_last_values_and_no_forecast_of_another_day(city: Path) -> None:
    environment = Environment(city=city / "city.toml", home=city)
    loaded, engine = load(environment), open_store(environment.url)
    live = moment.moment(engine, loaded)
    late = replace(live, now_utc=live.now_utc + timedelta(days=9))
    hour_ago = replace(live, now_utc=live.now_utc - timedelta(hours=1))  # the forecast ends at `live`
    then, later = (
        {tile.key: tile for tile in tiles.tiles(engine, loaded, at, board.points(engine, loaded, at))}["load"] for at in (hour_ago, late)
    )
    assert then.expected == 120.0  # 30 kWh in a quarter of an hour
    assert (later.value, later.expected) == (None, None)
    assert later.time_utc is not None
    assert timedelta(days=9) <= late.now_utc - later.time_utc < timedelta(days=9, hours=1)


def test_a_value_outside_its_limits_is_left_out_of_figures_at_once(city: Path) -> None:
    path = city / "city.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(f'limits = [{{ point = "feeder-01.power", minimum = 0, maximum = 120 }}]\n{text}', encoding="utf-8")
    environment = Environment(city=path, home=city)
    loaded, engine = load(environment), open_store(environment.url)
    at = moment.moment(engine, loaded)
    row = board.points(engine, loaded, at).set_index("point_id").loc["feeder-01.power"]
    assert (row["usable"], row["cause"]) == (False, "LIMIT")
    load_tile = next(tile for tile in tiles.tiles(engine, loaded, at, board.points(engine, loaded, at)) if tile.key == "load")
    assert load_tile.value is None
    assert max(value for value in load_tile.trend if value is not None) <= 120
    assert readings.last_slot(engine) == at.now_utc
