"""Scope 2 twice: location-based and market-based electricity of the same hours, side by side.

Reference: GHG Protocol Scope 2 Guidance (2015), chapters 4 and 6; the hierarchy of table 6.3 is certificates, contracts, a supplier's
factor, residual mix, and the location-based factor where no residual mix is published.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carbon.factors import Factor
from carbon.instruments.claims import Claim, Issued, Laid, kept, lay
from carbon.instruments.hours import Hours, Wh
from carbon.instruments.residual import Residual
from carbon.ledger.batch import Rule
from carbon.ledger.mass import masses
from city.problems import Problem

MG_PER_WH = 1000  # of one kg per kWh


@dataclass(frozen=True)
class View:
    """Electricity of accounts and hours, with what covers it; all [n, t] arrays are exact int64."""

    hours: Hours
    claims: tuple[Claim, ...]
    laid: tuple[Laid, ...]  # what each claim covers
    kept_wh: Wh  # own supply that may be claimed
    supplier_wh: Wh  # at a supplier's factor
    residual_wh: Wh  # at the residual mix, or at the location-based factor where there is none
    market_mg: Wh  # [mg CO2e]
    rules: Mapping[tuple[str, str], str]  # (account, civil month) -> what the uncovered rest was weighed with
    problems: tuple[Problem, ...]

    def covered(self, kind: str) -> Wh:
        """Wh covered by certificates or by contracts."""
        table = np.zeros_like(self.kept_wh)
        for claim, laid in zip(self.claims, self.laid, strict=True):
            if claim.kind == kind:
                laid.add_to(table)
        return table

    def matched(self) -> Wh:
        """min(renewable, load) of each account and hour [Wh]: what is claimed by the hour is laid on free use, so it never exceeds it."""
        table = self.kept_wh.copy()
        for claim, laid in zip(self.claims, self.laid, strict=True):
            if claim.renewable and claim.hourly:
                laid.add_to(table)
        return table


def view(
    hours: Hours,
    claims: Sequence[Claim],
    issued: Sequence[Issued],
    suppliers: Mapping[str, Factor],
    residual: Callable[[str, date], Residual],
    grid_rate: Callable[[str, date], Fraction],
) -> View:
    """Both views of `hours`.

    `suppliers`: account -> its supplier's factor. `residual` (account, day): its residual mix. `grid_rate` (account, day): the
    location-based rate [mg/Wh]. Both are asked for the first day of each civil month: grid factors change with the year.
    Every mass is rounded once per account, hour and source, half to even; an hour that nothing covers weighs what the ledger says.
    """
    own, problems = kept(hours, issued)
    laid = lay(hours, claims, hours.used_wh - own)
    rest, market = hours.used_wh - own, np.zeros_like(own)
    for claim, one in zip(claims, laid, strict=True):
        one.add_to(rest, -one.wh)
        if claim.kg_per_kwh:
            one.add_to(market, _mass(one.wh, claim.kg_per_kwh * MG_PER_WH, claim.id))
    supplier, rules = np.zeros_like(own), {}
    for month, columns in _months(hours):
        day = date.fromisoformat(f"{month}-01")
        for row, account in enumerate(hours.accounts):
            left = rest[row, columns]
            factor = suppliers.get(account)
            if factor is not None and factor.valid_on(day):
                rules[account, month] = f"supplier's factor {factor.id}, {factor.value} {factor.unit}"
                supplier[row, columns] = left
            else:
                found = residual(account, day)
                rules[account, month], factor = found.sentence, found.factor
            if factor is not None:
                market[row, columns] += _mass(left, factor.base_value * MG_PER_WH, account)
            else:
                same = left == hours.grid_wh[row, columns]
                alone = _mass(np.where(same, 0, left), grid_rate(account, day) if not same.all() else Fraction(0), account)
                market[row, columns] += np.where(same, hours.location_mg[row, columns], alone)
    return View(hours, tuple(claims), tuple(laid), own, supplier, rest - supplier, market, rules, tuple(problems))


def _mass(wh: Wh, mg_per_wh: Fraction, name: str) -> Wh:
    """Milligrams of each amount, rounded once, half to even."""
    rule = Rule(name, "CO2e", mg_per_wh.numerator, mg_per_wh.denominator, "posting", "market")
    return masses(wh.ravel(), np.zeros(wh.size, np.int32), [rule]).reshape(wh.shape)


def _months(hours: Hours) -> list[tuple[str, NDArray[np.intp]]]:
    codes, names = pd.factorize(hours.months)
    return [(str(name), np.flatnonzero(codes == code)) for code, name in enumerate(names)]


def dual(view: View) -> pd.DataFrame:
    """One row per account and civil month, int64: *_wh [Wh], *_mg [mg CO2e], and `market_rule`.

    consumption_wh = own_wh + certificate_wh + contract_wh + supplier_wh + residual_wh. Own supply whose certificates were issued is
    told again in `sold_own_wh` and covered or weighed like purchased power. `matched_wh` is what is renewable in its very hour.
    """
    hours = view.hours
    certificates, contracts = view.covered("certificate"), view.covered("contract")
    columns = {
        "consumption_wh": hours.used_wh,
        "own_wh": view.kept_wh,
        "sold_own_wh": hours.own_wh - view.kept_wh,
        "certificate_wh": certificates,
        "contract_wh": contracts,
        "instruments_wh": certificates + contracts,
        "supplier_wh": view.supplier_wh,
        "residual_wh": view.residual_wh,
        "matched_wh": view.matched(),
        "location_mg": hours.location_mg,
        "market_mg": view.market_mg,
        "hours_missing": hours.lacking.astype(np.int64),
    }
    made = []
    for month, places in _months(hours):
        sums = {name: array[:, places].sum(axis=1) for name, array in columns.items()}
        rules = [view.rules[account, month] for account in hours.accounts]
        made.append(pd.DataFrame({"account_id": hours.accounts, "period": month, **sums, "market_rule": rules}))
    named = ["account_id", "period", *columns, "market_rule"]
    table = pd.concat(made, ignore_index=True) if made else pd.DataFrame(columns=named)
    return table.sort_values(["account_id", "period"], ignore_index=True)


def used(view: View) -> pd.DataFrame:
    """What each retirement covers: instrument_id, type, account_id, period (civil month), wh [Wh] and what is told of it.

    One row per retirement, account and month with something covered, and one with 0 Wh for a retirement that covers nothing; `unused_wh`
    is what of its volume found no use, `failed` the criteria it does not meet.
    """
    rows, labels = [], view.hours.months
    for claim, laid in zip(view.claims, view.laid, strict=True):
        told: dict[str, object] = {"instrument_id": claim.instrument, "type": claim.kind, "retirement": claim.id, **claim.told}
        told |= {"unused_wh": claim.wh - laid.total, "failed": " ".join(claim.failed)}
        by_month = pd.DataFrame(laid.wh.T).groupby(labels[laid.columns]).sum()
        found = [
            {**told, "account_id": view.hours.accounts[row], "period": month, "wh": int(wh)}
            for place, row in enumerate(laid.rows)
            for month, wh in by_month[place].items()
            if wh
        ]
        rows += found or [{**told, "account_id": ", ".join(claim.accounts), "period": "", "wh": 0}]
    names = ["instrument_id", "type", "account_id", "period", "wh", "retirement", "unused_wh", "failed"]
    return pd.DataFrame(rows, columns=None if rows else names)
