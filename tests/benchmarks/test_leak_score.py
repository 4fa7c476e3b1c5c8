"""The scorer of leak reports, by hand: four pipes in a row, three leaks, a handful of reports."""

from datetime import UTC, datetime, timedelta

import networkx
import numpy as np
import pandas as pd
import pytest
import wntr

from benchmarks import _ltown, data_folder
from benchmarks._leak_score import Truth, judged, midpoint_metres, score
from city.problems import PenstockError
from networks.network import Network

BEGAN = datetime(2019, 1, 1, tzinfo=UTC)


def row_of_pipes() -> Network:
    """R -p1(100 m)- a -p2(200 m)- b -p3(400 m)- c -p4(40 m)- d, and p5, a longer way beside p3."""
    model = wntr.network.WaterNetworkModel()
    model.add_reservoir("R", base_head=50.0)
    for name in "abcd":
        model.add_junction(name, base_demand=0.001, elevation=0.0)
    for name, start, end, length in (("p1", "R", "a", 100), ("p2", "a", "b", 200), ("p3", "b", "c", 400), ("p4", "c", "d", 40)):
        model.add_pipe(name, start, end, length=length)
    model.add_pipe("p5", "b", "c", length=900)
    return Network(model, "row")


def truth() -> Truth:
    """Three days by the hour: p1 leaks 10 m3/h all the time since 2018, p2 5 m3/h on the second day, p4 2 m3/h from the third on."""
    times = pd.date_range(BEGAN, periods=72, freq="h")
    flow = pd.DataFrame({"p1": 10.0, "p2": 0.0, "p4": 0.0}, times)
    flow.iloc[24:48, 1], flow.iloc[48:, 2] = 5.0, 2.0
    hours = [(-500, 71), (24, 47), (48, 71)]
    leaks = pd.DataFrame(
        {
            "pipe": ["p1", "p2", "p4"],
            "kind": ["incipient", "abrupt", "incipient"],
            "start_utc": [BEGAN + timedelta(hours=start) for start, _ in hours],
            "end_utc": [BEGAN + timedelta(hours=end) for _, end in hours],
        }
    )
    return Truth(leaks, flow, midpoint_metres(row_of_pipes(), ["p1", "p2", "p4"]))


def at(hour: float) -> datetime:
    return BEGAN + timedelta(hours=hour)


def test_metres_run_along_the_shortest_pipes_between_midpoints() -> None:
    metres = midpoint_metres(row_of_pipes(), ["p1", "p5"])
    assert metres["p1"].to_dict() == pytest.approx({"p1": 0, "p2": 150, "p3": 450, "p4": 670, "p5": 700})
    assert metres["p5"].to_dict() == pytest.approx({"p1": 700, "p2": 550, "p3": 650, "p4": 470, "p5": 0})


def test_metres_are_what_another_graph_library_finds_on_net3() -> None:
    network = Network.named("Net3")
    pipes = network.pipes.set_index("id")
    graph = networkx.Graph()
    for link in network.links.sort_values("length_m", ascending=False).itertuples():
        graph.add_edge(link.start, link.end, length=link.length_m)
    metres = midpoint_metres(network, ["101"])["101"]
    for other in pipes.index[5::20]:
        ends = [
            networkx.shortest_path_length(graph, here, there, "length")
            for here in pipes.loc["101", ["start", "end"]]
            for there in pipes.loc[other, ["start", "end"]]
        ]
        assert metres[other] == pytest.approx(min(ends) + (pipes.loc["101", "length_m"] + pipes.loc[other, "length_m"]) / 2)


def test_the_ceiling_is_every_cubic_metre_of_the_evaluated_time() -> None:
    assert truth().ceiling_eur == pytest.approx(0.8 * (72 * 10 + 24 * 5 + 24 * 2))


def test_a_report_earns_the_later_outflow_less_the_way_to_the_leak() -> None:
    rows = judged(truth(), [("p2", at(12))])  # only p1 runs, 150 m away
    assert rows.loc[0, ["verdict", "leak", "metres", "hours"]].to_list() == ["found", "p1", 150.0, 12.0]
    assert rows.loc[0, "eur"] == pytest.approx(0.8 * 60 * 10 - 500 * 150 / 300)


def test_the_nearest_leak_takes_the_report_and_the_next_report_the_next_leak() -> None:
    reports = [("p2", at(30)), ("p2", at(31)), ("p2", at(32)), ("p4", at(20)), ("p3", at(50))]
    rows = judged(truth(), reports).set_index("detected_utc")
    assert rows["verdict"].to_list() == ["false", "found", "found", "repeat", "found"]
    assert rows["leak"].fillna("").to_list() == ["", "p2", "p1", "", "p4"]
    assert rows["eur"].to_list() == pytest.approx([-500, 0.8 * 18 * 5, 0.8 * 41 * 10 - 250, 0, 0.8 * 22 * 2 - 500 * 220 / 300])


def test_a_report_after_the_repair_or_over_300_m_away_is_false() -> None:
    assert judged(truth(), [("p5", at(60)), ("p3", at(10))])["verdict"].to_list() == ["false", "false"]
    gone = truth()
    gone.leaks["end_utc"] = at(40)
    assert judged(gone, [("p1", at(41))])["verdict"].to_list() == ["false"]


def test_the_figures_of_a_scored_run() -> None:
    figures = score(truth(), [("p1", at(0)), ("p2", at(30)), ("p4", at(54)), ("p4", at(55)), ("p5", at(56))])
    assert (figures["found"], figures["found_30d"], figures["false"], figures["repeats"]) == (3, 3, 1, 1)
    assert (figures["median_hours_abrupt"], figures["median_days_incipient"]) == (6.0, 0.12)  # median of 0 d and 6 h
    assert (figures["median_days_incipient_new"], figures["median_metres"]) == (0.25, 0.0)
    assert figures["eur"] == round(0.8 * (720 + 90 + 36) - 500)
    assert figures["control_eur"] < figures["eur"]


def test_no_report_scores_nothing_and_early_ones_are_refused() -> None:
    figures = score(truth(), [])
    assert (figures["eur"], figures["found"], figures["median_metres"], figures["control_eur"]) == (0, 0, None, 0)
    with pytest.raises(PenstockError, match="before the evaluation begins"):
        score(truth(), [("p1", at(-1))])


@pytest.mark.slow
def test_the_stated_ceiling_of_2019_and_what_four_carried_leaks_hold() -> None:
    try:
        folder = data_folder("leak/ltown_r")
    except PenstockError as missing:
        pytest.skip(str(missing))
    year = _ltown.truth(folder)
    assert round(year.ceiling_eur) == 523_154
    assert len(year.leaks) == 23
    carried = year.leaks.loc[year.leaks["start_utc"] < year.began_utc, "pipe"]
    assert round(sum(year.eur_after(pipe, year.began_utc) for pipe in carried)) == 167_682
    soon = [(leak.pipe, max(leak.start_utc, year.began_utc)) for leak in year.leaks.itertuples()]
    assert score(year, soon)["eur"] == pytest.approx(523_154, abs=1)
    assert np.isfinite(year.metres.to_numpy()).all()
