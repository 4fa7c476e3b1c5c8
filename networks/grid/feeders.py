"""Published test feeders with their losses before and after reconfiguration."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from networks.grid.network import Network
from networks.grid.reading import as_network


@dataclass(frozen=True)
class Case:
    """A test feeder. Its switches are `s1`, `s2`, ... in branches `b1`, `b2`, ...; each bus but the source has the load of its number."""

    network: Network
    base_loss_kw: float
    best_open: frozenset[str]
    best_loss_kw: float
    best_vmin_pu: float


def read_cases(path: Path) -> dict[str, Case]:
    """{name: case} of a JSON file: kv, slack, bus, p_kw, q_kvar, branch [from, to, r ohm, x ohm, closed], base_loss_kw, best_open, ...

    References: M. E. Baran and F. F. Wu, IEEE Trans. Power Delivery 4(2), 1989 (33 buses); D. Zhang, Z. Fu and L. Zhang, Electric
    Power Systems Research 77, 2007 (118); J. R. S. Mantovani et al., SBA Controle & Automacao 11(3), 2000 (136).
    """
    return {name: _case(raw) for name, raw in json.loads(path.read_text(encoding="utf-8")).items()}


def _case(raw: dict[str, object]) -> Case:
    numbers = [str(bus) for bus in raw["bus"]]  # type: ignore[attr-defined]
    branch = pd.DataFrame(raw["branch"], columns=["from_bus", "to_bus", "r_ohm", "x_ohm", "closed"])
    ids = [str(number) for number in range(1, len(branch) + 1)]
    ends = branch[["from_bus", "to_bus"]].astype(int).astype("str")
    tables = {
        "buses": pd.DataFrame({"bus": numbers, "nominal_kv": raw["kv"]}),
        "lines": ends.assign(line=[f"b{number}" for number in ids], r_ohm=branch["r_ohm"], x_ohm=branch["x_ohm"], rating_a=np.nan),
        "switches": pd.DataFrame(
            {
                "switch": [f"s{number}" for number in ids],
                "branch": [f"b{number}" for number in ids],
                "bus": ends["from_bus"],
                "closed": branch["closed"].astype(bool),
                "kind": "load-break",
            }
        ),
        "sources": pd.DataFrame({"source": "grid", "bus": [str(bus) for bus in raw["slack"]]}),  # type: ignore[attr-defined]
        "loads": pd.DataFrame({"load": numbers, "bus": numbers, "p_kw": raw["p_kw"], "q_kvar": raw["q_kvar"]}),
    }
    best = frozenset(f"s{number}" for number in raw["best_open"])  # type: ignore[attr-defined]
    figures = (float(raw[name]) for name in ("base_loss_kw", "best_loss_kw", "best_vmin"))  # type: ignore[arg-type]
    base, loss, vmin = figures
    return Case(as_network(tables, "test feeder"), base, best, loss, vmin)
