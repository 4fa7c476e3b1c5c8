"""Volumes that a utility's billing knows: a CSV of zone and month, exact decimals in m3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

import pandas as pd

from city.problems import PenstockError, Problem, fault
from networks.losses.iwa import Consumption, Volume
from service.settings import LoadedCity, path_of

MOST_M3 = Decimal(10**12)  # in a month; more is no volume, and overflows what reckons with it
KINDS = ("billed_metered_m3", "billed_unmetered_m3", "unbilled_metered_m3", "unbilled_unmetered_m3")


@dataclass(frozen=True)
class Bills:
    """Volumes [m3] by (zone, month); the zone of the whole city is empty."""

    volumes: Mapping[tuple[str, str], tuple[Decimal, ...]]

    def consumption(
        self, zone: str, month: str, billed_error: float, unbilled_error: float, parts: Sequence[str] = ()
    ) -> Consumption | None:
        """Authorised consumption with its 95 % limits as shares; without a row of its own the sum of all its `parts`. None where not told:
        the bills of some parts against the inflow of all would make losses of the others' consumption."""
        found = self.volumes.get((zone, month))
        if found is None:
            own = [self.volumes.get((part, month)) for part in parts]
            if not own or None in own:
                return None
            found = tuple(sum((volumes[i] for volumes in own if volumes), Decimal(0)) for i in range(len(KINDS)))
        errors = (billed_error, billed_error, unbilled_error, unbilled_error)
        return Consumption(*(Volume.of(volume, error) for volume, error in zip(found, errors, strict=True)))


def read(city: LoadedCity, name: str | None) -> Bills:
    """The city's billing file (columns zone, month and any of `KINDS`). Raises `PenstockError` with every fault of it at once."""
    if name is None:
        return Bills({})
    path = path_of(city.beside, name)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False).fillna("")  # a line that is too short has no value, not an empty one
    except (OSError, ValueError) as error:
        raise fault(
            f"water.losses.billed {path.name}", str(error), "a CSV of zone, month and volumes", "Correct the path or the file."
        ) from None
    unknown = sorted(set(table) - {"zone", "month", *KINDS})
    if unknown or not {"zone", "month", "billed_metered_m3"} <= set(table):
        allowed = f"columns zone, month, {', '.join(KINDS)}"
        raise fault(f"water.losses.billed {path.name}", f"columns {', '.join(table)}", allowed, "Correct its first line.")
    zones = {zone.id for zone in city.settings.zones} | {""}
    found: dict[tuple[str, str], tuple[Decimal, ...]] = {}
    problems = []
    for number, row in enumerate(table.to_dict("records"), start=2):
        key, seen = (row["zone"], row["month"]), _seen(row, zones)
        if key in found:
            seen = f"zone '{key[0]}' and month {key[1]} again"
        if seen:
            problems.append(
                Problem(f"{path.name} line {number}", seen, "a zone, a month as 2026-01 and volumes in m3, once", "Correct it.")
            )
            continue
        found[key] = tuple(Decimal(row.get(kind) or "0") for kind in KINDS)
    if problems:
        raise PenstockError(problems)
    return Bills(found)


def _seen(row: Mapping[str, str], zones: set[str]) -> str:
    """What is wrong with a line, or nothing."""
    if row["zone"] not in zones:
        return f"no zone '{row['zone']}'"
    try:
        date.fromisoformat(f"{row['month']}-01")
        volumes = [Decimal(row.get(kind) or "0") for kind in KINDS]
    except (ValueError, InvalidOperation):
        return f"{', '.join(row.values())}"
    return "" if all(volume.is_finite() and 0 <= volume <= MOST_M3 for volume in volumes) else "a volume below zero or above 10^12"
