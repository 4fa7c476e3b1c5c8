"""The schedule of an isolation on Net3: crews, ways, surge, repair, filling and reopening fit together, and the account adds up."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from city.crews import Crew, Works
from city.problems import PenstockError
from networks import valves
from networks.closing import Closing
from networks.water import Network
from optimisation.isolation import plan_isolation
from optimisation.isolation.crews import Valve, ground, valves_of, windows_s
from optimisation.isolation.schedule import MOTOR, Schedule, Site, schedule

NOW = datetime(2022, 6, 16, 1, 0, tzinfo=UTC)  # 03:00 in Rome
ROME = "Europe/Rome"
CREWS = (Crew(id="north", node="20"), Crew(id="south", node="229"))
PIPE = "229"


@pytest.fixture(scope="module")
def net3() -> Network:
    return Network.named("Net3")


@pytest.fixture(scope="module")
def closing(net3: Network) -> Iterator[Closing]:
    base = net3.junctions.set_index("id")["base_demand_m3_per_h"]
    customers = (25 * base[base > 0]).to_dict()
    table = valves.strategic(net3)
    plan = plan_isolation(net3, table, PIPE, customers_per_node=customers)
    running = {"10": 0, "335": 1}
    with Closing(
        net3, table, PIPE, 150.0, plan.valves_to_close, base.to_dict(), customers_per_node=customers, pump_running=running
    ) as made:
        yield made


def site(closing: Closing, works: Works | None = None, crews: tuple[Crew, ...] = CREWS, **more) -> Site:
    return Site(closing, works or Works(), crews, NOW, ROME, **more)


@pytest.fixture(scope="module")
def made(closing: Closing) -> Schedule:
    return schedule(site(closing, motorised=["v025"]))


def of(made: Schedule, kind: str) -> list:
    return sorted((task for task in made.tasks if task.kind == kind), key=lambda task: task.end_s)


def test_what_is_closed_is_opened_again_and_repair_lies_between(made: Schedule) -> None:
    closed, opened = of(made, "close"), of(made, "open")
    (repair,), (fill,), (flush,) = of(made, "repair"), of(made, "fill"), of(made, "flush")
    assert {task.what for task in closed} == {task.what for task in opened} == {"v025", "v036", "v057"}
    assert repair.start_s >= closed[-1].end_s
    assert repair.end_s - repair.start_s == 4 * 3600
    assert opened[0].start_s >= repair.end_s
    assert fill.start_s == opened[0].end_s
    assert flush.start_s == fill.end_s
    assert all(task.start_s >= flush.end_s - 1e-6 for task in opened[1:])
    assert {task.who for task in closed if task.what == "v025"} == {MOTOR}


def test_crews_drive_between_their_tasks(closing: Closing, made: Schedule) -> None:
    """Nobody is at the next valve sooner than the way takes; the first way begins ten minutes after the call, where the crew starts."""
    place = site(closing)
    for crew in CREWS:
        own = [task for task in made.tasks if task.who == crew.id and task.kind in ("close", "open")]
        stops = [(600.0, crew.node), *((task.end_s, place.valves[task.what].node) for task in own)]
        for (left_s, here), task in zip(stops, own, strict=False):
            if task.kind == "close":
                assert task.start_s >= left_s + place.ground.way_s(here, place.valves[task.what].node) - 1e-6


def test_water_lost_is_the_area_under_the_outflow(made: Schedule) -> None:
    area = sum(flow * (until - since) / 3600 for (since, flow), (until, _) in pairwise(made.outflow_m3_per_h))
    assert made.cost.water_m3 == pytest.approx(area)
    assert made.outflow_m3_per_h[0][1] == pytest.approx(150.0, abs=0.01)
    assert made.outflow_m3_per_h[-1][1] == 0.0


def test_no_worse_than_the_largest_feed_first(made: Schedule) -> None:
    assert made.cost.weighed(0.1) <= made.greedy.weighed(0.1) + 1e-9
    assert made.optimal


def test_customers_are_without_water_from_the_last_valve_until_the_main_is_flushed(closing: Closing, made: Schedule) -> None:
    """223 customers while all valves are closed, and on until filling and flushing are over; nobody else is short."""
    cut = closing.at(frozenset(closing.valves)).customers
    assert cut == pytest.approx(223.4, abs=0.1)
    dry, back = of(made, "close")[-1].end_s, of(made, "flush")[0].end_s
    rest = made.cost.customer_hours - cut * (back - dry) / 3600
    assert rest == pytest.approx(0.0, abs=1e-6)


def test_a_motor_faster_than_the_surge_allows_is_left_to_hands(closing: Closing) -> None:
    assert site(closing, motorised=["v025"]).motors == {"v025"}
    careful = site(closing, Works(surge_m=1.0), motorised=["v025"])
    assert careful.motors == frozenset()
    assert {task.who for task in schedule(careful).tasks if task.kind == "close"} <= {"north", "south"}


def test_an_isolation_under_way_goes_on_from_where_crews_and_valves_are(closing: Closing) -> None:
    again = schedule(site(closing, at={"north": "257"}, shut=["v036"]))
    assert {task.what for task in of(again, "close")} == {"v025", "v057"}
    assert {task.what for task in of(again, "open")} == {"v025", "v036", "v057"}


def test_nobody_on_duty_is_told_and_nothing_is_promised(closing: Closing) -> None:
    with pytest.raises(PenstockError, match="no crew can turn it within its shift"):
        schedule(site(closing, crews=()))


def test_the_day_shift_comes_at_its_hour(closing: Closing) -> None:
    by_day = (Crew(id="day", node="20", shift_from_hour=7, shift_hours=9),)
    first = of(schedule(site(closing, crews=by_day)), "close")[0]
    assert first.start_s > 4 * 3600 + 600  # 07:00, ten minutes to leave, and the way


@pytest.mark.parametrize(
    ("start", "hours", "first"),
    [(22.0, 8.0, (-5.0, 3.0)), (7.0, 8.0, (4.0, 12.0)), (0.0, 12.0, (-3.0, 9.0))],
)
def test_shifts_in_hours_from_three_at_night(start: float, hours: float, first: tuple[float, float]) -> None:
    crew = Crew(id="x", node="1", shift_from_hour=start, shift_hours=hours)
    assert tuple(time / 3600 for time in windows_s(crew, NOW, ROME)[0]) == first


def test_a_shift_in_the_night_of_the_spring_change_keeps_its_clock() -> None:
    """22:00 to 06:00 local is 7 hours long when the clock springs forward."""
    crew = Crew(id="x", node="1", shift_from_hour=22, shift_hours=8)
    begin, end = windows_s(crew, datetime(2022, 3, 26, 22, 0, tzinfo=UTC), ROME)[0]
    assert (end - begin) / 3600 == 7


def test_scale_of_the_drawing_is_found_from_the_pipes_or_given(net3: Network) -> None:
    found, given = ground(net3, Works()), ground(net3, Works(metres_per_unit=300.0, detour_factor=1.0, speed_km_per_h=36.0))
    assert "1 unit of the drawing is 224.6 m, the median of pipe length over drawn length" in found.assumed
    assert "300 m, as city.toml says" in given.assumed
    (x1, y1), (x2, y2) = given.place_m["20"], given.place_m["229"]
    assert given.way_s("20", "229") == pytest.approx(((x1 - x2) ** 2 + (y1 - y2) ** 2) ** 0.5 / 10)


def test_a_drawing_in_one_point_is_told(tmp_path: Path) -> None:
    path = tmp_path / "point.inp"
    path.write_text("[JUNCTIONS]\n A 0 1\n[RESERVOIRS]\n R 50\n[PIPES]\n p R A 100 200 100 0 Open\n[OPTIONS]\n Units CMH\n[END]\n")
    with pytest.raises(PenstockError, match="COORDINATES"):
        ground(Network.read(path), Works())


def test_turns_are_counted_or_three_per_inch_and_two(net3: Network) -> None:
    table = pd.DataFrame({"valve": ["a", "b"], "link": ["229", "229"], "node": ["207", "275"], "state": "open", "turns": [31.0, None]})
    table["node"] = net3.links.set_index("id").loc["229", ["start", "end"]].tolist()
    found = valves_of(net3, table, ["a", "b"])
    inches = net3.links.set_index("id").loc["229", "diameter_m"] / 0.0254
    assert found["a"].turns == 31
    assert found["b"].turns == pytest.approx(3 * inches + 2)


def test_a_large_main_is_shut_slowly() -> None:
    """2 m/s in a main of 1 m2, 3,000 m from its source: 61 s of throttling for 20 m, in the last 30 % of the stroke: 204 s."""
    valve = Valve("v", "n", 20.0, 1.0, 3000.0)
    assert valve.surge_s(7200.0, Works()) == pytest.approx(2 * 3000 * 2 / (9.81 * 20) / 0.3)
    assert valve.by_hand_s(Works(), 7200.0) == pytest.approx(180 + 203.87, abs=0.01)
    assert valve.by_hand_s(Works(), 100.0) == 180 + 80  # a trickle: 20 turns of 4 s


@pytest.mark.slow
def test_on_all_isolations_of_net3_the_program_is_never_worse_and_loses_less_on_half_of_them(net3: Network) -> None:
    """24 sets of two to five valves, all by hand, two crews, a burst of 150 m3/h: 2.6 % less water on the whole."""
    base = net3.junctions.set_index("id")["base_demand_m3_per_h"]
    customers, table = (25 * base[base > 0]).to_dict(), valves.strategic(net3)
    plans = {}
    for pipe in net3.pipes["id"]:
        plan = plan_isolation(net3, table, pipe, customers_per_node=customers)
        if plan.isolates and 2 <= len(plan.valves_to_close) <= 5:
            plans.setdefault(plan.valves_to_close, plan)
    found = []
    for names, plan in plans.items():
        running = {"10": 0, "335": 1}
        with Closing(net3, table, plan.pipe, 150.0, names, base.to_dict(), customers_per_node=customers, pump_running=running) as made:
            found.append(schedule(site(made)))
    assert len(found) == 24
    assert all(one.cost.weighed(0.1) <= one.greedy.weighed(0.1) + 1e-9 for one in found)
    assert sum(one.cost.water_m3 < one.greedy.water_m3 - 1e-6 for one in found) == 12
    saved = 1 - sum(one.cost.water_m3 for one in found) / sum(one.greedy.water_m3 for one in found)
    assert saved == pytest.approx(0.026, abs=0.003)


def test_a_crew_about_to_go_home_comes_in_its_next_shift(closing: Closing) -> None:
    """It is 03:00, the shift ends at 03:05: nothing can be turned in five minutes, so the crew is there at 20:00 again."""
    late = (Crew(id="late", node="20", shift_from_hour=20, shift_hours=7 + 5 / 60),)
    first = of(schedule(site(closing, crews=late)), "close")[0]
    assert first.start_s > 17 * 3600 + 600


def test_nodes_without_a_place_have_no_way(tmp_path: Path) -> None:
    """Nodes that the file does not place are read as 0, 0; they give no scale, and nobody drives there."""
    path = tmp_path / "some.inp"
    nodes, places = "[JUNCTIONS]\n A 0 1\n B 0 1\n C 0 1\n D 0 1\n[RESERVOIRS]\n R 50\n", "[COORDINATES]\n R 100 0\n A 200 0\n B 200 100\n"
    pipes = "[PIPES]\n p R A 500 200 100 0 Open\n q A B 500 200 100 0 Open\n r B C 500 200 100 0 Open\n s C D 500 200 100 0 Open\n"
    path.write_text(nodes + pipes + "[OPTIONS]\n Units CMH\n" + places + "[END]\n")
    made = ground(Network.read(path), Works(detour_factor=1.0, speed_km_per_h=36.0))
    assert made.way_s("A", "B") == pytest.approx(50.0)
    with pytest.raises(PenstockError, match="node C: no coordinates"):
        made.way_s("A", "C")
