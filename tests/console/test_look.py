"""How the console looks: enough contrast everywhere, pictures that say what they show, tables that no spreadsheet runs."""

import csv as reader
import io
import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("streamlit")

from console import charts, downloads, look, spark
from console.words import WORDS

ROOT = Path(__file__).resolve().parents[2]
THEME = tomllib.loads((ROOT / "console" / "streamlit.toml").read_text(encoding="utf-8"))["theme"]
GROUNDS = (THEME["backgroundColor"], THEME["secondaryBackgroundColor"], charts.PANEL, "#f3f4f5")
SEGMENT = "#c7ccd0"  # the ground of a chosen segment, as Streamlit mixes it from the theme


def luminance(color: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_black_on_white_has_the_contrast_that_wcag_gives_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_every_text_colour_has_a_contrast_of_four_and_a_half_on_its_ground() -> None:
    sheet = (ROOT / "console" / "console.css").read_text(encoding="utf-8")
    seen = 0
    for rule, body in re.findall(r"([^{}]+)\{([^{}]*)\}", sheet):
        color = re.search(r"(?<![-\w])color: (#[0-9a-f]{6})", body)
        if color is None:
            continue
        own = re.search(r"background: (#[0-9a-f]{6})", body)
        for ground in (own.group(1),) if own else GROUNDS:
            assert contrast(color.group(1), ground) >= 4.5, f"{rule.strip()}: {color.group(1)} on {ground}"
            seen += 1
    assert seen > 40
    for color in (THEME["textColor"], THEME["primaryColor"], THEME["linkColor"], charts.INK):
        assert min(contrast(color, ground) for ground in (*GROUNDS, SEGMENT)) >= 4.5, color
    assert contrast("#ffffff", THEME["primaryColor"]) >= 4.5  # on the main button


def test_both_configurations_of_streamlit_are_one() -> None:
    assert (ROOT / ".streamlit" / "config.toml").read_bytes() == (ROOT / "console" / "streamlit.toml").read_bytes()


def test_a_cell_that_a_spreadsheet_would_run_is_text_and_numbers_stay_numbers() -> None:
    evil = ["=1+1", "+2", "-2+3", "@SUM(A1)", "\tx", "plain", "北区", "5-3", "＝1+1", "\n=1"]
    made = downloads.csv(pd.DataFrame({"name": evil, "value": [-1.5] * len(evil), "=HYPERLINK()": evil}))
    rows = list(reader.reader(io.StringIO(made.decode("utf-8-sig"))))
    assert [row[0] for row in rows[1:]] == ["'=1+1", "'+2", "'-2+3", "'@SUM(A1)", "'\tx", "plain", "北区", "5-3", "'＝1+1", "'\n'=1"]
    assert rows[0] == ["name", "value", "'=HYPERLINK()"]
    assert {row[1] for row in rows[1:]} == {"-1.5"}
    assert made.startswith(b"\xef\xbb\xbf"), "without its mark a spreadsheet reads Chinese as garbage"


def test_the_arrow_is_the_last_hour_against_the_range_of_the_day() -> None:
    steady = [*range(20), 19.5, 19.5, 19.5, 19.5, 19.5]
    assert spark.arrow(steady)[0] == "→"
    assert spark.arrow([0.0] * 20 + [0, 1, 2, 3, 4])[0] == "↗"
    assert spark.arrow([4.0] * 20 + [4, 3, 2, 1, 0])[0] == "↘"
    assert spark.arrow([1.0, 2.0, 3.0, 4.0, None])[0] == ""


def test_a_picture_says_its_numbers_and_breaks_at_gaps() -> None:
    made = spark.picture("Load", "kW", [10.0, 12.0, None, 8.0, 9.0], None, high=12.5)
    assert 'alt="Load: now 9.00 kW; last 24 h between 8.00 and 12.0 kW."' in made
    import base64

    drawn = base64.b64decode(re.search(r"base64,([^\"]+)", made).group(1)).decode()  # type: ignore[union-attr]
    assert drawn.count("<polyline") == 2  # before and after the gap
    assert "stroke-dasharray" in drawn  # the limit
    assert spark.picture("Load", "kW", [1.0], None) == ""


def test_a_picture_without_a_present_value_does_not_tell_an_old_one_as_now() -> None:
    assert 'alt="Load: now – kW; last 24 h between 10.0 and 12.0 kW."' in spark.picture("Load", "kW", [10.0, 12.0, None], None)


def test_a_sheet_says_what_the_browser_shows_when_the_console_is_gone() -> None:
    sheet = (ROOT / "console" / "console.css").read_text(encoding="utf-8")
    rule = re.search(r'\.stApp:not\(\[data-test-connection-state="CONNECTED"\]\)::before \{ content: var\(--no-contact\);', sheet)
    assert rule is not None
    assert all('"' not in text and "\\" not in text for text in WORDS["no_contact"]), "it stands in quotes in the style sheet"


def test_a_chart_tells_each_of_its_lines_to_who_cannot_see_it() -> None:
    spec = {
        "xAxis": {"data": ["06-16 00:00", "06-16 23:45"]},
        "yAxis": {"name": "kW"},
        "series": [charts.line("plan", [1.0, 5.0], "#000000")],
    }
    assert charts._told(spec, "battery-01") == "battery-01: plan from 1.00 to 5.00 kW, 06-16 00:00 to 06-16 23:45"


def test_large_type_scales_type_and_room_of_a_chart_but_not_its_data() -> None:
    spec = {"grid": {"left": 60}, "xAxis": {"axisLabel": {"fontSize": 12}}, "series": [{"data": [1.0, 2.0], "symbolSize": 8}]}
    assert charts._sized(spec, look.LARGE) == {
        "grid": {"left": pytest.approx(81)},
        "xAxis": {"axisLabel": {"fontSize": pytest.approx(16.2)}},
        "series": [{"data": [1.0, 2.0], "symbolSize": pytest.approx(10.8)}],
    }
