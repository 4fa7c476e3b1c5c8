"""Small networks for restoration: one to follow by hand, and any that hypothesis draws."""

import pandas as pd
from hypothesis import strategies as st

from networks.grid.network import Network
from networks.grid.reading import as_network

# S --s1-- A --s2---s2b-- B --s3-- C --t-- D --s4-- T      s1, s4 breakers; t open; ab has a switch at both ends
LINES = [("sa", "S", "A"), ("ab", "A", "B"), ("bc", "B", "C"), ("cd", "C", "D"), ("td", "T", "D")]
SWITCHES = [
    ("s1", "sa", "S", True, "breaker"),
    ("s2", "ab", "A", True, "load-break"),
    ("s2b", "ab", "B", True, "load-break"),
    ("s3", "bc", "B", True, "load-break"),
    ("t", "cd", "C", False, "load-break"),
    ("s4", "td", "T", True, "breaker"),
]
LOADS = {"A": (100.0, 10), "B": (50.0, 5), "C": (100.0, 10), "D": (100.0, 20)}


def network_of(lines: list, switches: list, loads: dict, sources: list, *, kv: float = 10.0, r_ohm: float = 0.1) -> Network:
    """lines: (name, from, to[, rating A]); switches: (name, line, bus, closed, kind); loads: bus -> (kW, customers)."""
    buses = sorted({bus for line in lines for bus in line[1:3]} | set(sources))
    tables = {
        "buses": pd.DataFrame({"bus": buses, "nominal_kv": kv}),
        "lines": pd.DataFrame(
            [(*line[:3], r_ohm, r_ohm, line[3] if len(line) > 3 else float("nan")) for line in lines],
            columns=["line", "from_bus", "to_bus", "r_ohm", "x_ohm", "rating_a"],
        ),
        "switches": pd.DataFrame(switches, columns=["switch", "branch", "bus", "closed", "kind"]),
        "sources": pd.DataFrame({"source": sources, "bus": sources}),
        "loads": pd.DataFrame(
            [(bus, bus, kw, customers) for bus, (kw, customers) in loads.items()], columns=["load", "bus", "p_kw", "customers"]
        ),
    }
    return as_network(tables, "small grid")


def small(rating_a: float = float("nan"), **changed: tuple[float, int]) -> Network:
    """The network to follow by hand; `rating_a` of line td [A], which carries what T feeds."""
    lines = [(*line, rating_a) if line[0] == "td" else line for line in LINES]
    return network_of(lines, SWITCHES, LOADS | changed, ["S", "T"])


@st.composite
def any_grid(draw: st.DrawFn) -> tuple[Network, str]:
    """A radial network of five to seven buses with two sources, one or two open lines, and the line with the fault."""
    count = draw(st.integers(5, 7))
    names = [f"n{i}" for i in range(count)]
    parents = [draw(st.integers(max(i - 3, 0), i - 1)) for i in range(2, count)]
    tree = [(f"l{i}", names[parent], names[i]) for i, parent in zip(range(2, count), parents, strict=True)]
    joined = {frozenset(line[1:]) for line in tree}
    free = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if frozenset((a, b)) not in joined and {a, b} != {"n0", "n1"}]
    ties = draw(st.lists(st.sampled_from(free), min_size=1, max_size=2, unique=True))
    rating = st.sampled_from([float("nan"), 8.0, 12.0, 18.0, 30.0])
    lines = [(*line, draw(rating)) for line in tree] + [(f"t{i}", a, b, draw(rating)) for i, (a, b) in enumerate(ties)]
    switches = [(f"s{line[0]}", line[0], draw(st.sampled_from(line[1:3])), not line[0].startswith("t"), "load-break") for line in lines]
    loads = {name: (float(draw(st.integers(1, 9)) * 20), draw(st.integers(0, 30))) for name in names[2:]}
    return network_of(lines, switches, loads, ["n0", "n1"], r_ohm=draw(st.sampled_from([0.1, 8.0]))), draw(st.sampled_from(tree))[0]
