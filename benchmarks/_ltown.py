"""Folders of the L-TOWN form: two years of SCADA for the watch, and, for the scorer only, the true leaks.

A folder holds, per year, `{year}_pressures_m`, `{year}_flows_m3h`, `{year}_levels_m`, `{year}_amr_Lh_30min` and `{year}_leak_m3h` as
parquet; or the CSVs that BattLeDIM published, semicolons and decimal commas: `{year}_SCADA_Pressures.csv` and so on. The network
`L-TOWN.inp` and the tables `{year}_leaks.csv` lie in the folder or in `battledim_official` beside it. Times are taken as UTC.

References: Vrachimis, S. et al. (2022). Battle of the Leakage Detection and Isolation Methods. J. Water Resour. Plann. Manage. 148(12).
"""

from datetime import UTC, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks._leak_score import Truth, midpoint_metres
from city.causes import Cause
from city.frames import Block
from city.problems import fault
from city.quality import VALID, missing
from city.quantities import Quantity
from networks.leakage.scada import Scada, Sites
from networks.network import Network

HISTORY, EVALUATION = 2018, 2019
_OFFICIAL = {
    "pressures_m": "SCADA_Pressures",
    "flows_m3h": "SCADA_Flows",
    "levels_m": "SCADA_Levels",
    "amr_Lh_30min": "SCADA_Demands",
    "leak_m3h": "Leakages",
}
_ABRUPT_WITHIN = timedelta(hours=1)


def folders(place: Path) -> list[Path]:
    """The folder itself, or the folders of this form in it. Raises `PenstockError` when there is none."""
    every = [place, *sorted(place.glob("*/"))]
    found = [folder for folder in every if any(folder.glob(f"{EVALUATION}_*ressures*"))]
    if not found:
        raise fault(f"folder {place}", "no pressures of 2019 in it or one below", "a folder of the L-TOWN form", "Correct the path.")
    return found


def network(folder: Path) -> Network:
    """The nominal network: what the utility believes, not what is true."""
    return Network.read(_beside(folder, "L-TOWN.inp") or folder / "L-TOWN.inp")


def scada(folder: Path, year: int) -> Scada:
    """What the sensors said in one year. Raises `PenstockError` for a missing or unreadable file."""
    parts = {part: readings(folder, year, part) for part in _OFFICIAL if part != "leak_m3h"}
    consumed = parts["amr_Lh_30min"]
    hours = (consumed.index[1] - consumed.index[0]) / timedelta(hours=1)
    return Scada(
        pressure=_block(parts["pressures_m"], Quantity.PRESSURE_M),
        flow=_block(parts["flows_m3h"], Quantity.FLOW_M3_PER_H),
        level=_block(parts["levels_m"], Quantity.LEVEL_M),
        consumption=_block(consumed * (hours / 1000), Quantity.VOLUME_M3),
    )


def sites(told: Scada) -> Sites:
    """In this form every point bears the name of the node or link it sits at."""
    blocks = (told.pressure, told.flow, told.level, told.consumption)
    pressure, flow, level, consumption = ({name: name for name in block.ids} if block else {} for block in blocks)
    return Sites(pressure=pressure, flow=flow, level=level, consumption=consumption)


def readings(folder: Path, year: int, part: str) -> pd.DataFrame:
    """float[t, ids] of one file on its regular UTC grid, missing times and values as NaN, in the unit its name ends with."""
    parquet, csv = folder / f"{year}_{part}.parquet", folder / f"{year}_{_OFFICIAL[part]}.csv"
    if not parquet.exists() and not csv.exists():
        raise fault(f"folder {folder}", f"neither {parquet.name} nor {csv.name}", "one of them", "Complete the folder.")
    table = pd.read_parquet(parquet) if parquet.exists() else _official(csv)
    table.index = pd.to_datetime(table.index).tz_localize(UTC).as_unit("us")
    step = pd.Series(table.index).diff().min()
    return table[~table.index.duplicated()].asfreq(step)


def _official(csv: Path) -> pd.DataFrame:
    table = pd.read_csv(csv, sep=";", decimal=",", index_col=0, encoding="utf-8-sig")
    table.columns = table.columns.str.strip()
    wrong = [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    if wrong or table.empty:
        seen = f"column {wrong[0]} holds text" if wrong else "no columns"
        raise fault(f"file {csv.name}", seen, "semicolons between columns, decimal commas, time first", "Export it so.")
    return table


def _block(table: pd.DataFrame, quantity: Quantity) -> Block:
    values = table.to_numpy(np.float32).T
    quality = np.where(np.isfinite(values), VALID, missing(Cause.GAP)).astype(np.uint16)
    step = (table.index[1] - table.index[0]).to_pytimedelta()
    return Block(tuple(table.columns), table.index[0].to_pydatetime(), step, quantity, np.nan_to_num(values), quality)


def true_leaks(folder: Path, year: int) -> pd.DataFrame:
    """Only for a scorer: pipe, kind (abrupt, incipient), start_utc, end_utc (its last step) of every leak that ran in the year.

    From the folder's leak table; where there is none (the official CSVs) from the leak flow, whose first step above zero is the start.
    """
    table = _beside(folder, f"{year}_leaks.csv")
    if table is None:
        return _from_flow(readings(folder, year, "leak_m3h"))
    told = pd.read_csv(table)
    start, end = (pd.to_datetime(told[name]).dt.tz_localize(UTC) for name in ("startTime", "endTime"))
    return pd.DataFrame({"pipe": told["linkID"], "kind": told["leakType"], "start_utc": start, "end_utc": end})


def _from_flow(flow: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for pipe, column in flow.items():
        running = column.index[column > 0]
        if len(running):
            early = column[running[0] : running[0] + _ABRUPT_WITHIN].max()
            rows.append((pipe, "abrupt" if early > column.max() / 2 else "incipient", running[0], running[-1]))
    return pd.DataFrame(rows, columns=["pipe", "kind", "start_utc", "end_utc"])


def true_leak_flow(folder: Path, year: int) -> pd.DataFrame:
    """Only for a scorer: float[t, pipes] [m3/h], zero before a leak's start and from the second step after its end.

    In L-TOWN-R's 2018 the recorded flow of a repaired leak stays at its last value; the leak table says when it ended.
    """
    flow, leaks = readings(folder, year, "leak_m3h"), true_leaks(folder, year)
    runs = pd.DataFrame(False, flow.index, flow.columns)
    for leak in leaks.itertuples():
        runs.loc[leak.start_utc : leak.end_utc + flow.index.freq, leak.pipe] = True
    return flow.where(runs, 0.0)


def truth(folder: Path, year: int = EVALUATION) -> Truth:
    """Only for a scorer: what a year's reports are judged by."""
    leaks = true_leaks(folder, year)
    return Truth(leaks, true_leak_flow(folder, year), midpoint_metres(network(folder), leaks["pipe"]))


def _beside(folder: Path, name: str) -> Path | None:
    return next((place / name for place in (folder, folder.parent / "battledim_official") if (place / name).exists()), None)
