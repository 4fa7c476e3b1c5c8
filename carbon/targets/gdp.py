"""Gross domestic product as published: vintages, price years, chain-linked constant prices, and the slips that are found in it.

China changes the year of constant prices every five years (2005, 2010, 2015, 2020) and revises back years after each census. Levels of two
price years are linked in the year both have, so that growth rates stay as published. Source: 2008 SNA, ch. 15 (chain indices); NBS,
notices on the verification of annual GDP (preliminary and final) and on census revisions.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from pydantic import Field

from city.places import Place
from city.problems import Problem, fault

Vintage = Literal["preliminary", "final", "census"]
# CNY -> 10k CNY: what one of a unit is in the house's own.
_IN_10K_CNY: dict[str, Decimal] = {
    "CNY": Decimal("0.0001"),
    "10k CNY": Decimal(1),
    "million CNY": Decimal(100),
    "100M CNY": Decimal(10_000),
}
MOST_GROWTH = Decimal(2)  # a year's GDP is at most this multiple of the year before, and at least its inverse
ENERGY_TCE_PER_10K_CNY = (
    Decimal("0.005"),
    Decimal(20),
)  # outside it GDP or energy is in a wrong unit: provinces of 2005..2023 lie in 0.1..5
MOST_OF_THE_CITY = Decimal("1.05")  # sectors together over the whole: rounding and chain-linking apart, they are parts of it
VINTAGES: tuple[Vintage, ...] = ("preliminary", "final", "census")  # the later one replaces the earlier


class GdpFigure(Place):
    """One published figure of one year: `[[gdp]]` of city.toml."""

    year: int = Field(ge=1949, le=2100, description="calendar year it is for")
    value: Decimal = Field(gt=0, description="gross domestic product or value added [unit]")
    unit: Literal["CNY", "10k CNY", "million CNY", "100M CNY"] = Field(description="of value; 100M CNY is the yearbook's yi yuan")
    prices: Literal["current"] | int = Field(description="current prices, or the year of the constant prices")
    vintage: Vintage = Field(description="preliminary accounting, final verification, or revision after a census")
    published: date = Field(description="civil day of publication; from then on it is known")
    source: str = Field(min_length=1, description="who published it where")
    sector: str | None = Field(default=None, description="sector id as in [[sectors]]; none: the whole city")

    @property
    def ten_k_cny(self) -> Decimal:
        """Its value [10k CNY], exact."""
        return self.value * _IN_10K_CNY[self.unit]


def known(figures: Iterable[GdpFigure], on: date, sector: str | None = None) -> tuple[GdpFigure, ...]:
    """For each year and price year the figure last published by the civil day `on`, in year order.

    Raises `PenstockError` when two figures of one year, prices and day of publication differ.
    """
    newest: dict[tuple[int, str], GdpFigure] = {}
    then = (f for f in figures if f.sector == sector and f.published <= on)
    for figure in sorted(then, key=lambda f: (f.published, VINTAGES.index(f.vintage))):
        key = (figure.year, str(figure.prices))
        before = newest.get(key)
        if before and before.published == figure.published and before.ten_k_cny != figure.ten_k_cny:
            observed = f"{before.value} and {figure.value} {figure.unit}, both published {figure.published}"
            raise fault(f"GDP {figure.year}", observed, "one figure of a day", "Remove one of them.")
        newest[key] = figure
    return tuple(sorted(newest.values(), key=lambda f: (f.year, str(f.prices))))


def constant_prices(figures: Sequence[GdpFigure], price_year: int) -> dict[int, Decimal]:
    """The series [10k CNY] at prices of `price_year`, from figures as `known` gives them; current prices do not take part.

    A series of another price year is linked in the year both have: the later one's price year where there is one, else the last year both
    have. Figures at the wanted prices stand as published. Raises `PenstockError` where a series has no year in common, and where a year's
    GDP at its own prices differs from the one at current prices.
    """
    series = _by_price_year(figures)
    if price_year not in series:
        allowed = ", ".join(map(str, sorted(series))) or "some series of constant prices"
        raise fault(f"GDP at prices of {price_year}", "not given", allowed, "Add figures at these prices to [[gdp]].")
    linked = dict(series[price_year])
    years = sorted(series)
    at = years.index(price_year)
    for chain in (years[at::-1], years[at:]):
        nearer = linked
        for before, other in pairwise(chain):
            factor = _link(nearer, series[other], max(before, other), f"prices of {other} and {before}")
            nearer = {year: value * factor for year, value in series[other].items()}
            linked = nearer | linked
    return {year: Decimal(value.numerator) / value.denominator for year, value in sorted(linked.items())}


def _by_price_year(figures: Iterable[GdpFigure]) -> dict[int, dict[int, Fraction]]:
    series: dict[int, dict[int, Fraction]] = {}
    current = {f.year: f for f in figures if f.prices == "current"}
    for f in figures:
        if isinstance(f.prices, int):
            series.setdefault(f.prices, {})[f.year] = Fraction(f.ten_k_cny)
            same = current.get(f.year)
            if f.year == f.prices and same and same.vintage == f.vintage and abs(same.ten_k_cny / f.ten_k_cny - 1) > Decimal("0.005"):
                observed = f"{f.ten_k_cny:f} at constant and {same.ten_k_cny:f} [10k CNY] at current prices"
                raise fault(f"GDP {f.year} at prices of {f.prices}", observed, "the same figure", "Check the price year and the unit.")
    return series


def _link(nearer: Mapping[int, Fraction], other: Mapping[int, Fraction], change: int, subject: str) -> Fraction:
    both = sorted(nearer.keys() & other.keys())
    if not both:
        raise fault(f"GDP, {subject}", "no year in common", f"one year at both prices, usually {change}", "Add that year's figure.")
    year = change if change in both else both[-1]
    return nearer[year] / other[year]


def growth_percent(series: Mapping[int, Decimal], year: int) -> Decimal:
    """Real growth [%] over the year before, of a series at one price year. Raises `PenstockError` when one of the years is missing."""
    if year not in series or year - 1 not in series:
        raise fault(
            f"GDP growth of {year}", f"years {', '.join(map(str, series)) or 'none'}", f"{year - 1} and {year}", "Add them to [[gdp]]."
        )
    return 100 * (series[year] / series[year - 1] - 1)


def slips(series: Mapping[int, Decimal], energy_tce: Mapping[int, Decimal] | None = None) -> list[Problem]:
    """What cannot be right in a series [10k CNY]: leaps between years, and energy [tce] per GDP that no city has; each with its year."""
    found = []
    years = sorted(series)
    for before, year in pairwise(years):
        times, most = series[year] / series[before], MOST_GROWTH ** (year - before)
        if not 1 / most <= times <= most:
            far = max(times, 1 / times) > 300
            remedy = f"Check the unit{': CNY, 10k CNY and 100M CNY differ by 10,000 each' if far else ' and the price year'}."
            found.append(Problem(f"GDP {year}", f"{times:.4g} times that of {before}", f"{1 / most:.2g} to {most:.2g} times", remedy))
    low, high = ENERGY_TCE_PER_10K_CNY
    for year in sorted(series.keys() & (energy_tce or {}).keys()):
        value = (energy_tce or {})[year] / series[year]
        if value and not low <= value <= high:
            remedy = "Check the unit of GDP (10k CNY and 100M CNY differ by 10,000), and whether all energy is in the accounts."
            found.append(Problem(f"GDP {year}", f"{float(value):.4g} tce per 10k CNY", f"{low} to {high}", remedy))
    return found


def beyond_the_city(figures: Sequence[GdpFigure], on: date) -> list[Problem]:
    """Years whose sectors together are more than the whole city at the same prices, as known on the civil day `on`."""
    whole = {(f.year, f.prices): f.ten_k_cny for f in known(figures, on)}
    parts: dict[tuple[int, int | str], Decimal] = {}
    for sector in sorted({f.sector for f in figures if f.sector}):
        for f in known(figures, on, sector):
            parts[f.year, f.prices] = parts.get((f.year, f.prices), Decimal(0)) + f.ten_k_cny
    return [
        Problem(f"GDP {key[0]}", f"sectors of {parts[key]:f}, the city of {city:f} [10k CNY]", "parts of the city", "Check their units.")
        for key, city in whole.items()
        if parts.get(key, Decimal(0)) > MOST_OF_THE_CITY * city
    ]


def breaks(figures: Sequence[GdpFigure]) -> list[Problem]:
    """Neighbouring years of one price year of which only one is revised after a census: growth between them is no growth."""
    found = []
    for prices in sorted({str(f.prices) for f in figures}):
        same = sorted((f for f in figures if str(f.prices) == prices), key=lambda f: f.year)
        revised = {f.year for f in same if f.vintage == "census"}
        last = max(revised, default=0)
        for one, other in pairwise(same):
            if (one.year in revised) != (other.year in revised) and other.year <= last:
                observed = f"{one.vintage} beside {other.vintage}"
                found.append(Problem(f"GDP {one.year} to {other.year}", observed, "both revised", "Add the revised back years."))
    return found
