"""Scope 2, matching, enterprise reports and household books as lines of text, for a terminal."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from carbon.enterprise.report import MonitoringReport
from carbon.household.book import in_units
from carbon.household.release import Release
from carbon.instruments.certificates import WH
from carbon.instruments.matching import matching
from carbon.instruments.views import View, dual, used

MG_PER_T = 10**9


def of_lots(holdings: list[dict[str, Any]]) -> Iterator[str]:
    """Each lot and what is left of it."""
    for one in holdings:
        lot = one["lot"]
        yield (
            f"{lot.id}: {lot.scheme} {lot.first} to {lot.last}, {lot.technology} of {lot.plant}, produced {lot.produced_from} to "
            f"{lot.produced_to}; {one['free']:,} free, {one['retired']:,} retired, {one['sold']:,} sold"
        )
    if not holdings:
        yield "no certificates are imported"


def of_view(view: View, criteria: pd.DataFrame) -> Iterator[str]:
    """Both totals by account, matching, what retirements cover, criteria that are not met, and what the rest was weighed with."""
    months = dual(view)
    for account, rows in months.groupby("account_id", sort=True):
        sums = rows.sum(numeric_only=True)
        yield (
            f"{account}: {sums['consumption_wh'] / WH:,.3f} MWh; location-based {sums['location_mg'] / MG_PER_T:,.3f} t CO2e, "
            f"market-based {sums['market_mg'] / MG_PER_T:,.3f} t CO2e; own {sums['own_wh'] / WH:,.3f}, certificates "
            f"{sums['certificate_wh'] / WH:,.3f}, contracts {sums['contract_wh'] / WH:,.3f}, supplier {sums['supplier_wh'] / WH:,.3f}, "
            f"rest {sums['residual_wh'] / WH:,.3f} MWh"
        )
    for row in matching(view).to_dict("records"):
        shares = [f"{100 * row[name]:.2f} %" if row[name] is not None else "no load" for name in ("hourly_share", "volumetric_share")]
        yield (
            f"renewable, {row['account_id'] or 'all accounts'}: {shares[0]} in the same hour, {shares[1]} by volume; "
            f"{row['hours']:,} hours, {row['hours_missing']:,} missing"
        )
    for row in used(view).to_dict("records"):
        idle = f", {row['unused_wh'] / WH:,.3f} MWh of no use" if row["unused_wh"] else ""
        failed = f"; does not count: {row['failed']}" if row["failed"] else ""
        yield f"{row['instrument_id']} for {row['account_id']} {row['period']}: {row['wh'] / WH:,.3f} MWh{idle}{failed}"
    for row in criteria[~criteria["met"].astype(bool)].to_dict("records"):
        yield f"{row['instrument_id']}: quality criterion {row['criterion']} is not met: {row['sentence']}"
    yield from dict.fromkeys(f"{rule}" for rule in months["market_rule"])
    yield from map(str, view.problems)


def of_report(report: MonitoringReport) -> Iterator[str]:
    """Streams, sentences and the allowance position."""
    own = report.enterprise
    yield f"{own.name or own.id} {report.year}: plan {own.plan_version or 'without a version'}"
    for row in report.streams.to_dict("records"):
        spread = "not stated" if pd.isna(row["uncertainty_percent"]) else f"{row['uncertainty_percent']:g} %"
        yield (
            f"{row['stream']}: {row['amount']:,.3f} {row['unit']}, {row['emitted_mg'] / MG_PER_T:,.3f} t CO2e "
            f"({row['substituted_mg'] / MG_PER_T:,.3f} t in place of gaps), grade {row['grade']}, uncertainty {spread}"
        )
    yield from report.sentences
    yield report.uncertainty.sentence


UNIT = {"energy_kwh": "kWh", "volume_m3": "m3", "gas_m3": "m3 of gas", "co2e_kg": "kg CO2e"}


def of_building(book: pd.DataFrame) -> Iterator[str]:
    """The months of a building, per square metre and person."""
    for row in book.itertuples():
        person = "" if row.per_person is None else f", {row.per_person:,.3f} a person"
        gaps = f", {row.missing} readings missing" if row.missing else ""
        yield f"{row.month}: {row.amount:,.3f} {UNIT[row.measure]}, {row.per_m2:,.4f} per m2{person}{gaps}"
    if book.empty:
        yield "nothing in the ledger of that year"


def of_household(book: pd.DataFrame) -> Iterator[str]:
    """The months of one's own book."""
    for row in book.itertuples():
        gaps = f", {row.missing} readings missing" if row.missing else ""
        yield f"{row.month}: {in_units(row.amount, row.measure):,.3f} {UNIT[row.measure]}{gaps}"
    if book.empty:
        yield "no months yet: `penstock carbon household refresh` makes them"


def of_release(release: Release, measure: str) -> Iterator[str]:
    """A publication, as it may be shown to anybody."""
    for group, total in release.totals:
        yield f"{group}: {in_units(total, measure):,.3f}"
    if release.withheld:
        yield f"withheld, alone or together with a small one: {', '.join(release.withheld)}"
    yield "all: withheld" if release.together is None else f"all: {in_units(release.together, measure):,.3f}"
    most = in_units(release.largest, measure)
    yield f"noise of epsilon {release.epsilon}, a household counts for at most {most:,}; groups of {release.k} or more"
