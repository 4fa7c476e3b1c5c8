"""Make `simbench_2016.parquet` from the SimBench wheel: `python -m demo.extract_simbench simbench-1.6.3-py3-none-any.whl`.

Only needed to remake the extract; the demo reads the file that is shipped. Get the wheel with `pip download --no-deps simbench`.

Reference: S. Meinecke et al., "SimBench - A Benchmark Dataset of Electric Power Systems to Compare Innovative Solutions Based on
Power Flow Analysis", Energies 13(12) 3290, 2020. Licence of the data: ODbL 1.0, see NOTICE.md.
"""

import argparse
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from city.problems import fault

FOLDER = "simbench/networks/1-complete_data-mixed-all-1-sw/"
ZONE = "Europe/Berlin"
SCALE = 10_000  # integers per unit of a column's own peak
OUT = Path(__file__).with_name("simbench_2016.parquet")

# Whole feeders (mv_*, lv_*), homes (H0), shops and services (G1, G3, G4), farms (L1, L2), one band load and one day-shift works.
LOADS = (
    "mv_urban mv_comm mv_semiurb mv_rural lv_urban6 lv_semiurb4 lv_rural1 H0-A H0-C G1-A G3-A G4-A L1-A L2-A BL-H WB-H G3-H".split()  # noqa: SIM905
)
SUNS_AND_WINDS = ("PV3", "PV5", "WP3", "WP9")
WEEK = 7 * 96


def clock_labels(steps: int) -> pd.DatetimeIndex:
    """The time axis of SimBench: a regular UTC grid whose first row is 2016-01-01 00:00 of the German clock."""
    return pd.date_range(pd.Timestamp("2016-01-01", tz=ZONE).tz_convert("UTC"), periods=steps, freq="15min", unit="us")


def read_wheel(wheel: Path) -> pd.DataFrame:
    """All profiles on their UTC grid, per unit. Raises `PenstockError` when the labels are not the German clock."""
    with zipfile.ZipFile(wheel) as archive:
        tables = [pd.read_csv(archive.open(f"{FOLDER}{name}.csv"), sep=";") for name in ("LoadProfile", "RESProfile")]
    times = clock_labels(len(tables[0]))
    labels = times.tz_convert(ZONE).strftime("%d.%m.%Y %H:%M")
    for table in tables:
        if not (labels == table["time"]).all():
            raise fault(f"wheel {wheel.name}", "time labels that skip", "a quarter-hour grid in the German clock", "Use simbench 1.6.3.")
    loads = tables[0].filter(regex="_pload$").rename(columns=lambda name: name.removesuffix("_pload"))
    clean = pd.concat([loads, tables[1].filter(regex="^(PV|WP)")], axis=1)
    return clean.clip(lower=0).set_index(times)


def charging(profiles: pd.DataFrame) -> NDArray[np.float64]:
    """A depot: every home and work charger weighted by its rating in kW, in eight copies moved by whole weeks, so weekdays stay."""
    names = [name for name in profiles if name.startswith(("HLS_", "APLS_")) and float(name.rsplit("_", 1)[1]) > 1]
    sum_kw = sum(profiles[name].to_numpy() * float(name.rsplit("_", 1)[1]) for name in names)
    return np.mean([np.roll(sum_kw, copy * WEEK) for copy in range(-4, 4)], axis=0)


def heating(profiles: pd.DataFrame) -> NDArray[np.float64]:
    """Many heat pumps: the eight air and soil pumps in 17 copies moved by up to two hours, because they do not start together."""
    sum_pu = profiles.filter(regex="^(Air|Soil)_").sum(axis=1).to_numpy()
    return np.mean([np.roll(sum_pu, copy) for copy in range(-8, 9)], axis=0)


def extract(wheel: Path, out: Path = OUT) -> Path:
    """Write the extract: `time_utc` (start of quarter) and uint16 columns of 1/10000 of the column's own peak."""
    profiles = read_wheel(wheel)
    chosen = profiles[[*LOADS, *SUNS_AND_WINDS]].assign(ev=charging(profiles), heat_pumps=heating(profiles))
    scaled = np.rint(chosen / chosen.max() * SCALE).astype("uint16").rename_axis("time_utc").reset_index()
    notice = {
        "licence": "ODbL 1.0, contents DbCL 1.0",
        "source": "SimBench 1.6.3, simbench.de; extract, see demo/NOTICE.md",
        "scale": str(SCALE),
    }
    table = pa.Table.from_pandas(scaled, preserve_index=False).replace_schema_metadata(notice)
    pq.write_table(
        table, out, compression="zstd", compression_level=19, use_dictionary=False, store_schema=False,
        column_encoding=dict.fromkeys(table.column_names, "DELTA_BINARY_PACKED"),
    )  # fmt: skip
    return out


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the SimBench extract of the demo city.")
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    made = extract(given.wheel, given.out)
    sys.stdout.write(f"{made}: {made.stat().st_size / 1e6:.2f} MB\n")
