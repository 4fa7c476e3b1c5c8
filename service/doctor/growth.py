"""What a day of this city adds to the disk for good, measured on the newest day in the store."""

from sqlalchemy import Connection, Engine, Table, func, select

from service import schema as t

_ROW_BYTES = 100  # of a row beside its vectors: keys, times, who and why, the index


def bytes_per_night(engine: Engine) -> int:
    """Vectors of the newest validated day, forecasts and plans of the newest night, cold storage of its newest day [bytes]."""
    m, f, p, v, c = t.meter_day.c, t.forecast.c, t.forecast_path.c, t.plan_value.c, t.cold_day.c
    with engine.connect() as connection:
        day = connection.execute(select(func.max(m.day_start_utc))).scalar()
        night = connection.execute(select(func.max(f.night))).scalar()
        plans = select(t.plan.c.plan_id).where(t.plan.c.night == night)
        total = _size(connection, t.meter_day, (m.amounts, m.quality), m.day_start_utc == day)
        total += _size(connection, t.forecast, (f.quantiles,), f.night == night)
        total += _size(connection, t.forecast_path, (p.amounts,), p.night == night)
        total += _size(connection, t.plan_value, (v.amounts,), v.plan_id.in_(plans))
        newest = connection.execute(select(func.max(c.day))).scalar()
        total += connection.execute(select(func.sum(c.bytes)).where(c.day == newest)).scalar() or 0
    return int(total)


def _size(connection: Connection, table: Table, columns: tuple[object, ...], where: object) -> int:
    lengths = [func.coalesce(func.sum(func.length(column)), 0) for column in columns]
    statement = select(func.count(), *lengths).select_from(table).where(where)  # type: ignore[arg-type]
    count, *sizes = connection.execute(statement).one()
    return int(count) * _ROW_BYTES + sum(map(int, sizes))
