"""The plan, the night that makes it, and the targets it serves."""

from collections.abc import Iterator

from service import schema as t
from service.alarms.conditions import Condition, Seen, alike
from service.alarms.kinds import Kind
from service.store import results, runs

NO_PLAN = Kind(
    "no_plan",
    ("No plan is possible: {reason}", "无可行计划：{reason}"),
    ("Devices keep what they do. Remove the conflict and ask for a new plan.", "设备维持现状。消除冲突后申请重新计划。"),
    ("The city runs unplanned: tanks and peaks are nobody's care.", "全市无计划运行：水池与峰值无人调度。"),
    "major",
    15,
    "tonight",
)
BREACH = Kind(
    "breach",
    ("{sentence}", "{sentence}"),
    ("The plan cannot keep this wish; decide whether that is acceptable before approving.", "计划无法满足此要求；批准前请判断是否可接受。"),
    ("A wish of the utility is not kept.", "公司的一项要求未得到满足。"),
    "minor",
    240,
    "tonight",
)
NIGHT_FAILED = Kind(
    "night_failed",
    ("Night of {night}: step {subject} failed. {sentence}", "{night} 夜间批次：步骤 {subject} 失败。{sentence}"),
    ("Mend what it says, then run `penstock night` again: it resumes.", "按提示排除故障后重新运行 `penstock night`：将从断点继续。"),
    ("What follows from this step is of the night before.", "后续结果仍为前一夜的。"),
    "major",
    60,
    "runs",
)
OFF_PATH = Kind(
    "off_path",
    ("Target {subject}: {actual}, required {required}", "目标 {subject}：{actual}，要求 {required}"),
    ("Open Carbon for what it takes from here.", "打开“碳账本”页查看所需措施。"),
    ("The target of the year is missed unless somebody acts in good time.", "如不及时采取措施，年度目标将无法完成。"),
    "minor",
    480,
    "carbon",
)
KINDS = (NO_PLAN, BREACH, NIGHT_FAILED, OFF_PATH)


def found(seen: Seen) -> Iterator[Condition]:
    """The newest plan's breaches, failed steps of the last night, targets behind their path."""
    row = results.last_plan(seen.engine)
    if row is not None and row.status in ("impossible", "fallback"):
        reasons = row.detail.get("reasons", [])
        yield Condition(NO_PLAN.name, row.plan_id, row.made_at_utc, {"reason": "; ".join(map(str, reasons))}, "plan")
    if row is not None:
        for breach in results.rows(seen.engine, t.breach, t.breach.c.plan_id == row.plan_id, order=t.breach.c.ordinal):
            yield Condition(
                BREACH.name, breach.asset_id, row.made_at_utc, {"sentence": breach.sentence}, f"{breach.asset_id} {alike(breach.sentence)}"
            )
    yield from _night(seen)
    rows = results.rows(seen.engine, t.target_progress, order=t.target_progress.c.night.desc())
    for target in (one for one in rows if one.night == rows[0].night and one.on_path is False):
        yield Condition(OFF_PATH.name, target.target_id, None, {"actual": target.actual, "required": target.required}, about="")


def _night(seen: Seen) -> Iterator[Condition]:
    city, night = seen.city.settings.city.id, seen.moment.night
    for name, step in runs.steps_done(seen.engine, city, night).items() if night else ():
        if step.status == "failed":
            facts = {"night": str(night), "sentence": step.sentence[:300]}
            yield Condition(NIGHT_FAILED.name, name, step.ended_utc, facts, about="")
