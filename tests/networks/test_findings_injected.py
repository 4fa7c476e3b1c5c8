"""Faults put into sound networks, one at a time: each is found with its id, and nothing else but what follows from it."""

import random
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import wntr

from networks.checks import check
from networks.findings import Finding
from networks.network import Network

FOLLOWS = {"pressure-negative", "velocity-absurd"}  # of a pipe that is too narrow or ground that is too high: true, and told as well
Fault = Callable[[Any, random.Random], tuple[str, ...]]


@cache
def sound(name: str) -> Network:
    return Network.named(name)


@cache
def before(name: str) -> frozenset[Finding]:
    return frozenset(check(sound(name)))


def after(name: str, fault: Fault, seed: int = 0, **known: float) -> tuple[tuple[str, ...], list[Finding]]:
    """The ids of what was made wrong, and the findings that were not there before."""
    model = sound(name).model()
    ids = fault(model, random.Random(seed))  # noqa: S311 - which pipe is no secret
    return ids, [finding for finding in check(Network(model, name), **known) if finding not in before(name)]


def a_pipe(attribute: str, times: float) -> Fault:
    def fault(model: Any, chance: random.Random) -> tuple[str, ...]:
        name = chance.choice([name for name, pipe in model.pipes() if pipe.length > 30 and 0.1 < pipe.diameter < 1.0])
        setattr(model.get_link(name), attribute, getattr(model.get_link(name), attribute) * times)
        return (name,)

    return fault


def high_ground(model: Any, chance: random.Random) -> tuple[str, ...]:
    near = {name: [model.get_link(link) for link in model.get_links_for_node(name)] for name, _ in model.junctions()}
    name = chance.choice([name for name, links in near.items() if all(link.link_type == "Pipe" and link.length < 500 for link in links)])
    model.get_node(name).elevation += 100
    return (name,)


def lonely_node(model: Any, _: random.Random) -> tuple[str, ...]:
    model.add_junction("lonely", elevation=10.0, coordinates=(0.0, 0.0))
    return ("lonely",)


def loose_part(model: Any, _: random.Random) -> tuple[str, ...]:
    for name in ("loose-a", "loose-b", "loose-c"):
        model.add_junction(name, elevation=10.0, coordinates=(0.0, 0.0))
    model.add_pipe("loose-1", "loose-a", "loose-b", length=100.0, diameter=0.2, roughness=120.0)
    model.add_pipe("loose-2", "loose-b", "loose-c", length=100.0, diameter=0.2, roughness=120.0)
    return ("loose-a", "loose-b", "loose-c")


def closed_end(model: Any, _: random.Random) -> tuple[str, ...]:
    ends = [name for name, _ in model.junctions() if len(model.get_links_for_node(name)) == 1]
    name = next(links[0] for links in map(model.get_links_for_node, ends) if model.get_link(links[0]).link_type == "Pipe")
    model.get_link(name).initial_status = wntr.network.LinkStatus.Closed
    return (name,)


def drawn_twice(model: Any, _: random.Random) -> tuple[str, ...]:
    pipe = next(pipe for _, pipe in model.pipes())
    ends = (pipe.end_node_name, pipe.start_node_name)
    model.add_pipe("again", *ends, length=pipe.length, diameter=pipe.diameter, roughness=pipe.roughness)
    return ("again",)


ONE = {
    "length-zero": a_pipe("length", 0.0),
    "length-absurd": a_pipe("length", 5000.0),
    "diameter-absurd": a_pipe("diameter", 25.4),
    "roughness-absurd": a_pipe("roughness", 1e-3),
    "elevation-odd": high_ground,
    "node-alone": lonely_node,
    "part-without-source": loose_part,
    "cut-off-by-closed": closed_end,
    "pipe-twice": drawn_twice,
}


@pytest.mark.parametrize("kind", ONE)
def test_a_fault_in_net3_is_found_with_its_id_and_nothing_else_is(kind: str) -> None:
    for seed in range(2):
        ids, found = after("Net3", ONE[kind], seed)
        assert (kind, ids) in [(finding.kind, finding.ids) for finding in found]
        assert {finding.kind for finding in found} - FOLLOWS == {kind}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("length-not-drawn", a_pipe("length", 3.28)),
        ("length-not-drawn", a_pipe("length", 0.3048)),
        ("diameter-absurd", a_pipe("diameter", 1 / 25.4)),
    ],
)
def test_on_a_drawing_to_scale_one_length_in_feet_stands_out(kind: str, fault: Fault) -> None:
    ids, found = after("ky4", fault)
    assert (kind, ids) in [(finding.kind, finding.ids) for finding in found]
    assert {finding.kind for finding in found} - FOLLOWS == {kind}


def every(kind: str, attribute: str, change: Callable[[float], float], formula: str | None = None) -> Fault:
    def fault(model: Any, _: random.Random) -> tuple[str, ...]:
        model.options.hydraulic.headloss = formula or model.options.hydraulic.headloss
        for _, item in getattr(model, kind)():
            setattr(item, attribute, change(getattr(item, attribute)))
        return ()

    return fault


def demand(times: float) -> Fault:
    def fault(model: Any, _: random.Random) -> tuple[str, ...]:
        model.options.hydraulic.demand_multiplier *= times
        return ()

    return fault


# In how many of Net1, Net2, Net3 and ky4 a wrong unit of the whole file is told.
UNITS = [
    ("diameter-unit", every("pipes", "diameter", lambda d: d * 25.4), 4),  # mm in a file of inches
    ("diameter-unit", every("pipes", "diameter", lambda d: d / 25.4), 4),  # inches in a file of mm
    ("roughness-unit", every("pipes", "roughness", lambda c: c / 1000, "D-W"), 4),  # Hazen-Williams C read as mm
    ("roughness-unit", every("pipes", "roughness", lambda _: 0.1, "H-W"), 4),  # mm read as C
    ("roughness-unit", every("pipes", "roughness", lambda c: c, "C-M"), 4),  # C read as Manning's n
    ("elevation-unit", every("junctions", "elevation", lambda z: z / 0.3048), 3),  # ground in feet, sources in metres
    ("demand-unit", demand(15.85), 3),  # gallons per minute read as litres per second
    ("demand-unit", demand(3.6), 0),  # litres per second for m3/h: pipes carry it, only a meter tells
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "fault", "of_four"), UNITS)
def test_a_wrong_unit_of_the_whole_file_is_told(kind: str, fault: Fault, of_four: int) -> None:
    told = [kind in {finding.kind for finding in after(name, fault)[1]} for name in ("Net1", "Net2", "Net3", "ky4")]
    assert sum(told) == of_four


@pytest.mark.parametrize("times", [3.6, 1 / 3.6, 15.85, 1 / 15.85, 24.0])
def test_a_meter_shows_every_wrong_unit_of_demand(times: float) -> None:
    real = sound("Net3").junctions["base_demand_m3_per_h"].sum()
    assert "demand-unit" in {finding.kind for finding in after("Net3", demand(times), inflow_m3_per_h=real)[1]}
    assert after("Net3", demand(1.0), inflow_m3_per_h=1.6 * real)[1] == []
