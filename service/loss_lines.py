"""What `penstock water balance` and `penstock water pressure-what-if` say."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from city.clock import local_date
from service import asked_files
from service.night import Night
from service.view import losses
from service.water import WaterCity


def balance(engine: Engine, side: WaterCity, month: str | None, csv: Path | None) -> Iterator[str]:
    """The IWA table of the city, the DMAs in order of recoverable loss, the targets. Raises `PenstockError` for a month nobody told."""
    found = losses.months(engine)
    rows = losses.chosen(found, month)
    zone = "" if (rows["zone_id"] == "").any() else str(rows["zone_id"].iloc[0])
    table = losses.iwa(rows, zone)
    yield f"Water balance of {zone or 'the city'}, {rows['month'].iloc[0]} [m3, +- 95 %]"
    for line in table.itertuples():
        name = "  " * line.level + line.component.replace("_", " ")
        yield f"{name:<32}{line.m3:14,.1f} +- {line.limit_m3:10,.1f} {line.percent:6.1f} %"
    yield "DMAs by recoverable loss [m3, 90 %]"
    for row in losses.ranked(rows, side.water.price_per_m3).itertuples():
        index = f"ILI {row.ili:.1f} +- {1.96 * row.ili_sd:.1f}" if row.ili == row.ili else "ILI not told"
        yield (
            f"{row.rank:3} ({row.rank_low}-{row.rank_high}) {row.area:<12}{row.recoverable_m3:12,.0f}"
            f" ({row.low_m3:,.0f} to {row.high_m3:,.0f}), {row.money:,.0f} {side.city.settings.city.currency}, {index},"
            f" night flow {row.night_flow_m3_per_h:.1f} m3/h"
        )
    for one in losses.tracked(rows).itertuples():
        yield (
            f"target {one.target}: {100 * one.observed:.1f} % lost ({100 * one.low:.1f} to {100 * one.high:.1f}),"
            f" promised {100 * one.required:.1f} %: {one.state}"
        )
    if csv is not None:
        asked_files.write_table(csv, losses.exported(rows))
        yield f"written to {csv}"


def pressure(engine: Engine, side: WaterCity, zone: str, setting_m: float, now: datetime) -> Iterator[str]:
    """What a valve set to `setting_m` saves per year in a DMA, and what it leaves at the worst point."""
    night = Night(side.city, engine, local_date(now, side.city.settings.city.time_zone), now, {})
    found = losses.pressure_what_if(night, side, zone, setting_m)
    yield f"{zone} at {found.setting_m:g} m: {found.average_m:.1f} m on average, {found.lowest_m:.1f} m at its highest junction"
    if found.lowest_m < side.water.service_pressure_m:
        yield f"  that is below the service pressure of {side.water.service_pressure_m:g} m: do not set it so"
    yield (
        f"  leakage less {found.leakage_m3:,.0f} m3 a year"
        f" ({found.leakage_low_m3:,.0f} to {found.leakage_high_m3:,.0f} as N1 is 0.5 to 1.5),"
        f" demand less {found.consumption_m3:,.0f} m3, bursts less {found.bursts:.1f}"
    )
    money = f"{found.money:,.0f} {side.city.settings.city.currency}"
    energy = f"{found.kwh:,.0f} kWh" if found.kwh == found.kwh else "electricity not told (water.losses.energy or kwh_per_m3)"
    carbon = f", {found.kg_co2:,.0f} kg CO2" if found.kg_co2 == found.kg_co2 else ""
    yield f"  worth {money} a year; {energy}{carbon}"
