"""Why a city's total moved: Kaya's identity, and its form by sector and carrier, decomposed by LMDI-I period by period.

Reference: Y. Kaya, IPCC Energy and Industry Subgroup, Paris 1990; B. W. Ang, Energy Policy 86 (2015) 233-238. For sectors with value added
C = GDP x (GDP_i / GDP) x (E_i / GDP_i) x (E_ij / E_i) x (C_ij / E_ij); for sectors without (households)
C = population x (E_i / population) x (E_ij / E_i) x (C_ij / E_ij). What has carbon and no energy (wastewater, SF6) stands beside
them with its plain change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carbon.statements.rounding import largest_remainder
from carbon.why.lmdi import chained, effects
from city.problems import fault

Values = NDArray[np.float64]
KAYA = ("population", "gdp per resident", "energy per gdp", "carbon per energy")
BY_GDP = ("activity", "structure", "intensity", "mix", "factor")
BY_POPULATION = ("population", "residents' intensity", "mix", "factor")
PROCESS = "process"
COLUMNS = ["from_period", "to_period", "driver", "sector", "carrier", "kg_co2e"]


@dataclass(frozen=True)
class CityDecomposition:
    """Effects [kg CO2e] that add up to the change between the first and the last period.

    `frame` has `COLUMNS`, one row per pair of neighbouring periods, driver, sector and carrier (empty for the city as a whole).
    """

    periods: tuple[str, ...]
    totals_kg: tuple[float, ...]
    frame: pd.DataFrame

    @property
    def change_kg(self) -> float:
        return self.totals_kg[-1] - self.totals_kg[0]

    @property
    def drivers(self) -> dict[str, float]:
        """{driver: its effect over all periods [kg CO2e]}, in the order of the identity."""
        return {str(name): float(kg) for name, kg in self.frame.groupby("driver", sort=False)["kg_co2e"].sum().items()}

    @property
    def residual(self) -> float:
        """What the effects leave unexplained, relative to the larger total [1]: rounding only."""
        larger = max(self.totals_kg)
        return abs(sum(self.drivers.values()) - self.change_kg) / larger if larger else 0.0

    def waterfall(self) -> pd.DataFrame:
        """step, kg_co2e, from_kg, to_kg: the first period's total, each driver from where the one before ended, the last period's total."""
        rows = [(self.periods[0], self.totals_kg[0], 0.0, self.totals_kg[0])]
        level = self.totals_kg[0]
        for name, kg in self.drivers.items():
            rows.append((name, kg, level, level + kg))
            level += kg
        rows.append((self.periods[-1], self.totals_kg[-1], 0.0, self.totals_kg[-1]))
        return pd.DataFrame(rows, columns=["step", "kg_co2e", "from_kg", "to_kg"])

    def printed(self) -> list[tuple[str, str]]:
        """step and mass [t] as text: the first total and the drivers add up to the last total as they are printed (largest remainder)."""
        decimals = 1 if max(self.totals_kg) >= 1e6 else 3
        unit = 10 ** (3 - decimals)
        exact = [Fraction(kg) / unit for kg in self.drivers.values()]
        first, last = (round(kg / unit) for kg in (self.totals_kg[0], self.totals_kg[-1]))
        moved = largest_remainder(exact, min(max(last - first, sum(map(floor, exact))), sum(map(ceil, exact))))
        told = [(name, f"{units * unit / 1000:+,.{decimals}f}") for name, units in zip(self.drivers, moved, strict=True)]
        ends = [f"{units * unit / 1000:,.{decimals}f}" for units in (first, first + sum(moved))]
        return [(self.periods[0], ends[0]), *told, (self.periods[-1], ends[1])]

    @property
    def sentence(self) -> str:
        (first, before), *drivers, (last, after) = self.printed()
        base = self.totals_kg[0]
        share = f" ({100 * self.change_kg / base:+.1f} %)" if base else ""
        told = f"From {first} to {last} CO2e went from {before} to {after} t{share}."
        if not any(self.drivers.values()):
            return told
        name = max(self.drivers, key=lambda one: abs(self.drivers[one]))
        told += f" The largest driver is {name} with {dict(drivers)[name]} t"
        others = [f"{other} {t} t" for other, t in drivers if other != name]
        return told + (f"; {', '.join(others)}." if others else ".")


def kaya(periods: pd.DataFrame) -> CityDecomposition:
    """Kaya's four factors of a city.

    `periods` has period (year or month), population, gdp [any unit at constant prices], energy_kgce and kg_co2e, one row each, at least
    two. Raises `PenstockError` for a period given twice, a value that is missing or negative, and GDP at zero.
    """
    table = periods.sort_values("period", ignore_index=True)
    wanted = ["population", "gdp", "energy_kgce", "kg_co2e"]
    _complete(table, wanted)
    population, gdp, energy, carbon = (table[name].to_numpy(np.float64) for name in wanted)
    factors = np.stack([population, _ratio(gdp, population), _ratio(energy, gdp), _ratio(carbon, energy)])
    for at in np.flatnonzero((np.nan_to_num(factors).prod(axis=0) == 0) & (carbon > 0)):
        observed = f"{carbon[at]:g} kg CO2e with a population, GDP or energy of zero"
        raise fault(f"Kaya's identity of {table['period'][at]}", observed, "all above zero", "Complete the year, or leave it out.")
    labels = table["period"].tolist()
    rows = [
        (labels[i], labels[i + 1], name, "", "", kg)
        for i, step in enumerate(chained(KAYA, factors.T[:, :, None]))
        for name, kg in step.additive.items()
    ]
    return CityDecomposition(tuple(map(str, table["period"])), tuple(carbon.tolist()), pd.DataFrame(rows, columns=COLUMNS))


def city_decomposition(
    use: pd.DataFrame, gdp: Mapping[tuple[str, str], float], population: Mapping[str, float] | None = None
) -> CityDecomposition:
    """The city's change by activity, structure, intensity, mix and factor; of households by population.

    `use` has period, sector, carrier, energy_kgce and kg_co2e, one row per period, sector and carrier; `gdp` is {(period, sector): value
    added} at constant prices of one year, of all sectors that have any, `population` {period: residents}. A sector that `gdp` does not
    name goes by population. Raises `PenstockError` for rows given twice, fewer than two periods, negative values, a sector's GDP that a
    period lacks, energy in a period without the GDP or population that it is divided by.
    """
    if use.duplicated(["period", "sector", "carrier"]).any():
        raise fault("decomposition", "a sector and carrier twice in one period", "one row each", "Sum them first.")
    periods = sorted(set(use["period"]))
    cells = sorted(set(zip(use["sector"], use["carrier"], strict=True)))
    _complete(use.drop_duplicates("period"), [])
    energy, carbon = (_cells(use, periods, cells, name) for name in ("energy_kgce", "kg_co2e"))
    productive = {sector for _, sector in gdp}
    people = np.array([float((population or {}).get(period, np.nan)) for period in periods])
    beside = np.where(energy > 0, 0.0, carbon)  # without energy there is no intensity: a process
    rows: list[tuple[object, ...]] = []
    for flag, drivers in ((True, BY_GDP), (False, BY_POPULATION)):
        at = np.flatnonzero([(sector in productive) == flag for sector, _ in cells])
        if not len(at) or not energy[:, at].any():
            continue
        sectors = [cells[i][0] for i in at]
        of = _gdp(gdp, periods, sectors, energy[:, at]) if flag else _residents(people, periods, sectors)
        total = np.array([sum(value for (told, _), value in gdp.items() if told == period) for period in periods]) if flag else None
        factors = _factors(of, sectors, energy[:, at], (carbon - beside)[:, at], total)
        for t in range(len(periods) - 1):
            made = effects(factors[t], factors[t + 1])
            rows += [
                (periods[t], periods[t + 1], driver, *cells[i], float(made[k, n]))
                for k, driver in enumerate(drivers)
                for n, i in enumerate(at)
            ]
    change = np.diff(beside, axis=0)
    rows += [(periods[t], periods[t + 1], PROCESS, *cells[i], float(change[t, i])) for t, i in zip(*np.nonzero(change), strict=True)]
    return CityDecomposition(tuple(map(str, periods)), tuple(carbon.sum(axis=1).tolist()), pd.DataFrame(rows, columns=COLUMNS))


def _complete(table: pd.DataFrame, wanted: Sequence[str]) -> None:
    if len(table) < 2 or table["period"].duplicated().any():
        observed = f"periods {', '.join(sorted(map(str, table['period'])))}"
        raise fault("decomposition", observed, "at least two different periods", "Give every period once.")
    for name in wanted:
        if not (table[name] >= 0).all():
            period = table["period"][~(table[name] >= 0)].iloc[0]
            raise fault(f"decomposition, {name} of {period}", "missing or negative", "zero or more", "Correct it, or leave the period out.")


def _ratio(over: Values, under: Values) -> Values:
    """over / under, undefined (NaN) over zero."""
    return np.divide(over, under, out=np.full(np.broadcast(over, under).shape, np.nan), where=under > 0)


def _cells(table: pd.DataFrame, periods: Sequence[str], cells: Sequence[tuple[str, str]], name: str) -> Values:
    """float64[periods, cells]; a carrier that a period lacks is 0 there."""
    found = dict(zip(zip(table["period"], table["sector"], table["carrier"], strict=True), table[name].tolist(), strict=True))
    values = np.array([[float(found.get((period, *cell), 0.0)) for cell in cells] for period in periods])
    if not (values >= 0).all():
        t, cell = (int(i[0]) for i in np.nonzero(~(values >= 0)))
        remedy = "Keep sinks and exports out, beside it."
        raise fault(f"decomposition, {name} of {'/'.join(cells[cell])} in {periods[t]}", "below zero or missing", "zero or more", remedy)
    return values


def _gdp(gdp: Mapping[tuple[str, str], float], periods: Sequence[str], sectors: Sequence[str], energy: Values) -> Values:
    """float64[periods, cells] value added of each cell's sector."""
    if lacking := sorted({(sector, period) for _, sector in gdp for period in periods} - {(sector, period) for period, sector in gdp}):
        sector, period = lacking[0]
        raise fault(f"GDP of {sector} in {period}", "missing", "a value for every period", "Add it to [[gdp]].")
    made = np.array([[float(gdp[period, sector]) for sector in sectors] for period in periods])
    if ((made <= 0) & (energy > 0)).any():
        t, i = (int(at[0]) for at in np.nonzero((made <= 0) & (energy > 0)))
        raise fault(
            f"GDP of {sectors[i]} in {periods[t]}", f"{made[t, i]:g}", "above zero in every period with energy", "Add it to [[gdp]]."
        )
    return made


def _residents(people: Values, periods: Sequence[str], sectors: Sequence[str]) -> Values:
    if not (people > 0).all():
        period = periods[int(np.flatnonzero(~(people > 0))[0])]
        observed = f"no GDP of {', '.join(sorted(set(sectors)))} and no population of {period}"
        raise fault("decomposition", observed, "one of them for every sector", "Add the sector's GDP, or the city's population.")
    return np.repeat(people[:, None], len(sectors), axis=1)


def _factors(of: Values, sectors: Sequence[str], energy: Values, carbon: Values, total: Values | None) -> Values:
    """float64[periods, factors, cells] of the identity; `total` is the GDP of all sectors, those without energy among them."""
    same = np.array([[a == b for b in sectors] for a in sectors], float)
    own = energy @ same  # energy of the cell's whole sector
    tail = [_ratio(own, of), _ratio(energy, own), _ratio(carbon, energy)]
    if total is None:
        return np.stack([of, *tail], axis=1)
    whole = np.repeat(total[:, None], len(sectors), axis=1)
    return np.stack([whole, _ratio(of, whole), *tail], axis=1)
