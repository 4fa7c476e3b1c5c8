"""`penstock water import`: GIS layers, and an INP file where there is one, into one folder that city.toml can name."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from city.problems import fault
from city.spreadsheets import neutral_frame
from networks import gis, valves
from networks.checks import inspect
from networks.findings import Finding, table
from networks.gis import Imported
from networks.network import Network

_KINDS = (*gis.LINES, *gis.POINTS)
_ALSO = {"customers": "meters", "junctions": "nodes", "reservoirs": "sources", "tanks": "sources"}


@dataclass(frozen=True)
class Sources:
    """Files sorted by what they are: layers by kind, a model, a valve table in use."""

    layers: Mapping[str, list[Path]]
    model: Path | None
    valves: Path | None


def sort(files: Sequence[str]) -> Sources:
    """What each file is, from its name or from a word before it (`pipes=mains_2026.geojson`). Raises `PenstockError` when unclear."""
    layers: dict[str, list[Path]] = {}
    model = known = None
    for told in files:
        word, _, rest = told.rpartition("=")
        path = Path(rest)
        if path.suffix.lower() == ".inp":
            model = path
        elif path.suffix.lower() == ".csv":
            known = path
        else:
            stem = (word or path.stem).lower()
            kind = next((_ALSO.get(name, name) for name in (*_KINDS, *_ALSO) if name in stem), "")
            if not kind:
                raise fault(f"file {told}", "no kind of layer in its name", ", ".join(_KINDS), "Write KIND=FILE.")
            layers.setdefault(kind, []).append(path)
    if model is None and "pipes" not in layers:
        raise fault("files", "neither pipes nor an INP file", "pipes.geojson or network.inp", "Give the pipes.")
    return Sources(layers, model, known)


def bring(sources: Sources, name: str, fields: Mapping[str, str], coordinates: str, tolerance_m: float, reach_m: float) -> Imported:
    """Read everything and put it together. Raises `PenstockError` for files that are not what they should be."""
    if coordinates not in ("", "degrees", "metres"):
        raise fault(f"--coordinates {coordinates}", "unknown", "degrees or metres", "Project the layers to metres first.")
    layers = {
        kind: gis.merged(gis.read(path, kind, _fields(fields, kind), coordinates) for path in paths)
        for kind, paths in sources.layers.items()
    }
    network, found = inspect(sources.model) if sources.model else (None, list[Finding]())
    known = pd.read_csv(sources.valves, dtype=str, keep_default_na=False) if sources.valves else None
    if known is not None and not set(valves.PLACE) <= set(known):
        raise fault(f"file {sources.valves}", f"columns {', '.join(known)}", ", ".join(valves.PLACE), "Name the columns.")
    done = gis.bring_together(layers, name, model=network, known_valves=known, tolerance_m=tolerance_m, reach_m=reach_m)
    done.findings[:0] = found
    return done


def pairs(told: Sequence[str]) -> dict[str, str]:
    """`OURS=THEIRS` as a dictionary. Raises `PenstockError` for a word without `=`."""
    for word in told:
        if not all(word.partition("=")[::2]):
            raise fault(f"--field {word}", "no name on both sides of =", "OURS=THEIRS", "Write e.g. diameter_mm=NW.")
    return {ours: theirs for ours, _, theirs in (word.partition("=") for word in told)}


def _fields(fields: Mapping[str, str], kind: str) -> dict[str, str]:
    """`diameter_mm=NW` is for all layers, `pipes.diameter_mm=NW` for one."""
    return {name.rpartition(".")[2]: theirs for name, theirs in fields.items() if name.rpartition(".")[0] in ("", kind)}


def write(done: Imported, into: Path) -> list[str]:
    """Make the folder with everything in it, or nothing at all; returns the names of its files. Raises `PenstockError` when it exists."""
    if into.exists():
        raise fault(f"folder {into}", "exists already", "a new folder", "Give another name, or move it away.")
    if not into.parent.is_dir():
        raise fault(f"folder {into}", f"no folder {into.parent}", "a place that exists", "Make it first.")
    try:
        return _whole(done, into)
    except OSError as error:
        raise fault(f"folder {into}", error.strerror or str(error), "a place with room that can be written", "Free the disk.") from None


def _whole(done: Imported, into: Path) -> list[str]:
    half = Path(tempfile.mkdtemp(prefix=f".{into.name}-", dir=into.parent))
    try:
        neutral_frame(table(done.findings)).to_csv(half / "findings.csv", index=False, lineterminator="\n")
        if done.network is not None:
            done.network.write(half / "network.inp")
            (half / "water.toml").write_text("\n".join(settings(done, into.name)) + "\n", encoding="utf-8")
        if "valve" in done.valves:
            valves.write(done.valves, half / "valves.csv")
        for name in ("customers", "hydrants", "feeders"):
            frame = getattr(done, name)
            if len(frame):
                neutral_frame(frame).to_csv(half / f"{name}.csv", index=False, lineterminator="\n")
        half.chmod(0o750)
        half.rename(into)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    return sorted(path.name for path in into.iterdir())


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def settings(done: Imported, folder: str) -> list[str]:
    """The [water] lines of city.toml for a folder beside it."""
    told = ["[water]", f"network = {_quoted(f'{folder}/network.inp')}", f"valves = {_quoted(f'{folder}/valves.csv')}"]
    demand = done.customers["demand_m3_per_h"].sum() if len(done.customers) else 0.0
    if demand > 0:
        told.append(f"customers_per_m3_per_h = {done.customers['customers'].sum() / demand:.4g}")
    critical = done.customers[done.customers["critical"] != ""] if len(done.customers) else done.customers
    if len(critical):
        told += [
            "",
            "[water.critical]",
            *(f"{_quoted(row.node)} = {_quoted(row.critical)}" for row in critical.drop_duplicates("node").itertuples()),
        ]
    return told


def summary(done: Imported) -> list[str]:
    """What was made, in a few lines."""
    network: Network | None = done.network
    told = [f"network: {len(network.pipes)} pipes, {len(network.nodes)} nodes, {len(network.sources)} sources" if network else "no network"]
    for name in ("valves", "customers", "hydrants", "feeders"):
        frame = getattr(done, name)
        if len(frame):
            told.append(f"{name}: {len(frame)}")
    if done.error:
        told.append(f"degrees to metres on a plane: lengths right to {100 * done.error:.2g} %")
    return told
