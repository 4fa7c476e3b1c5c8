"""Readings on their way: what waits in the spools of this machine, and the stations that forward to it."""

from collections.abc import Iterator

from meters.spool import fill
from service import schema as t
from service.alarms.conditions import Condition, Seen, alike
from service.alarms.kinds import Kind
from service.store import results

MOST_TOLD = 12  # of one station
SPOOL = Kind(
    "spool",
    ("{subject}: {sentence}", "读数缓存 {subject}：{sentence}"),
    (
        "Bring the database back or free the disk; what is kept is safe and goes in by itself.",
        "恢复数据库或释放磁盘；已保存的读数安全，将自动入库。",
    ),
    ("Figures and plans stand on old readings; the disk fills.", "数据与计划基于旧读数；磁盘逐渐占满。"),
    "major",
    60,
    "meters",
)
FULL = Kind(
    "spool_full",
    ("{subject}: {sentence}", "读数缓存 {subject}：{sentence}"),
    ("Free the disk now; then look for the gap in the readings and reset this alarm.", "立即释放磁盘；随后核查读数缺口并复位本报警。"),
    ("Readings are lost for good.", "读数永久丢失。"),
    "severe",
    15,
    "meters",
    latched=True,
)
SILENT = Kind(
    "station_silent",
    ("Station {subject} has not been heard for an hour", "厂站 {subject} 已一小时无消息"),
    ("Check its line and power; its readings wait there and come by themselves.", "检查其通信与电源；读数在站内保存，恢复后自动上送。"),
    ("A part of the city is not seen.", "城市局部失去监视。"),
    "major",
    60,
    "meters",
)
STATION = Kind(
    "station",
    ("Station {subject}: {sentence}", "厂站 {subject}：{sentence}"),
    ("Run `penstock doctor` at the station.", "在该站运行 `penstock doctor`。"),
    ("The station may fall silent, or its times may be wrong.", "该站可能失联，或时标有误。"),
    "major",
    60,
    "meters",
)
KINDS = (SPOOL, FULL, SILENT, STATION)


def found(seen: Seen) -> Iterator[Condition]:
    """What waits too long or has no room, where this runs on the machine that keeps it; stations that are silent or complain."""
    now_utc = seen.moment.now_utc
    for name in fill.NAMES:
        spool = fill.look(seen.city.folder / name)
        for problem in spool.alarms(now_utc) if spool else ():
            kind = SPOOL if spool and spool.reserve_held else FULL
            since = spool.since_utc if spool else None
            yield Condition(
                kind.name, problem.subject, since, {"sentence": problem.observed}, f"{name} {alike(problem.observed)}", about=""
            )
    for row in results.rows(seen.engine, t.heartbeat, t.heartbeat.c.process.startswith("edge ")):
        station = row.process.removeprefix("edge ")
        if now_utc - row.time_utc > fill.LONG:
            yield Condition(SILENT.name, station, row.time_utc)
            continue
        for sentence in map(str, (row.detail or {}).get("alarms", ())[:MOST_TOLD]):
            yield Condition(STATION.name, station, None, {"sentence": sentence}, f"{station} {alike(sentence)}")
