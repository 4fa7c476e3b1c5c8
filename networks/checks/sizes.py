"""Numbers that cannot be, and numbers in another unit than the file says.

One pipe's number is judged by what pipes can be; a whole file's unit by medians, which a few wrong values do not move. The limits
are wide on purpose: of 19 published networks none is called wrong (`pytest tests/networks/test_findings_published.py`).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from networks.findings import Finding
from networks.network import Network

_LENGTH_M, _DIAMETER_M = (0.1, 50_000.0), (0.015, 4.0)
_MEDIAN_DIAMETER_M = (0.03, 2.0)  # inches read as mm give 0.004-0.02 m, mm read as inches 2.5-25 m
_DIAMETER_JUMP = 15.0  # times all neighbours: 25.4 is inches for mm
_ROUGHNESS = {"H-W": (20.0, 220.0), "D-W": (1e-7, 0.04), "C-M": (0.005, 0.1)}  # C [1]; height [m]; Manning's n [s/m^(1/3)]
_SCALE_SPREAD, _OFF_SCALE = (
    1.15,
    2.5,
)  # a drawing to scale: most pipes within 15 % of its scale; 2.5 times off is another unit or another pipe
_FEET = 1 / 0.3048
_STEEP, _HIGH_M = 0.15, 50.0


def findings(network: Network, *, metres_drawn: bool = False) -> Iterator[Finding]:
    """All kinds of `networks.kinds` on lengths, diameters, roughness, elevations and signs of demands.

    `metres_drawn`: the coordinates are metres on the ground (a network from GIS), so that lengths must equal the drawn ones.
    """
    pipes = measured(network)
    if len(pipes):
        yield from _zero(pipes)
        yield from _lengths(pipes[pipes["length_m"] > 0], network.name, metres_drawn)
        yield from _diameters(pipes[pipes["diameter_m"] > 0], network.name)
        yield from _roughness(pipes[pipes["roughness"] > 0], network.name, network.head_loss)
    yield from _elevations(network)
    for row in network.junctions.itertuples():
        if row.base_demand_m3_per_h < 0:
            yield Finding("demand-negative", (str(row.id),), f"{row.base_demand_m3_per_h:g} m3/h")


def measured(network: Network) -> pd.DataFrame:
    """Pipes with `roughness` (C [1], height [m] or n [s/m^(1/3)] by the file's formula) and `drawn`, their length on the drawing with
    bends [drawing units; nan where an end has no place]."""
    rows = []
    for _, pipe in network._model.pipes():
        points = np.array([pipe.start_node.coordinates, *pipe.vertices, pipe.end_node.coordinates], dtype=float)
        rows.append((pipe.roughness, float(np.hypot(*np.diff(points, axis=0).T).sum())))
    return network.pipes.assign(**pd.DataFrame(rows, columns=["roughness", "drawn"], dtype=float).to_dict("list"))


def _zero(pipes: pd.DataFrame) -> Iterator[Finding]:
    for column, kind, unit in (
        ("length_m", "length-zero", " m"),
        ("diameter_m", "diameter-zero", " m"),
        ("roughness", "roughness-zero", ""),
    ):
        for name, value in pipes.loc[~(pipes[column] > 0), ["id", column]].itertuples(index=False):
            yield Finding(kind, (name,), f"{column.partition('_')[0]} {value:g}{unit}")


def _outside(pipes: pd.DataFrame, column: str, limits: tuple[float, float], kind: str, unit: str) -> Iterator[Finding]:
    for name, value in pipes.loc[(pipes[column] < limits[0]) | (pipes[column] > limits[1]), ["id", column]].itertuples(index=False):
        yield Finding(kind, (name,), f"{column.partition('_')[0]} {value:g}{unit}")


def _lengths(pipes: pd.DataFrame, name: str, metres_drawn: bool) -> Iterator[Finding]:
    yield from _outside(pipes, "length_m", _LENGTH_M, "length-absurd", " m")
    drawn = pipes[(pipes["drawn"] > 0) & pipes["length_m"].between(*_LENGTH_M)]
    if len(drawn) < 5:
        return
    ratio = (drawn["length_m"] / drawn["drawn"]).to_numpy()
    scale = float(np.median(ratio))
    to_scale = np.mean(np.abs(np.log(ratio / scale)) < np.log(_SCALE_SPREAD)) >= 0.8
    if to_scale and metres_drawn and abs(np.log(scale)) > np.log(_OFF_SCALE):
        guess = ": feet for metres" if abs(scale / _FEET - 1) < 0.1 else ": metres for feet" if abs(scale * _FEET - 1) < 0.1 else ""
        yield Finding("length-unit", (name,), f"half of {len(drawn)} pipes are more than {scale:.3g} times as long as drawn{guess}")
    elif to_scale:
        for pipe, times, length in zip(drawn["id"], ratio / scale, drawn["length_m"], strict=True):
            if abs(np.log(times)) > np.log(_OFF_SCALE) and length > 1.0:
                yield Finding("length-not-drawn", (pipe,), f"{length:g} m, {times:.3g} times as long as drawn (other pipes: once)")


def _diameters(pipes: pd.DataFrame, name: str) -> Iterator[Finding]:
    middle = float(pipes["diameter_m"].median())
    if not _MEDIAN_DIAMETER_M[0] <= middle <= _MEDIAN_DIAMETER_M[1]:
        guess = "inches in a file of mm?" if middle < 1 else "mm in a file of inches?"
        yield Finding("diameter-unit", (name,), f"half of {len(pipes)} pipes are narrower than {1000 * middle:.4g} mm: {guess}")
        return
    absurd = list(_outside(pipes, "diameter_m", _DIAMETER_M, "diameter-absurd", " m"))
    yield from absurd
    told = {finding.ids[0] for finding in absurd}
    ends = pd.concat([pipes[["id", end, "diameter_m"]].set_axis(["id", "node", "size"], axis=1) for end in ("start", "end")])
    others = (
        ends.merge(ends, on="node", suffixes=("", "_near")).query("id != id_near").groupby("id")["size_near"].agg(["min", "max", "count"])
    )
    near = pipes.set_index("id").join(others, how="inner")
    jump = near[
        (near["count"] > 1) & ((near["diameter_m"] > _DIAMETER_JUMP * near["max"]) | (near["diameter_m"] < near["min"] / _DIAMETER_JUMP))
    ]
    for pipe, row in jump.iterrows():
        if pipe not in told:
            seen = f"{1000 * row['diameter_m']:.4g} mm where its neighbours have {1000 * row['min']:.4g} to {1000 * row['max']:.4g} mm"
            yield Finding("diameter-absurd", (str(pipe),), seen)


def _roughness(pipes: pd.DataFrame, name: str, formula: str) -> Iterator[Finding]:
    limits = _ROUGHNESS[formula]
    middle = float(pipes["roughness"].median())
    if limits[0] <= middle <= limits[1]:
        yield from _outside(pipes, "roughness", limits, "roughness-absurd", " m" if formula == "D-W" else "")
        return
    as_read = 1000 * middle if formula == "D-W" else middle
    likely = [
        other
        for other, (low, high) in _ROUGHNESS.items()
        if other != formula and low <= (as_read / 1000 if other == "D-W" else as_read) <= high
    ]
    guess = f": a value of {' or '.join(likely)}?" if likely else ""
    yield Finding("roughness-unit", (name,), f"median {as_read:g}{' mm' if formula == 'D-W' else ''} in a {formula} file{guess}")


def _elevations(network: Network) -> Iterator[Finding]:
    """A junction that every pipe leaves steeply: more than 50 m up or down, at more than 15 in 100."""
    z = network.nodes.set_index("id")["elevation_m"]
    pipes = network.pipes[network.pipes["length_m"] > 0]
    both = pd.concat(
        [pipes[["start", "end", "length_m"]], pipes[["end", "start", "length_m"]].set_axis(["start", "end", "length_m"], axis=1)]
    )
    both = both[both["end"].isin(network.junctions["id"])]  # a reservoir's number is a head, not ground
    rise = z[both["start"]].to_numpy() - z[both["end"]].to_numpy()
    steep = (np.abs(rise) > _HIGH_M) & (np.abs(rise) > _STEEP * both["length_m"].to_numpy())
    around = (
        pd.DataFrame({"node": both["start"].to_numpy(), "steep": steep, "rise": rise})
        .groupby("node")
        .agg(steep=("steep", "all"), rise=("rise", "median"), pipes=("rise", "size"))
    )
    ground = around[around["steep"] & around.index.isin(network.junctions["id"])]
    for name, row in ground.iterrows():
        neighbours = set(both.loc[both["start"] == name, "end"])
        if row["pipes"] > 1 or not neighbours & set(ground.index):
            yield Finding("elevation-odd", (str(name),), f"{z[name]:g} m, {row['rise']:+.0f} m against its neighbours")
