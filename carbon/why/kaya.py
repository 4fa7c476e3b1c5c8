"""Why a city's total moved: Kaya's identity, and its form by sector and carrier, decomposed by LMDI-I year by year.

Reference: Y. Kaya, IPCC Energy and Industry Subgroup, Paris 1990; B. W. Ang, Energy Policy 86 (2015) 233-238. For sectors with value added
C = GDP x (GDP_i / GDP) x (E_i / GDP_i) x (E_ij / E_i) x (C_ij / E_ij); for sectors without (households)
C = population x (E_i / population) x (E_ij / E_i) x (C_ij / E_ij). What has carbon and no energy (wastewater, SF6) stands beside
them with its plain change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carbon.why.lmdi import decompose, effects
from city.problems import fault

Values = NDArray[np.float64]
KAYA = ("population", "gdp per resident", "energy per gdp", "carbon per energy")
BY_GDP = ("activity", "structure", "intensity", "mix", "factor")
BY_POPULATION = ("population", "residents' intensity", "mix", "factor")
PROCESS = "process"
COLUMNS = ["from_year", "to_year", "driver", "sector", "carrier", "kg_co2e"]


@dataclass(frozen=True)
class CityDecomposition:
    """Effects [kg CO2e] that add up to the change between the first and the last year.

    `frame` has `COLUMNS`, one row per pair of neighbouring years, driver, sector and carrier (empty for the city as a whole).
    """

    years: tuple[int, ...]
    totals_kg: tuple[float, ...]
    frame: pd.DataFrame

    @property
    def change_kg(self) -> float:
        return self.totals_kg[-1] - self.totals_kg[0]

    @property
    def drivers(self) -> dict[str, float]:
        """{driver: its effect over all years [kg CO2e]}, in the order of the identity."""
        return {str(name): float(kg) for name, kg in self.frame.groupby("driver", sort=False)["kg_co2e"].sum().items()}

    @property
    def residual(self) -> float:
        """What the effects leave unexplained, relative to the larger total [1]: rounding only."""
        larger = max(self.totals_kg)
        return abs(sum(self.drivers.values()) - self.change_kg) / larger if larger else 0.0

    def waterfall(self) -> pd.DataFrame:
        """step, kg_co2e, from_kg, to_kg: the first year's total, each driver from where the one before ended, the last year's total."""
        rows = [(str(self.years[0]), self.totals_kg[0], 0.0, self.totals_kg[0])]
        level = self.totals_kg[0]
        for name, kg in self.drivers.items():
            rows.append((name, kg, level, level + kg))
            level += kg
        rows.append((str(self.years[-1]), self.totals_kg[-1], 0.0, self.totals_kg[-1]))
        return pd.DataFrame(rows, columns=["step", "kg_co2e", "from_kg", "to_kg"])

    @property
    def sentence(self) -> str:
        first, last, base = self.years[0], self.years[-1], self.totals_kg[0]
        share = f" ({100 * self.change_kg / base:+.1f} %)" if base else ""
        told = f"From {first} to {last} CO2e went from {base / 1000:,.1f} to {self.totals_kg[-1] / 1000:,.1f} t{share}."
        name, kg = max(self.drivers.items(), key=lambda one: abs(one[1]))
        told += f" The largest driver is {name} with {kg / 1000:+,.1f} t"
        others = [f"{other} {by / 1000:+,.1f} t" for other, by in self.drivers.items() if other != name]
        return told + (f"; {', '.join(others)}." if others else ".")


def kaya(years: pd.DataFrame) -> CityDecomposition:
    """Kaya's four factors of a city.

    `years` has year, population, gdp [any unit at constant prices], energy_kgce and kg_co2e, one row per year, at least two.
    Raises `PenstockError` for a year given twice, a value that is missing or negative, and GDP at zero.
    """
    table = years.sort_values("year", ignore_index=True)
    wanted = ["population", "gdp", "energy_kgce", "kg_co2e"]
    _complete(table, wanted)
    population, gdp, energy, carbon = (table[name].to_numpy(np.float64) for name in wanted)
    factors = np.stack([population, _ratio(gdp, population), _ratio(energy, gdp), _ratio(carbon, energy)])
    for at in np.flatnonzero((np.nan_to_num(factors).prod(axis=0) == 0) & (carbon > 0)):
        observed = f"{carbon[at]:g} kg CO2e with a population, GDP or energy of zero"
        raise fault(f"Kaya's identity of {int(table['year'][at])}", observed, "all above zero", "Complete the year, or leave it out.")
    rows = []
    for i in range(len(table) - 1):
        step = decompose(KAYA, factors[:, i : i + 1], factors[:, i + 1 : i + 2])
        rows += [(int(table["year"][i]), int(table["year"][i + 1]), name, "", "", kg) for name, kg in step.additive.items()]
    return CityDecomposition(tuple(map(int, table["year"])), tuple(carbon.tolist()), pd.DataFrame(rows, columns=COLUMNS))


def city_decomposition(
    use: pd.DataFrame, gdp: Mapping[tuple[int, str], float], population: Mapping[int, float] | None = None
) -> CityDecomposition:
    """The city's change by activity, structure, intensity, mix and factor; of households by population.

    `use` has year, sector, carrier, energy_kgce and kg_co2e, one row per year, sector and carrier; `gdp` is {(year, sector): value
    added} at constant prices, `population` {year: residents}. A sector without GDP in any year goes by population. Raises
    `PenstockError` for rows given twice, fewer than two years, negative values, carbon in a year without the GDP or population that it
    is divided by.
    """
    table = use.groupby(["year", "sector", "carrier"], as_index=False)[["energy_kgce", "kg_co2e"]].sum()
    if len(table) != len(use):
        raise fault("decomposition", "a sector and carrier twice in one year", "one row each", "Sum them first.")
    years = sorted(map(int, set(table["year"])))
    cells = sorted(set(zip(table["sector"], table["carrier"], strict=True)))
    _complete(table.drop_duplicates("year"), ["energy_kgce", "kg_co2e"])
    energy, carbon = (_cells(table, years, cells, name) for name in ("energy_kgce", "kg_co2e"))
    productive = {sector for _, sector in gdp}
    people = np.array([float((population or {}).get(year, np.nan)) for year in years])
    beside = np.where(energy > 0, 0.0, carbon)  # without energy there is no intensity: a process
    counted = carbon - beside
    rows: list[tuple[object, ...]] = []
    for flag, drivers in ((True, BY_GDP), (False, BY_POPULATION)):
        at = np.flatnonzero([(sector in productive) == flag for sector, _ in cells])
        if not len(at) or not energy[:, at].any():
            continue
        sectors = [cells[i][0] for i in at]
        of = _gdp(gdp, years, sectors, energy[:, at]) if flag else _residents(people, years, sectors)
        factors = _factors(of, sectors, energy[:, at], counted[:, at], flag)
        for t in range(len(years) - 1):
            made = effects(factors[t], factors[t + 1])
            rows += [
                (years[t], years[t + 1], driver, *cells[i], float(made[k, n])) for k, driver in enumerate(drivers) for n, i in enumerate(at)
            ]
    change = np.diff(beside, axis=0)
    rows += [(years[t], years[t + 1], PROCESS, *cells[i], float(change[t, i])) for t, i in zip(*np.nonzero(change), strict=True)]
    return CityDecomposition(tuple(years), tuple(carbon.sum(axis=1).tolist()), pd.DataFrame(rows, columns=COLUMNS))


def _complete(table: pd.DataFrame, wanted: Sequence[str]) -> None:
    if len(table) < 2 or table["year"].duplicated().any():
        raise fault("decomposition", f"years {sorted(map(int, table['year']))}", "at least two different years", "Give every year once.")
    for name in wanted:
        if not (table[name] >= 0).all():
            year = int(table["year"][~(table[name] >= 0)].iloc[0])
            raise fault(f"decomposition, {name} of {year}", "missing or negative", "zero or more", "Correct it, or leave the year out.")


def _ratio(over: Values, under: Values) -> Values:
    """over / under, undefined for 0 / 0; a number over zero has no ratio and is left to `effects` to refuse."""
    return np.divide(over, under, out=np.full(np.broadcast(over, under).shape, np.nan), where=under > 0)


def _cells(table: pd.DataFrame, years: Sequence[int], cells: Sequence[tuple[str, str]], name: str) -> Values:
    """float64[years, cells]; a carrier that a year lacks is 0 there."""
    found = dict(zip(zip(table["year"], table["sector"], table["carrier"], strict=True), table[name].tolist(), strict=True))
    values = np.array([[float(found.get((year, *cell), 0.0)) for cell in cells] for year in years])
    if (values < 0).any():
        year, cell = (int(i[0]) for i in np.nonzero(values < 0))
        remedy = "Keep sinks and exports out, beside it."
        raise fault(f"decomposition, {name} of {cells[cell]} in {years[year]}", "below zero", "zero or more", remedy)
    return values


def _gdp(gdp: Mapping[tuple[int, str], float], years: Sequence[int], sectors: Sequence[str], energy: Values) -> Values:
    """float64[years, cells] value added of each cell's sector."""
    made = np.array([[float(gdp.get((year, sector), 0.0)) for sector in sectors] for year in years])
    if ((made <= 0) & (energy > 0)).any():
        t, i = (int(at[0]) for at in np.nonzero((made <= 0) & (energy > 0)))
        raise fault(f"GDP of {sectors[i]} in {years[t]}", "missing", "a value for every year with energy", "Add it to [[sectors]].")
    return made


def _residents(people: Values, years: Sequence[int], sectors: Sequence[str]) -> Values:
    if not (people > 0).all():
        year = years[int(np.flatnonzero(~(people > 0))[0])]
        observed = f"no GDP of {', '.join(sorted(set(sectors)))} and no population of {year}"
        raise fault("decomposition", observed, "one of them for every sector", "Add the sector's GDP, or the city's population.")
    return np.repeat(people[:, None], len(sectors), axis=1)


def _factors(of: Values, sectors: Sequence[str], energy: Values, carbon: Values, by_gdp: bool) -> Values:
    """float64[years, factors, cells] of the identity."""
    same = np.array([[a == b for b in sectors] for a in sectors], float)
    own = energy @ same  # energy of the cell's whole sector
    tail = [_ratio(own, of), _ratio(energy, own), _ratio(carbon, energy)]
    if not by_gdp:
        return np.stack([of, *tail], axis=1)
    first = [sectors.index(sector) for sector in sorted(set(sectors))]
    total = np.repeat(of[:, first].sum(axis=1, keepdims=True), len(sectors), axis=1)
    return np.stack([total, _ratio(of, total), *tail], axis=1)
