"""The service watching itself: processes that have not been heard of, and sources of alarms that fail."""

from collections.abc import Iterator

from service.alarms.conditions import Condition, Seen
from service.alarms.kinds import Kind

POLL = Kind(
    "poll_gone",
    ("The reading process is not heard of; last: {last}", "采集进程无心跳，最近一次：{last}"),
    (
        "Start `penstock poll`, or look at its log; nothing on this screen is live until then.",
        "启动 `penstock poll` 或查看其日志；在此之前画面均非实时。",
    ),
    ("The control room is blind, and approved commands are not written.", "控制室失去监视，已批准指令不下发。"),
    "severe",
    15,
    "runs",
)
NIGHT = Kind(
    "night_gone",
    ("The night did not run; last: {last}", "夜间批次未运行，最近一次：{last}"),
    ("Look at the timer and run `penstock night`.", "检查定时器并运行 `penstock night`。"),
    ("Plan, forecasts and ledger are those of an earlier day.", "计划、预测与账本仍为前一日的。"),
    "major",
    60,
    "runs",
)
WORK = Kind(
    "work_gone",
    ("The request process is not heard of; last: {last}", "申请进程无心跳，最近一次：{last}"),
    ("Start `penstock work`; requests wait until then.", "启动 `penstock work`；在此之前申请将排队。"),
    ("New plans and what-ifs wait; alarms are evaluated by the readings only.", "重新计划与推演排队；报警仅随采集更新。"),
    "minor",
    240,
    "runs",
)
SOURCE = Kind(
    "source_failed",
    ("Alarms of {subject} cannot be evaluated: {sentence}", "{subject} 类报警无法评估：{sentence}"),
    ("Watch that part by its own page, and tell an engineer.", "改用对应页面监视该部分，并通知工程师。"),
    ("What is abnormal there is not annunciated; its alarms stay as they were.", "该部分异常不再报警；其报警保持原状。"),
    "major",
    60,
    "runs",
)
KINDS = (POLL, NIGHT, WORK, SOURCE)  # conditions of the last come from `refresh`, which sees what fails
_KIND = {"poll": POLL, "night": NIGHT, "work": WORK}


def found(seen: Seen) -> Iterator[Condition]:
    """One condition per process that is late. A city that reads nothing itself needs no reading process, and a night or `work` that
    never ran is not gone."""
    settings = seen.city.settings
    reads = settings.links or settings.drops or settings.brokers
    for late in seen.moment.late:
        if reads if late.process == "poll" else late.last_utc:
            local = seen.moment.local(late.last_utc).strftime("%Y-%m-%d %H:%M %Z") if late.last_utc else None
            yield Condition(_KIND[late.process].name, late.process, late.last_utc, {"last": local}, about="")
