"""The water page's losses: the IWA table, what could be had back, the target and its state, in both languages."""

from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from service import schema as t
from service.store import open_store, writing
from tests.console.test_console_pages import opened, text


def test_the_months_balance_is_the_standard_table(city: Path) -> None:
    seen = text(opened("water"))
    assert "Water balance of the month · 2022-05" in seen
    assert "System input volume 30 000 300 100.0" in seen
    assert "Billed metered 20 000 0 66.7" in seen
    assert "Real losses by difference: the month is billed" in seen


def test_a_district_is_ranked_by_what_is_above_the_unavoidable(city: Path) -> None:
    # UARL = (18 x 10 + 0.8 x 2000) x 40 L = 71.2 m3 a day, 2207 in May; 7500 - 2207 can be had back
    seen = text(opened("water"))
    assert "Old town 5 293" in seen
    assert "3.4 ± 0.4" in seen


def test_a_target_that_is_behind_says_so_in_both_languages(city: Path) -> None:
    assert "2022-05 · Small city · behind" in text(opened("water"))
    assert "2022-05 · 小城 · 落后" in text(opened("water", language="zh"))
    assert "产销差水量（无收益水）" in text(opened("water", language="zh"))


def test_a_city_without_a_balance_says_so(city: Path) -> None:
    engine = open_store(f"sqlite:///{city / 'penstock.db'}")
    with writing(engine) as connection:
        connection.execute(t.loss_month.delete())
    assert "No water balance is stored yet." in text(opened("water"))
