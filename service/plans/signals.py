"""Price and carbon intensity of every step: from a file of the day where there is one, else from tariff and yearly factor.

Day-ahead prices end with tomorrow and a plan looks further; what stands in for what the file lacks is told in a sentence.
"""

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carbon import factors
from carbon.accounts import GRID
from city.clock import local, local_date
from city.problems import fault
from service.settings import LoadedCity, path_of

Series = NDArray[np.float64]
Told = tuple[Series, list[str]]


def import_price(city: LoadedCity, times: pd.DatetimeIndex, known_utc: datetime) -> Told:
    """float64[t] import price [currency/kWh] and sentences; NaN where neither file nor band has one, which the coverage check names."""
    tariff, zone = city.settings.tariff, city.settings.city.time_zone
    if tariff is None:
        raise fault(f"{city.environment.city_file}: tariff", "missing", "a [tariff] table", "Add the electricity tariff.")
    bands = tariff.import_price(times, zone)
    return _completed(city, tariff.price_file, "import_price_per_kwh", times, known_utc, bands, "the bands of the tariff hold there")


def export_price(city: LoadedCity, times: pd.DatetimeIndex, known_utc: datetime) -> Told:
    """float64[t] price paid for exports [currency/kWh] and sentences; a price file may leave the column out."""
    tariff = city.settings.tariff
    usual = np.full(len(times), tariff.export_price_per_kwh if tariff else 0.0)
    name = tariff.price_file if tariff else None
    if name is None or "export_price_per_kwh" not in _table(city, name).columns:
        return usual, []
    return _completed(city, name, "export_price_per_kwh", times, known_utc, usual, "export_price_per_kwh of the tariff holds there")


def intensity(city: LoadedCity, times: pd.DatetimeIndex, known_utc: datetime | None = None) -> Told:
    """float64[t] location-based intensity [kg CO2e/kWh] and sentences: hourly from a file, else the region's factor of the year."""
    known = factors.load(city.factor_folders)
    on = local_date(times[0].to_pydatetime(), city.settings.city.time_zone)
    region, later = city.settings.city.region, city.settings.carbon.provisional
    chosen = factors.choose(known, activity=GRID, region=region, on=on, unit="kgCO2/kWh", provisional=later)
    yearly = np.full(len(times), float(chosen.factor.value))
    name = city.settings.tariff.intensity_file if city.settings.tariff else None
    instead = f"the yearly factor {chosen.factor.id} holds there"
    values, told = _completed(city, name, "kg_co2e_per_kwh", times, known_utc, yearly, instead)
    return values, [*told, *([chosen.note] if chosen.provisional else [])]


def marginal(city: LoadedCity, times: pd.DatetimeIndex) -> Series:
    """float64[t] intensity of the plants that answer a change of use [kg CO2e/kWh]; NaN where its file has nothing.

    An average factor never stands in: it says what a kWh weighs in an inventory, not what one less would have avoided. Raises
    `PenstockError` without `[carbon] marginal_file`.
    """
    name = city.settings.carbon.marginal_file
    if name is None:
        remedy = "Name a CSV of the grid operator's marginal intensity; average factors are for inventories only."
        raise fault("avoided emissions", "no [carbon] marginal_file", "time_utc and kg_co2e_per_kwh of the marginal plants", remedy)
    table = _table(city, name)
    if "kg_co2e_per_kwh" not in table.columns:
        raise fault(f"file {name}", "no column kg_co2e_per_kwh", "time_utc and kg_co2e_per_kwh", "Name the column so.")
    return _on_grid(table.drop_duplicates("time_utc", keep="last").set_index("time_utc")["kg_co2e_per_kwh"].sort_index(), times)


def _completed(
    city: LoadedCity, name: str | None, column: str, times: pd.DatetimeIndex, known_utc: datetime | None, usual: Series, instead: str
) -> Told:
    """The file's values where it has them, `usual` elsewhere, and a sentence for the span it lacks."""
    if name is None:
        return usual, []
    table = _table(city, name)
    if column not in table.columns:
        raise fault(f"file {name}", f"no column {column}", f"time_utc and {column}", "Name the column so.")
    if known_utc is not None and "available_utc" in table.columns:
        table = table[table["available_utc"] <= known_utc]
    table = table.sort_values("available_utc", kind="stable") if "available_utc" in table.columns else table
    row = table.drop_duplicates("time_utc", keep="last").set_index("time_utc")[column].sort_index()
    found = _on_grid(row, times)
    lacking = np.isnan(found)
    return np.where(lacking, usual, found), _lacking(name, times, lacking, instead, city.settings.city.time_zone)


def _on_grid(row: pd.Series, times: pd.DatetimeIndex) -> Series:
    """A value holds until the next one, at most for the file's own step, which is its shortest."""
    if row.empty:
        return np.full(len(times), np.nan)
    step = row.index.to_series().diff().min() if len(row) > 1 else pd.Timedelta(hours=1)
    at = row.index.searchsorted(times, side="right") - 1
    since = times - row.index[np.maximum(at, 0)]
    return np.where((at >= 0) & (since < step), row.to_numpy(dtype=float)[np.maximum(at, 0)], np.nan)


def _lacking(name: str, times: pd.DatetimeIndex, lacking: NDArray[np.bool_], instead: str, zone: str) -> list[str]:
    if not lacking.any():
        return []
    wall, at = local(times, zone), np.flatnonzero(lacking)
    return [f"{name} has nothing for {lacking.sum()} of {len(times)} steps from {wall[at[0]]:%Y-%m-%d %H:%M} on; {instead}."]


def _table(city: LoadedCity, name: str) -> pd.DataFrame:
    """A CSV of the data folder with UTC times. Raises `PenstockError` for a file that is not there, no time column or no time in it."""
    path: Path = path_of(city.folder, name)
    try:
        table = pd.read_csv(path)
        for column in {"time_utc", "available_utc"} & set(table.columns):
            table[column] = pd.to_datetime(table[column], utc=True).astype("datetime64[us, UTC]")
        for column in {"import_price_per_kwh", "export_price_per_kwh", "kg_co2e_per_kwh"} & set(table.columns):
            table[column] = pd.to_numeric(table[column])
    except FileNotFoundError:
        raise fault(f"file {name}", "not in the data folder", str(path), "Put it there, or remove its key from [tariff].") from None
    except (ValueError, pd.errors.ParserError) as error:
        raise fault(f"file {name}", str(error).splitlines()[0], "a CSV with UTC times and numbers", "Correct the file.") from error
    if "time_utc" not in table.columns:
        raise fault(f"file {name}", "no column time_utc", "time_utc and the values", "Name the column so.")
    return table[table["area_id"] == city.settings.city.region] if "area_id" in table.columns else table
