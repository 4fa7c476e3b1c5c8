"""Outages, and what carries too much or stands at too low or too high a voltage."""

from collections.abc import Iterator
from datetime import timedelta

from service.alarms.conditions import Condition, Seen
from service.alarms.kinds import Kind
from service.grid.view import abnormal, outages

_SLOT = timedelta(minutes=15)
OUTAGE = Kind(
    "outage",
    ("Outage on {subject}: {customers} customers without power, fault near {branch}", "{subject} 停电：{customers} 户，故障点近 {branch}"),
    ("Open Grid: check the proposed switching, approve it, send a crew.", "打开“电网”页：核对转供方案并批准，派出抢修队。"),
    ("Customers stay without power, critical ones without a way out.", "用户持续停电，重要用户无备用电源。"),
    "severe",
    15,
    "grid",
)
OVERLOAD = Kind(
    "overload",
    ("{subject} of {feeder} carries {value} of its rating, above {limit}", "{feeder} 的 {subject} 负载率 {value}，超过 {limit}"),
    ("Shift load: switch to a neighbouring feeder, or ask for a new plan.", "转移负荷：改由相邻馈线供电，或申请重新计划。"),
    ("It ages, then trips, and customers lose power.", "设备老化直至跳闸，用户停电。"),
    "major",
    30,
    "grid",
    off_delay=_SLOT,
)
LOW = Kind(
    "low_voltage",
    ("{subject} of {feeder}: {value} pu, below {limit} pu", "{feeder} 的 {subject}：{value} pu，低于 {limit} pu"),
    ("Check tap changer and load of the feeder; switch if it lasts.", "检查分接开关与馈线负荷；持续则倒闸。"),
    ("Appliances fail and complaints come in.", "用电设备异常，用户投诉。"),
    "major",
    60,
    "grid",
    off_delay=_SLOT,
)
HIGH = Kind(
    "high_voltage",
    ("{subject} of {feeder}: {value} pu, above {limit} pu", "{feeder} 的 {subject}：{value} pu，高于 {limit} pu"),
    ("Check tap changer and feed-in; charge storage or curtail.", "检查分接开关与分布式出力；储能充电或限发。"),
    ("Appliances are damaged and inverters trip.", "用电设备受损，逆变器脱网。"),
    "major",
    60,
    "grid",
    off_delay=_SLOT,
)
KINDS = (OUTAGE, OVERLOAD, LOW, HIGH)


def found(seen: Seen) -> Iterator[Condition]:
    """One condition per outage that lasts, and one per branch or bus out of its limits in the present state."""
    if seen.city.settings.grid is None:
        return
    for outage in outages(seen.engine, open_only=True):
        facts = {"customers": outage.customers, "branch": outage.branch, "critical": ", ".join(outage.critical.values())}
        yield Condition(OUTAGE.name, outage.feeder, outage.since_utc, facts, outage.outage_id, districts=outage.districts)
    for one in abnormal(seen.engine, seen.city, seen.moment.now_utc):
        share = one["kind"] == "overload"
        value, limit = (f"{one[name]:.0%}" if share else f"{one[name]:.3f}" for name in ("value", "limit"))
        facts = {"feeder": one["feeder"] or "–", "value": value, "limit": limit}
        yield Condition(one["kind"].replace("-", "_"), one["subject"], None, facts, districts=tuple(one["districts"]))
