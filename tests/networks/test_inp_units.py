"""An INP of any flow unit and head-loss formula gives the same tables and heads as EPANET itself reading that very file."""

from pathlib import Path

import numpy as np
import pytest
from wntr.epanet.toolkit import ENepanet

from networks import engine as en
from networks.network import Network

M3_PER_H = {  # one flow unit of EPANET in m3/h: US gallon 3.785411784 L, imperial gallon 4.54609 L, acre-foot 43,560 ft3, foot 0.3048 m
    "CFS": 0.3048**3 * 3600,
    "GPM": 3.785411784e-3 * 60,
    "MGD": 3785.411784 / 24,
    "IMGD": 4546.09 / 24,
    "AFD": 43560 * 0.3048**3 / 24,
    "LPS": 3.6,
    "LPM": 0.06,
    "MLD": 1000 / 24,
    "CMH": 1.0,
    "CMD": 1 / 24,
}
US = ("CFS", "GPM", "MGD", "IMGD", "AFD")
ROUGHNESS = {"H-W": (110.0, 110.0), "D-W": (0.85, 0.26), "C-M": (0.012, 0.012)}  # in a US file (D-W in millifeet), in an SI file (mm)


def inp(unit: str, formula: str, pressure_in: str = "") -> str:
    """A reservoir, a pump, a valve, a tank and two junctions, about the same size in every unit."""
    metre, size = (1 / 0.3048, 1 / 25.4) if unit in US else (1.0, 1.0)
    flow, pressure = 1 / M3_PER_H[unit], (1.4219702 if unit in US else 1.0)  # psi of a metre
    if pressure_in == "KPA" and unit not in US:
        pressure = 9.802
    rough = ROUGHNESS[formula][unit not in US]
    return f"""
[JUNCTIONS]
 A {10 * metre} {36 * flow}
 B {12 * metre} {18 * flow}
 C {11 * metre} {5 * flow}
[RESERVOIRS]
 R {20 * metre}
[TANKS]
 T {52 * metre} {3 * metre} {1 * metre} {5 * metre} {12 * metre} 0
[PIPES]
 P1 A B {800 * metre} {250 * size} {rough} 0 Open
 P2 B T {300 * metre} {200 * size} {rough} 1.5 Open
[PUMPS]
 U R A HEAD 1
[VALVES]
 V B C {100 * size} PRV {25 * pressure} 0
[EMITTERS]
 C {0.4 * flow / pressure**0.5}
[CURVES]
 1 {80 * flow} {40 * metre}
[OPTIONS]
 Units {unit}
 Headloss {formula}
 {f"Pressure {pressure_in}" if pressure_in else ""}
 Accuracy 0.00001
[TIMES]
 Duration 0
[COORDINATES]
 A 0 0
 B 800 0
 C 800 10
 R 0 50
 T 1100 0
[END]
"""


class Epanet:
    """EPANET's own reading of a file, in the file's own units: nothing of ours and nothing of wntr's reader in between."""

    def __init__(self, path: Path) -> None:
        self.api = ENepanet(version=2.2)
        self.api.ENopen(str(path), str(path.with_suffix(".rpt")), str(path.with_suffix(".bin")))
        self.api.ENopenH()
        self.api.ENinitH(0)
        self.api.ENrunH()

    def node(self, name: str, code: int) -> float:
        return float(self.api.ENgetnodevalue(self.api.ENgetnodeindex(name), code))

    def link(self, name: str, code: int) -> float:
        return float(self.api.ENgetlinkvalue(self.api.ENgetlinkindex(name), code))

    def close(self) -> None:
        self.api.ENcloseH()
        self.api.ENclose()


CASES = [(unit, formula, "") for unit in M3_PER_H for formula in ROUGHNESS]


@pytest.mark.parametrize(
    ("unit", "formula", "pressure_in"), [*CASES, ("LPS", "H-W", "KPA"), ("CMD", "D-W", "METERS"), ("GPM", "H-W", "KPA")]
)
def test_tables_and_heads_are_epanets_own(unit: str, formula: str, pressure_in: str, tmp_path: Path) -> None:
    path = tmp_path / "units.inp"
    path.write_text(inp(unit, formula, pressure_in))
    metre, size, flow = (0.3048, 0.0254, M3_PER_H[unit]) if unit in US else (1.0, 1e-3, M3_PER_H[unit])
    network = Network.read(path)
    own = Epanet(path)
    for row in network.nodes.itertuples():
        assert row.elevation_m == pytest.approx(own.node(row.id, 0) * metre, rel=1e-5)
    for row in network.junctions.itertuples():
        assert row.base_demand_m3_per_h == pytest.approx(own.node(row.id, 1) * flow, rel=1e-4)
    for row in network.pipes.itertuples():
        assert (row.length_m, row.diameter_m) == pytest.approx((own.link(row.id, 1) * metre, own.link(row.id, 0) * size), rel=1e-5)
    heads = {name: own.node(name, 10) * metre for name in ("A", "B", "C")}
    flows = {name: own.link(name, 8) * flow for name in ("P1", "P2", "U", "V")}
    own.close()
    model = network.prepared()
    model.get_node("C").emitter_coefficient = network._model.get_node("C").emitter_coefficient
    with en.Engine(model) as engine:
        engine.start()
        engine.solve()
        found = engine.nodes(engine.node_index(heads), 10)
        through = engine.links(engine.link_index(flows), en.FLOW)
    np.testing.assert_allclose(found, list(heads.values()), atol=0.01)
    np.testing.assert_allclose(through, list(flows.values()), rtol=2e-3, atol=0.01)
