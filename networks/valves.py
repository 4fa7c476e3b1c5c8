"""Isolation valves: their own table beside the network, because an EPANET model does not know them.

A valve sits on one end of a link and parts it from the node there. Table: valve, link, node, state, turns [1] of the spindle from
open to shut (not-a-number when nobody counted), exercised (date last turned, not-a-time when nobody knows).
"""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from city.problems import PenstockError, Problem, fault
from networks.network import Network

COLUMNS = ["valve", "link", "node", "state", "turns", "exercised"]
PLACE = COLUMNS[:3]
STATES = ("open", "closed", "stuck", "unknown")
"""`stuck` (or missing in the street) cannot be turned and lets water through; `unknown` is taken for open but has to be looked at."""


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
    return checked(layer.assign(valve=[f"v{i:0{width}d}" for i in range(len(layer))]), network)


def read(path: str | Path, network: Network) -> pd.DataFrame:
    """The valve table of a CSV (columns) or a GeoJSON (points with properties): valve, link, node and, where known, state, turns,
    exercised. Raises `PenstockError` with every fault found."""
    return checked(_table(path), network, f"valve file {path}")


def salvaged(path: str | Path, network: Network) -> tuple[pd.DataFrame, list[Problem]]:
    """The valves of a file that nothing is wrong with, and what is wrong with the others. A valve left out is one that cannot be closed:
    plans get wider, never wrong. Raises `PenstockError` when the file is no table of valves."""
    table, subject = _table(path), f"valve file {path}"
    if any(name not in table for name in PLACE):
        return checked(table, network, subject), []
    problems = findings(table, network, subject)
    wrong = {problem.subject.rpartition(", valve ")[2] for problem in problems}
    return checked(table[~table["valve"].astype(str).isin(wrong)], network, subject), problems


def _table(path: str | Path) -> pd.DataFrame:
    path = Path(path)
    subject = f"valve file {path}"
    if not path.is_file():
        raise fault(subject, "no such file", f"a CSV or GeoJSON with {', '.join(COLUMNS)}", "Correct the path.")
    geojson = path.suffix.lower() in (".geojson", ".json")
    return _points(path, subject) if geojson else pd.read_csv(path, dtype=str, keep_default_na=False)


def write(table: pd.DataFrame, path: str | Path) -> None:
    """Write a valve table as CSV that `read` takes back."""
    table[COLUMNS].to_csv(path, index=False, lineterminator="\n")


def checked(table: pd.DataFrame, network: Network, subject: str = "valves") -> pd.DataFrame:
    """The table with all its columns in their types; raises `PenstockError` with what `findings` tells."""
    missing = [name for name in PLACE if name not in table]
    if missing:
        seen = f"no column {', '.join(missing)}"
        raise fault(subject, seen, f"columns {', '.join(COLUMNS)}", "Name the columns in the first line.")
    problems = findings(table, network, subject)
    if problems:
        raise PenstockError(problems)
    text = {name: table[name].astype(str) if name in table else "open" for name in COLUMNS[:4]}
    turns, exercised = _numbers(table, "turns"), _dates(table, "exercised")
    return pd.DataFrame({**text, "turns": turns, "exercised": exercised}).reset_index(drop=True)


def findings(table: pd.DataFrame, network: Network, subject: str = "valves") -> list[Problem]:
    """What is wrong with a table that has the columns valve, link, node: double ids or places, links and nodes the network lacks, a
    node that is no end of its link, unknown states, turns that are no positive number, dates that are none. One or more per valve."""
    links = network.links
    ends = dict(zip(links["id"], zip(links["start"], links["end"], strict=True), strict=True))
    nodes = set(network.nodes["id"])
    double = table["valve"].duplicated() | table.duplicated(["link", "node"])
    found = []
    for valve, link, node, repeated in zip(*(table[name].astype(str) for name in PLACE), double, strict=True):
        where = f"{subject}, valve {valve}"
        if link not in ends:
            found.append(Problem(where, f"link {link} is not in network {network.name}", "a link of it", "Correct the link."))
        elif node not in nodes:
            found.append(Problem(where, f"node {node} is not in network {network.name}", "a node of it", "Correct the node."))
        elif node not in ends[link]:
            allowed = " or ".join(ends[link])
            found.append(Problem(where, f"node {node} is no end of link {link}", f"node {allowed}", "Correct the node."))
        if repeated:
            found.append(Problem(where, "the id or the place occurs twice", "each once", "Remove or rename one."))
    return found + _wrong_values(table, subject)


def _wrong_values(table: pd.DataFrame, subject: str) -> list[Problem]:
    blank = pd.Series("", index=table.index)
    state = table["state"].astype(str) if "state" in table else pd.Series("open", index=table.index)
    turns, exercised = _numbers(table, "turns"), _dates(table, "exercised")
    wrong = {
        "state": (~state.isin(STATES), f"one of {', '.join(STATES)}"),
        "turns": (_given(table, "turns") & ~(turns > 0), "a number above 0, or nothing"),
        "exercised": (_given(table, "exercised") & exercised.isna(), "a date such as 2026-05-31, or nothing"),
    }
    return [
        Problem(f"{subject}, valve {valve}", f"{name} '{seen}'", allowed, "Correct it.")
        for name, (bad, allowed) in wrong.items()
        for valve, seen in zip(table.loc[bad, "valve"], table.get(name, blank)[bad], strict=True)
    ]


def _given(table: pd.DataFrame, name: str) -> pd.Series:
    column = table.get(name, pd.Series("", index=table.index))
    return column.notna() & (column.astype(str).str.strip() != "")


def _numbers(table: pd.DataFrame, name: str) -> pd.Series:
    column = table.get(name, pd.Series(np.nan, index=table.index))
    return pd.to_numeric(column, errors="coerce").astype(float)


def _dates(table: pd.DataFrame, name: str) -> pd.Series:
    column = table.get(name, pd.Series(pd.NaT, index=table.index))
    return pd.to_datetime(column, errors="coerce", format="%Y-%m-%d").astype("datetime64[s]")


def _points(path: Path, subject: str) -> pd.DataFrame:
    """The properties of the point features of a GeoJSON (RFC 7946), one row each; a feature's id serves where no `valve` is named."""
    remedy = "Export the valves as GeoJSON points with these properties."
    try:
        features: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["features"]
        rows = [{"valve": feature.get("id"), **(feature["properties"] or {})} for feature in features]
        kinds = [(feature["geometry"] or {}).get("type", "nothing") for feature in features]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise fault(subject, f"no GeoJSON ({error})", "a FeatureCollection of points", remedy) from None
    other = [Problem(f"{subject}, feature {i}", kind, "Point", remedy) for i, kind in enumerate(kinds) if kind != "Point"]
    if other:
        raise PenstockError(other)
    return pd.DataFrame(rows).dropna(axis=1, how="all")
