"""What `benchmarks sky` measures on: series that follow sun, wind, season or sessions, and the questions asked of them."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from benchmarks import data_folder
from forecasting import sun
from forecasting.calendars import SUN, Calendar
from forecasting.models.task import ForecastSettings, Task

ORIGINS, TUNING_ORIGINS, HISTORY_DAYS, HOURS = 56, 28, 400, 48
GERMANY = Calendar(time_zone="Europe/Berlin", country="DE")
CANADA = Calendar(time_zone="America/Vancouver", country="CA", subdivision="BC")
MIDDLE_OF_GERMANY = (51.2, 10.3)
"""SimBench does not say where its plants are [deg]."""
WINDOWS = {"winter": None, "summer": pd.Timestamp("2016-09-01", tz="UTC")}
"""End of the data; None: as far as they go."""
HOMES = ("H0-A", "H0-C", "G1-A", "G3-A", "G4-A", "L1-A", "L2-A", "lv_rural1")
PV_PEAK = 1.5
"""Peak of a composed net load's PV over that of its load [1]."""


@dataclass(frozen=True)
class Case:
    """Series of one group on one step, and the rung that answers them."""

    name: str
    group: str
    rung: str
    values: pd.DataFrame  # index UTC, regular
    calendar: Calendar
    windows: tuple[str, ...] = ("winter", "summer")


def cases() -> list[Case]:
    """The seven cases. SimBench's clock is the German one: the hour it skips is missing, of the hour it repeats the mean counts once."""
    table = pd.read_parquet(data_folder("load") / "simbench_profiles_hourly_pu.parquet").set_index("ds")
    table.index = table.index.tz_localize("Europe/Berlin", ambiguous=np.ones(len(table), bool), nonexistent="NaT")
    table = table[table.index.notna()].tz_convert("UTC").asfreq("h")
    kw = {name: float(name.rsplit("_", 1)[1]) for name in table if name.startswith(("HLS_", "APLS_"))}
    fleets = {
        "at home": sum(table[name] * rating for name, rating in kw.items() if name.startswith("HLS_")),
        "at work": sum(table[name] * rating for name, rating in kw.items() if name.startswith("APLS_") and rating > 1),
    }
    net = {
        home: table[home] - PV_PEAK * table[home].max() * table[f"RES_PV{k}"] / table[f"RES_PV{k}"].max() for k, home in enumerate(HOMES, 1)
    }
    quarters = pd.read_parquet(data_folder("grid") / "simbench" / "RESProfile.parquet")
    quarters.index = pd.date_range("2015-12-31T23:00", periods=len(quarters), freq="15min", tz="UTC")
    gas = pd.read_parquet(data_folder("meters") / "ampds2_water_gas_1min.parquet")["gas_dm3"].resample("h").sum()
    return [
        Case("pv", "pv", "solar", table.filter(regex="^RES_PV"), SUN),
        Case("pv, quarter hours", "pv", "solar", quarters.filter(regex="^PV"), SUN),
        Case("wind", "wind", "wind", table.filter(regex="^RES_WP").clip(lower=0), SUN),
        Case("heat pumps", "heat", "usage", table.filter(regex="^(Air|Soil)_"), GERMANY),
        Case("charging", "ev", "usage", pd.DataFrame(fleets), GERMANY),
        Case("net load", "net", "usage", pd.DataFrame(net), GERMANY),
        Case("gas", "gas", "usage", gas.to_frame(), CANADA, ("winter",)),
    ]


def ask(case: Case, window: str, stage: str, settings: ForecastSettings, hour: int = 0, count: int = ORIGINS) -> Task:
    """The last 56 daily origins at that hour [UTC for sun and wind, else local] with 48 h inside the data; to tune, the 28 whose targets
    end before the first of them. At most 400 days before the first origin are history.
    """
    frame = case.values[: WINDOWS[window]]
    step = (frame.index[1] - frame.index[0]).to_pytimedelta()
    steps = int(timedelta(hours=HOURS) / step)
    grid = case.calendar.grid(frame.index[0].to_pydatetime(), step, len(frame))
    daily = grid.daily_columns(hour * grid.slots // 24).astype(np.int64)
    daily = daily[(daily >= 0) & (daily <= len(frame) - steps)]
    origins = daily[-ORIGINS:]
    if stage == "tune":
        origins = daily[daily <= origins[0] - steps][-TUNING_ORIGINS:]
    origins = origins[-count:]
    begin = max(0, int(origins[0]) - HISTORY_DAYS * grid.slots)
    frame = frame.iloc[begin : int(origins[-1]) + steps]
    start = frame.index[0].to_pydatetime()
    grid = case.calendar.grid(start, step, len(frame))
    there = None
    if case.group in ("pv", "net"):
        there = sun.sun(np.tile(MIDDLE_OF_GERMANY, (frame.shape[1], 1)), start, step, len(frame))
    values, origins = frame.to_numpy(np.float32).T, origins - begin
    return Task(values, grid, origins, steps, int(origins[0]), settings, sun=there, start_utc=start)
