"""Leaks, low pressure, and the sensors that the leak watch does not believe."""

from collections.abc import Iterator
from datetime import timedelta

from service import water_quality
from service.alarms.conditions import Condition, Seen
from service.alarms.kinds import Kind
from service.view.water import faults, leaks

TASKS = {  # what is to be done next about a leak -> the operator's action
    "approve": ("Open Water: approve the isolation, send a crew.", "打开“供水”页：批准隔离，派出抢修队。"),
    "dig": ("Open Water: send a crew to the suspected pipes.", "打开“供水”页：派抢修队检查可疑管段。"),
    "repair": ("Found: repair it, then tell it on Water.", "已找到：修复后在“供水”页登记。"),
}
FAULTS = {  # of a sensor
    "drift": ("drifts by {size} m a day", "每日漂移 {size} m"),
    "stuck": ("is stuck at {size} m", "卡死在 {size} m"),
    "clock": ("has a clock that is {size} min late", "时钟慢 {size} 分钟"),
    "datum": ("reads {size} m too high: its datum is wrong", "读数偏高 {size} m：基准高程有误"),
}
BURST = Kind(
    "burst",
    ("Burst of {flow} m3/h in {zone}, most likely pipe {pipe}", "{zone} 爆管 {flow} m3/h，最可能为管道 {pipe}"),
    ("{task}", "{task}"),
    ("Water is lost by the minute, streets are undermined, customers lose pressure.", "水量持续流失、路面掏空、用户失压。"),
    "severe",
    15,
    "water",
)
SLOW = Kind(
    "slow_leak",
    ("Slow leak of {flow} m3/h in {zone}, most likely pipe {pipe}", "{zone} 暗漏 {flow} m3/h，最可能为管道 {pipe}"),
    ("{task}", "{task}"),
    ("Water is lost day by day; the leak grows.", "水量逐日流失，漏点扩大。"),
    "minor",
    480,
    "water",
)
PRESSURE = Kind(
    "low_pressure",
    ("{subject}: pressure {value} m, below {limit} m", "{subject}：压力 {value} m，低于 {limit} m"),
    ("Check for a burst nearby, tank levels and pumps.", "检查附近爆管、水池水位与水泵。"),
    ("Customers nearby are badly served; below zero dirt is sucked in.", "附近用户供水不足；负压可能吸入污染物。"),
    "major",
    30,
    "water",
    off_delay=timedelta(minutes=15),
    deadband=0.5,
)
FAULT = Kind(
    "sensor_fault",
    ("{subject} {fault}: not a leak", "{subject} {fault}：并非漏水"),
    ("Have the sensor looked at; the leak watch leaves it out until then.", "安排检修传感器；在此之前漏损监视不采用其数值。"),
    ("Leaks near it are found later.", "其附近漏点发现延迟。"),
    "minor",
    480,
    "meters",
)
POLLUTED = Kind(
    "water_outside",
    (
        "{subject}: {quantity} {value}, outside the limits of the tap (usual {usual})",
        "{subject}：{quantity} {value}，超出饮用水限值（平时 {usual}）",
    ),
    (
        "Open Water: have a sample taken, hold what feeds the zone, call the health office.",
        "打开“供水”页：立即取样，停供该分区来水，通知卫生部门。",
    ),
    ("People drink it.", "居民将饮用该水。"),
    "severe",
    15,
    "water",
)
UNUSUAL = Kind(
    "water_unusual",
    ("{subject}: {quantity} {value}, unlike its own past (usual {usual})", "{subject}：{quantity} {value}，与历史规律不符（平时 {usual}）"),
    (
        "Open Water: look at the other signals nearby; have a sample taken if they agree.",
        "打开“供水”页：核对附近其他水质信号；一致则取样。",
    ),
    ("A pollution is noticed at the tap instead of in the pipe.", "污染到用户端才被发现。"),
    "major",
    60,
    "water",
)
KINDS = (BURST, SLOW, PRESSURE, FAULT, POLLUTED, UNUSUAL)


def found(seen: Seen) -> Iterator[Condition]:
    """A burst now, a slow leak this shift; pressures below what a customer is promised; faulty sensors."""
    if seen.city.settings.water is None:
        return
    for leak in leaks(seen.engine, seen.city, seen.moment.now_utc):
        if leak.is_open:
            zone = leak.zone_id or seen.city.settings.city.name  # a city whose districts are not metered
            facts = {"flow": leak.flow_m3_per_h, "pipe": leak.pipe, "zone": zone, "task": leak.task}
            kind = BURST if leak.kind == "burst" else SLOW
            yield Condition(kind.name, zone, leak.start_utc, facts, leak.case_id, about=leak.zone_id)
    for row in faults(seen.engine):
        facts = {"fault": row.kind, "size": row.size}
        yield Condition(FAULT.name, row.sensor.rsplit(".", 1)[0], row.since_utc, facts, f"{row.sensor} {row.kind}")
    for row in water_quality.listed(seen.engine, open_only=True):
        kind = POLLUTED if row.outside else UNUSUAL
        facts = {"quantity": row.quantity, "value": row.value, "usual": row.usual}
        meter = row.point_id.rsplit(".", 1)[0]
        yield Condition(kind.name, meter, row.start_utc, facts, str(row.event_id), about=row.zone_id or meter)
    yield from _pressures(seen, seen.city.settings.water.service_pressure_m)


def _pressures(seen: Seen, wanted_m: float) -> Iterator[Condition]:
    """An alarm that is on goes off half a metre above the limit, so that a pressure at the limit does not chatter."""
    board = seen.board
    near = (board["quantity"] == "pressure_m") & board["usable"] & ~board["late"] & (board["value"] < wanted_m + PRESSURE.deadband)
    for row in board[near].itertuples():
        if row.value < wanted_m or (PRESSURE.name, row.meter_id) in seen.active:
            yield Condition(PRESSURE.name, row.meter_id, row.value_utc.to_pydatetime(), {"value": row.value, "limit": wanted_m})
