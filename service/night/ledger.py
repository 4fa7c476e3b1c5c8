"""Post every civil day that is complete and not posted yet: usage by the registers, losses by the night flow, one sealed batch."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import pandas as pd
from sqlalchemy import Connection, func, select

from carbon import factors, proof
from carbon.ledger import old as ledger
from city.clock import civil_day, local_date
from city.places import Point
from city.quality import usable
from city.quantities import Quantity
from service import lost_water
from service import schema as t
from service.night import Night, Output
from service.store import meter_days, results
from service.store.readings import insert_rows
from service.store.runs import StepResult
from service.usage import runs as usage_runs
from service.utctime import UtcTime


def compute(night: Night) -> Output:
    """One batch with the entries of all unposted days before tonight; nothing to post is nothing written."""
    city = night.city.settings
    if not city.accounts:
        return Output(StepResult("nothing to post: no [[accounts]]"))
    if meter_days.first(night.engine) is None:
        return Output(StepResult("nothing to post: no usage in the store yet", status="waiting"))
    days = _unposted(night)
    if not days:
        return Output(StepResult("nothing to post: every day is posted"))
    metered = list(_metered(night, days))
    usage = pd.concat([*metered, *lost_water.usage(night, days, metered)], ignore_index=True)
    entries = ledger.post(usage, city.accounts, factors.load(night.city.factor_folders), night.now_utc, zone=city.city.time_zone)
    head = results.ledger_head(night.engine)
    number = head.number + 1 if head else 0
    header = proof.seal(entries, number, head.root if head else proof.GENESIS)
    gone = int((~usable(entries["quality"].to_numpy())).sum())
    last = local_date(days[-1][0], city.city.time_zone)

    def write(connection: Connection) -> None:
        connection.execute(
            t.former_ledger_batch.insert().values(
                number=number, day=last, entries=len(entries), columns=header.columns, previous=header.previous, root=header.root
            )
        )
        insert_rows(connection, t.former_ledger_entry, list(_rows(connection, entries, number)))

    posted = entries[entries["kind"] == "posting"]
    yesterday = posted.loc[posted["period_start_utc"] >= days[-1][0], "mg_by_gas"].sum() / 1e9
    tonnes = posted["mg_by_gas"].sum() / 1e9
    sentence = (
        f"{len(entries):,} entries for {len(days)} days up to {last}: {tonnes:,.1f} t CO2, {yesterday:,.1f} t of it on the last day;"
        f" {gone} entries missing; root {header.root[:12]}"
    )
    return Output(StepResult(sentence, {"entries": len(entries), "t_co2": float(tonnes), "missing": gone, "root": header.root}), write)


def _unposted(night: Night) -> list[tuple[datetime, datetime]]:
    """Civil days after the last posted one (or from the first stored one) and before tonight."""
    zone = night.city.settings.city.time_zone
    with night.engine.connect() as connection:
        last: date | None = connection.execute(select(func.max(t.former_ledger_batch.c.day))).scalar()
        first = connection.execute(select(t.meter_day.c.day_start_utc).order_by(t.meter_day.c.day_start_utc).limit(1)).scalar()
    if first is None:
        return []
    day = last + timedelta(days=1) if last else local_date(first, zone)
    found = []
    while day < night.date:
        found.append(civil_day(day, zone))
        day += timedelta(days=1)
    return found


def _metered(night: Night, days: Sequence[tuple[datetime, datetime]]) -> Iterator[pd.DataFrame]:
    groups: dict[tuple[Quantity, int], list[Point]] = {}
    for account in night.city.settings.accounts:
        point = night.city.points.get(account.point)
        if point is not None:
            groups.setdefault((point.stored, point.step_s), []).append(point)
    zone = night.city.settings.city.time_zone
    start, end = civil_day(local_date(days[0][0], zone) - timedelta(days=1), zone)[0], days[-1][1]
    for points in groups.values():
        block = meter_days.block(night.engine, points, start, end)
        yield usage_runs(block, days, meter_days.revised(night.engine, points, days[0][0], end))


def _rows(connection: Connection, entries: pd.DataFrame, number: int) -> Iterator[tuple[object, ...]]:
    stored = UtcTime()
    for ordinal, e in enumerate(entries.itertuples(index=False)):
        yield (
            number,
            ordinal,
            e.entry_id,
            e.account_id,
            *(stored.process_bind_param(time.to_pydatetime(), connection.dialect) for time in (e.period_start_utc, e.period_end_utc)),
            e.scope,
            e.activity,
            e.amount,
            e.factor_id,
            e.mg_by_gas,
            e.quality,
            e.kind,
            None if pd.isna(e.supersedes) else e.supersedes,
            stored.process_bind_param(e.known_at_utc.to_pydatetime(), connection.dialect),
        )
