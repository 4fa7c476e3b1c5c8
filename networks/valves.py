"""Isolation valves: their own table beside the network, because an EPANET model does not know them.

A valve sits on one end of a link and parts it from the node there. Table: valve, link, node, state (`open`, `closed`, `stuck`);
`stuck` is a valve that cannot be turned and lets water through.
"""

import random
from pathlib import Path

import numpy as np
import pandas as pd

from city.problems import PenstockError, Problem, fault
from networks.network import Network

COLUMNS = ["valve", "link", "node", "state"]
STATES = ("open", "closed", "stuck")


def strategic(network: Network, free: int = 2, seed: int = 1) -> pd.DataFrame:
    """A composed valve table where no survey exists: at each node all links but `free` get a valve, chosen by the seed.

    References: wntr 1.5 `generate_valve_layer(wn, 'strategic', free, seed)` (N-k placement), whose layer this is; all valves open.
    """
    import wntr

    state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 - wntr seeds the global generators; put them back
    try:
        layer = wntr.network.generate_valve_layer(network._model, "strategic", free, seed=seed)
    finally:
        np.random.set_state(state)  # noqa: NPY002
        random.setstate(python_state)
    width = max(3, len(str(len(layer))))
    table = layer.assign(valve=[f"v{i:0{width}d}" for i in range(len(layer))], state="open")
    return table[COLUMNS].astype(str)


def read(path: str | Path, network: Network) -> pd.DataFrame:
    """The valve table of a CSV with columns valve, link, node and (optional) state. Raises `PenstockError` with every fault found."""
    path = Path(path)
    if not path.is_file():
        raise fault(f"valve file {path}", "no such file", f"a CSV with columns {', '.join(COLUMNS)}", "Correct the path.")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [name for name in COLUMNS[:3] if name not in table]
    if missing:
        seen = f"no column {', '.join(missing)}"
        raise fault(f"valve file {path}", seen, f"columns {', '.join(COLUMNS)}", "Name the columns in the first line.")
    table = table if "state" in table else table.assign(state="open")
    return checked(table[COLUMNS], network, f"valve file {path}")


def write(table: pd.DataFrame, path: str | Path) -> None:
    """Write a valve table as CSV that `read` takes back."""
    table[COLUMNS].to_csv(path, index=False, lineterminator="\n")


def checked(table: pd.DataFrame, network: Network, subject: str = "valves") -> pd.DataFrame:
    """The table itself; raises `PenstockError` for double ids or places, unknown links and nodes, a node that is no end of its
    link, and unknown states, one problem per valve."""
    links = network.links
    ends = dict(zip(links["id"], zip(links["start"], links["end"], strict=True), strict=True))
    nodes = set(network.nodes["id"])
    problems = []
    double = table["valve"].duplicated() | table.duplicated(["link", "node"])
    for valve, link, node, state, repeated in zip(*(table[name] for name in COLUMNS), double, strict=True):
        where = f"{subject}, valve {valve}"
        if link not in ends:
            problems.append(Problem(where, f"link {link} is not in network {network.name}", "a link of it", "Correct the link."))
        elif node not in nodes:
            problems.append(Problem(where, f"node {node} is not in network {network.name}", "a node of it", "Correct the node."))
        elif node not in ends[str(link)]:
            allowed = " or ".join(ends[str(link)])
            problems.append(Problem(where, f"node {node} is no end of link {link}", f"node {allowed}", "Correct the node."))
        if state not in STATES:
            problems.append(Problem(where, f"state '{state}'", f"one of {', '.join(STATES)}", "Correct the state."))
        if repeated:
            problems.append(Problem(where, "the id or the place occurs twice", "each once", "Remove or rename one."))
    if problems:
        raise PenstockError(problems)
    return table.reset_index(drop=True)
