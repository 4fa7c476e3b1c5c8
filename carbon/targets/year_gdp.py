"""The GDP of one year as a target needs it: by vintage, at one price year, summed over sectors, carried on where it is not published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from carbon.targets.gdp import VINTAGES, GdpFigure, Vintage, beyond_the_city, breaks, constant_prices, growth_percent, known, slips
from city.problems import PenstockError, fault

MOST_CARRIED = 2  # years without a figure: this one, and until it is published the one before


def revised(figures: Sequence[GdpFigure], on: date) -> frozenset[int]:
    """The years whose first figure was replaced by one of a census that is known on the civil day `on`."""
    then = {f.year for f in figures if f.vintage != "census" and f.published <= on}
    return frozenset(f.year for f in figures if f.vintage == "census" and f.published <= on and f.year in then)


@dataclass(frozen=True, slots=True)
class YearGdp:
    """A year's GDP [10k CNY] as it is known: its vintage, its price year, and a note where it is expected or something is not stated."""

    year: int
    ten_k_cny: Decimal
    vintage: str = ""
    price_year: int | None = None
    note: str = ""
    years_carried: int = 0  # over which it is expected, not published


def of_year(figures: Sequence[GdpFigure], stated: Mapping[int, Decimal], year: int, price_year: int | None, on: date) -> YearGdp:
    """The GDP of `year` as known on the civil day `on`: from published figures, or where there are none as `stated` {year: 10k CNY}.

    Figures by sector are summed when none is for the whole city. Up to two years not published yet are carried on with the last real
    growth and say so: in January the year before is not out either. Raises `PenstockError` when it cannot be told: no figure, no series
    at the price year, a slip of the unit, a broken series, sectors that are more than the city.
    """
    if not figures:
        if stated.get(year, Decimal(0)) <= 0:
            raise fault(f"GDP {year}", "none", "gdp_10k_cny of that year for each sector, or [[gdp]]", "Add it to city.toml.")
        note = f"the GDP of {year} in city.toml states no price year; the target's is {price_year}" if price_year else ""
        return YearGdp(year, stated[year], price_year=price_year, note=note)
    whole = any(f.sector is None for f in figures)
    if found := beyond_the_city(figures, on):
        raise PenstockError(found)
    series: dict[str | None, dict[int, Decimal]] = {}
    published: list[GdpFigure] = []
    for sector in [None] if whole else sorted({f.sector for f in figures if f.sector}):
        seen = known(figures, on, sector)
        prices = sorted({f.prices for f in seen if isinstance(f.prices, int)})
        if price_year is None and len(prices) != 1:
            raise fault("GDP", f"prices of {', '.join(map(str, prices)) or 'no year'}", "the target's price year", "Add basis.price_year.")
        series[sector] = constant_prices(seen, price_year or prices[-1])
        published += seen
    total = {y: sum((one[y] for one in series.values()), Decimal(0)) for y in set.intersection(*(set(one) for one in series.values()))}
    if found := slips(total):
        raise PenstockError(found)
    at = price_year or prices[-1]
    if year in total:
        newest: list[Vintage] = [f.vintage for f in published if f.year == year and isinstance(f.prices, int)]
        return YearGdp(year, total[year], min(newest, key=VINTAGES.index, default=""), at)
    return _carried_on(total, published, year, at)


def _carried_on(total: Mapping[int, Decimal], published: Sequence[GdpFigure], year: int, price_year: int) -> YearGdp:
    """The last known year [10k CNY], carried on to `year` with its growth."""
    last = max((y for y in total if y < year), default=0)
    if last < year - MOST_CARRIED or last - 1 not in total:
        years = ", ".join(map(str, sorted(total))) or "no year"
        allowed = f"{year}, or two years in a row up to {year - MOST_CARRIED} or later"
        raise fault(f"GDP {year}", f"published for {years}", allowed, "Add it to [[gdp]].")
    rested_on = [f for f in published if f.year in (last - 1, last)]
    sectors = dict.fromkeys(f.sector for f in rested_on)
    if broken := [problem for sector in sectors for problem in breaks([f for f in rested_on if f.sector == sector])]:
        raise PenstockError(broken)
    growth, carried = growth_percent(total, last), year - last
    note = f"GDP of {' and '.join(map(str, range(last + 1, year + 1)))} is not published; carried on with {growth:.1f} % growth of {last}"
    return YearGdp(year, total[last] * (1 + growth / 100) ** carried, "expected", price_year, note, carried)
