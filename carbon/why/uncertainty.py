"""How sure a total is: propagation of errors, what is shared counted as shared.

Reference: IPCC 2006 Guidelines, vol. 1, ch. 3, approach 1 (eq. 3.1 for products, 3.2 for sums). Those equations hold for independent
terms; here every term that uses the same factor, warming potential or meter moves with it, so that source's parts are added before they
are squared: U^2 = sum over sources of (sum over terms of mass x relative uncertainty)^2. With one term per source it is eq. 3.1 and 3.2.
All uncertainties are half-widths of 95 % intervals, relative (0.05 = 5 %), and first order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from carbon.factors import Factor
from carbon.ledger.batch import Rule
from city.problems import fault

_Z95 = 1.959963984540054
LOG_NORMAL_FROM = 0.3
"""Standard deviation over mean from which on approach 1 no longer holds (IPCC 2006, vol. 1, 3.2.3.1): the interval becomes log-normal."""

Kind = Literal["meter", "factor", "gwp"]
_WEIGH_ONE = ("CO2", "CO2e", "-")


class Source(NamedTuple):
    """What a term is uncertain by: `relative` half-width of 95 % [1], None where nobody states one. The same `id` is the same error."""

    id: str
    kind: Kind
    relative: float | None


@dataclass(frozen=True)
class Uncertainty:
    """A total [kg] with its 95 % interval. `unstated_share` [1] of the mass has a source without a stated uncertainty.

    `by_source`: source, kind, kg (half-width it alone gives), share of the variance; the largest first.
    """

    kg: float
    relative: float
    low_kg: float
    high_kg: float
    shape: Literal["normal", "log-normal"]
    unstated_share: float
    unstated: tuple[str, ...]
    by_source: pd.DataFrame

    @property
    def sentence(self) -> str:
        digits = 1 if abs(self.kg) >= 1e5 else 3
        kg, low, high = (f"{mass / 1000:,.{digits}f}" for mass in (self.kg, self.low_kg, self.high_kg))
        if not len(self.by_source):
            return f"{kg} t; no uncertainty is stated for any part of it."
        first = self.by_source.iloc[0]
        told = f"{kg} t within {low} and {high} t (95 %, {self.shape});"
        told += f" {100 * first['share']:.0f} % of the variance is from {first['source']}."
        if self.unstated_share > 0:
            told += f" For {100 * self.unstated_share:.1f} % of the mass a source states no uncertainty: there the interval is too narrow."
        return told


def propagated(terms: Iterable[tuple[float, Sequence[Source]]]) -> Uncertainty:
    """The interval of a sum of products: each term is its mass [kg] and the sources of its factors.

    Sources of the same id are fully correlated, others independent. A source without a stated uncertainty adds nothing and its terms'
    mass is told in `unstated_share`; nothing is invented. From a standard deviation of 0.3 of the mean on the interval of masses that are
    all positive is that of a log-normal distribution with the same mean and standard deviation. Raises `PenstockError` for a relative
    uncertainty below zero and for one source with two of them.
    """
    total = size = unstated = 0.0
    half: dict[str, float] = {}
    known: dict[str, Source] = {}
    lacking: dict[str, float] = {}
    for kg, sources in terms:
        total, size = total + kg, size + abs(kg)
        for source in sources:
            if known.setdefault(source.id, source) != source:
                observed = f"{known[source.id].relative} and {source.relative}"
                raise fault(f"uncertainty of '{source.id}'", observed, "one value per source", "Give the two sources different ids.")
            if source.relative is None:
                lacking[source.id] = lacking.get(source.id, 0.0) + abs(kg)
            elif source.relative < 0:
                raise fault(f"uncertainty of '{source.id}'", f"{source.relative}", "zero or more", "Give the half-width of its interval.")
            else:
                half[source.id] = half.get(source.id, 0.0) + kg * source.relative
        unstated += abs(kg) if any(source.relative is None for source in sources) else 0.0
    variance = sum(value**2 for value in half.values())
    low, high, shape = _interval(total, variance**0.5, one_sign=total == size)
    rows = [(name, known[name].kind, abs(value), value**2 / variance if variance else 0.0) for name, value in half.items()]
    frame = pd.DataFrame(rows, columns=["source", "kind", "kg", "share"]).sort_values(["share", "source"], ascending=[False, True])
    worst = tuple(sorted(lacking, key=lambda name: (-lacking[name], name)))
    relative = variance**0.5 / abs(total) if total else 0.0
    return Uncertainty(total, relative, low, high, shape, unstated / size if size else 0.0, worst, frame.reset_index(drop=True))


def of_book(
    book: pd.DataFrame,
    rules: Iterable[Rule],
    factors: Iterable[Factor],
    meters: Mapping[str, Decimal],
    gwp: Mapping[str, Decimal | None],
) -> Uncertainty:
    """The interval of the city's sum in a BOOK frame that `carbon.gwp.weighed` gave `co2e_mg`.

    `meters` is {account_id: half-width of 95 % [%]} of what the account's meter shows, `gwp` {gas: that of its warming potential};
    factors bring their own (`Factor.uncertainty_percent`). All periods of an account share its meter's error, all entries of a rule its
    factors', all of a gas its potential's. Only postings count. Raises `PenstockError` for a rule that is not among `rules`.
    """
    part_of = {(rule.rule_id, rule.gas): tuple(name for name, _ in rule.parts) for rule in rules}
    stated = {factor.id: factor.uncertainty_percent for factor in factors}
    posted = book[book["kind"] == "posting"]
    if unknown := sorted(set(zip(posted["rule_id"], posted["gas"], strict=True)) - set(part_of)):
        raise fault(
            "uncertainty of the book", f"entries by rule '{unknown[0][0]}'", "rules that are given", "Give the rules of its batches."
        )
    terms = []
    for (account, rule, gas), masses in posted.groupby(["account_id", "rule_id", "gas"], sort=True)["co2e_mg"]:
        sources = [_source(account, "meter", meters.get(account))]
        sources += [_source(name, "factor", stated.get(name)) for name in part_of[rule, gas]]
        sources += [_source(gas, "gwp", gwp.get(gas))] if gas not in _WEIGH_ONE else []
        terms.append((float(sum(masses)) / 1e6, sources))
    return propagated(terms)


def _source(name: str, kind: Kind, percent: Decimal | None) -> Source:
    return Source(f"{kind} {name}", kind, None if percent is None else float(percent) / 100)


def _interval(total: float, half: float, *, one_sign: bool) -> tuple[float, float, Literal["normal", "log-normal"]]:
    """The 95 % interval around a total [kg] whose sources give a half-width [kg]; a difference of masses may well pass zero."""
    if total <= 0 or not one_sign or half / _Z95 / total < LOG_NORMAL_FROM:
        return total - half, total + half, "normal"
    spread = np.log1p((half / _Z95 / total) ** 2)
    low, high = (float(total * np.exp(-spread / 2 + side * _Z95 * spread**0.5)) for side in (-1, 1))
    return low, high, "log-normal"
