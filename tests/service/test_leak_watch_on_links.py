"""A city whose flow meters stand on links has the model's watch: burst to case through passes that each start anew."""

import json
import zlib
from datetime import timedelta
from pathlib import Path

import pytest

from networks.leakage.place import Distances
from service import schema as t
from service.environment import Environment
from service.leakage import choice, passing
from service.store import open_store, results
from service.water import required
from tests.networks.leakage_city import START, network
from tests.service import link_meter_city as lm

pytestmark = pytest.mark.slow
BEFORE, AFTER = START + timedelta(days=37), lm.BURST_UTC + timedelta(hours=30)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return lm.measured(tmp_path_factory.mktemp("true"), 39)


@pytest.fixture(scope="module", params=[False, True], ids=["inflow", "customers"])
def passes(request, told, tmp_path_factory) -> tuple[Environment, list[str]]:
    """The city's history, a pass before the burst and one after it; each pass knows only the store."""
    env = lm.build(tmp_path_factory.mktemp("grid"), customers=request.param)
    city, engine = lm.loaded(env)
    lm.store(engine, city, told)
    lm.arrive(engine, city, told, START + timedelta(days=lm.LIVE_DAY, hours=-1), BEFORE)
    state, said = passing.make(env, BEFORE)
    assert state == "done", said
    lm.arrive(engine, city, told, BEFORE, AFTER)
    return env, said + passing.make(env, AFTER)[1]


def _cases(env: Environment) -> list:
    return results.rows(open_store(env.url), t.leak_case)


def test_the_pass_says_which_watch_looked(passes):
    env, said = passes
    assert "0 bursts and 0 slow leaks open" in said[0]
    with_customers = " and 20 meters of customers" if required(lm.loaded(env)[0]).customer_meters else ""
    assert said[0].endswith(f"looked for with the network model, by 1 flow meter on links{with_customers}")


def test_a_burst_becomes_one_case_at_its_pipe_or_next_to_it(passes):
    env, _ = passes
    (case,) = _cases(env)
    # What customers read makes the size exact and the start too, but leaves more pipes in question: no crew is sent for those yet.
    assert (case.state, case.kind) == ("suspected" if required(lm.loaded(env)[0]).customer_meters else "open", "burst")
    net = network(env.folder)
    pipes = list(net.pipes["id"])
    assert Distances(net).of([pipes.index(lm.BURST_PIPE)])[0, pipes.index(case.pipe)] <= 300
    assert case.flow_m3_per_h == pytest.approx(lm.BURST_M3_PER_H, abs=2.0)
    assert abs(case.start_utc - lm.BURST_UTC) <= timedelta(hours=3)
    assert case.zone_id == ""
    assert not any("is closed" in line for line in passes[1])
    assert case.case_id.startswith("leak-202602")


@pytest.mark.parametrize("passes", [False], indirect=True, ids=["inflow"])
def test_its_isolation_cuts_the_pipe_off_with_the_demand_of_the_area(passes):
    env, _ = passes
    (case,) = _cases(env)
    (plan,) = results.rows(open_store(env.url), t.isolation)
    assert (plan.case_id, plan.pipe) == (case.case_id, case.pipe)
    assert 0 <= plan.demand_m3_per_h < 20 * 3.6 * 1.6  # the whole city's busiest half hour


@pytest.mark.parametrize("passes", [False], indirect=True, ids=["inflow"])
def test_a_second_pass_doubles_nothing(passes):
    env, _ = passes
    before = _cases(env)
    passing.make(env, AFTER)
    passing.make(env, AFTER + timedelta(minutes=10))
    after = _cases(env)
    assert [(row.case_id, row.leak_id, row.pipe, row.start_utc) for row in after] == [
        (row.case_id, row.leak_id, row.pipe, row.start_utc) for row in before
    ]
    assert len(results.rows(open_store(env.url), t.isolation)) == 1
    (row,) = results.rows(open_store(env.url), t.leak_watch)
    assert json.loads(zlib.decompress(row.state))["kind"] == "model"


def _line(name: str, model: str, role: str, more: str) -> str:
    return f'{{ id = "{name}", site = "here", model = "{model}", commodity = "water", role = "{role}", step_s = 1800, {more} }},\n'


def test_metered_districts_come_first_and_another_kind_is_another_watch(tmp_path: Path):
    env = lm.build(tmp_path, customers=False)
    side = required(lm.loaded(env)[0])
    inflow = _line("old", "water-meter", "load", 'zone = "old"')
    told = (tmp_path / "city.toml").read_text().replace("meters = [\n", f'zones = [{{ id = "old", kind = "dma" }}]\nmeters = [\n{inflow}')
    (tmp_path / "city.toml").write_text(told)
    other = required(lm.loaded(Environment(city=env.city, home=env.home))[0])
    assert [choice.kind(side), choice.kind(other)] == ["model", "districts"]
    assert choice.told(other) == "looked for in the inflow of 1 district"


def test_a_pipe_that_is_shut_is_told_beside_the_leak_it_looks_like(tmp_path: Path):
    env = lm.build(tmp_path, customers=False)
    city, engine = lm.loaded(env)
    told = lm.measured(tmp_path, 39, shut="e12")
    lm.store(engine, city, told)
    lm.arrive(engine, city, told, START + timedelta(days=lm.LIVE_DAY, hours=-1), BEFORE)
    passing.make(env, BEFORE)
    lm.arrive(engine, city, told, BEFORE, AFTER)
    _, said = passing.make(env, AFTER)
    assert any("e12 is closed, and no leak" in line for line in said)
