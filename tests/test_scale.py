"""The figures of docs/scale.md: every one that is not measured is computed again from those that were."""

import json

import pytest

from benchmarks import night, scale
from benchmarks._night_paper import Line, largest, needs, paper

FIGURES = json.loads(scale.FIGURES.read_text())


def test_the_tables_of_the_page_are_made_of_the_measured_nights() -> None:
    page = scale.PAGE.read_text()
    assert scale.laid(page, scale.tables(FIGURES)) == page, "python -m benchmarks scale --write"


def test_the_exponents_kept_are_those_of_the_nights() -> None:
    assert FIGURES["growth"] == night.growth(FIGURES["scales"])
    assert FIGURES["growth_exponent"] == max(one["all"] for one in FIGURES["growth"])


def test_a_line_through_two_nights_goes_through_a_third() -> None:
    line = Line.through((1_000, 60.0), (11_000, 160.0))  # 50 s and 10 ms a meter
    assert (line.fixed, line.each, line.at(100_000)) == pytest.approx((50, 0.01, 1050))


def test_a_province_needs_as_many_stores_as_its_serial_hours_ask_for() -> None:
    night_ = largest(FIGURES)
    city, province = needs(FIGURES, 1_000_000), needs(FIGURES, 50_000_000)
    each = night_["cpu_s"] * (1 - night_["steps"]["forecast"] / night_["wall_s"]) / night_["points"]
    assert province["points_of_a_store"] * each <= 2 * 3600 < 50_000_000 / max(province["stores"] - 1, 1) * each * 1.01
    assert province["readings_per_s"] == pytest.approx(50_000_000 / 900) == 50 * city["readings_per_s"]
    assert province["cold_tb_a_year"] == pytest.approx(50_000_000 * 96 * 365 * 2.24e-12)


def nights(*costs: tuple[int, float, float, float]) -> dict:
    """Figures of nights of (points, CPU-seconds of which forecasts, memory [MB])."""
    disk = {"meter_day_bytes": 1.0, "entry_bytes": 1.0}
    scales = [
        {
            "points": n,
            "workers": 1,
            "database": "sqlite",
            "wall_s": s,
            "cpu_s": s,
            "steps": {"forecast": f},
            "peak_rss_mb": mb,
            "disk": disk,
        }
        for n, s, f, mb in costs
    ]
    return FIGURES | {"scales": scales}


def test_what_a_night_costs_whatever_its_size_is_not_charged_to_each_meter() -> None:
    made = nights((1_000, 110.0, 60.0, 1_100), (11_000, 210.0, 120.0, 2_100))  # 100 s and 10 ms a meter, 1 GB and 0.1 MB a meter
    line, proportion = needs(made, 1_000_000, "line"), needs(made, 1_000_000)
    assert line["cpu_h"] == pytest.approx((100 + 10_000) / 3600)
    assert proportion["cpu_h"] == pytest.approx(210 / 11_000 * 1_000_000 / 3600)
    assert line["memory_gb"] == pytest.approx(1 + 100)
    assert "| 2.8 to 5.3 core-hours |" in paper(made, {"city": 1_000_000})


def test_where_two_nights_show_no_growth_no_memory_is_told_and_of_the_rest_the_proportion_only() -> None:
    made = nights((1_000, 68.0, 54.0, 954), (3_000, 71.0, 53.0, 918))
    told = paper(made, {"city": 1_000_000})
    assert needs(made, 1_000_000, "line")["memory_gb"] is needs(made, 1_000_000)["memory_gb"] is None
    assert "| memory of a store's night | not known |" in told
    assert "| processes that share the forecasts, of all stores | up to 3 |" in told
    assert "not known" not in told.replace("night | not known", "")


@pytest.mark.parametrize(("key", "page", "told"), [*((k, *v) for k, v in FIGURES["sources"].items())])
def test_what_other_pages_measured_stands_there(key: str, page: str, told: str) -> None:
    assert told in (scale.ROOT / "docs" / page).read_text(), key
