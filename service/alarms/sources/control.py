"""Holds, the emergency stop, and writes that did not do what was approved."""

from collections.abc import Iterator
from typing import Any

from service import schema as t
from service.alarms.conditions import Condition, Seen
from service.alarms.kinds import Kind
from service.store import operations, results

STOP = Kind(
    "emergency_stop",
    ("Emergency stop in force, by {who}: {reason}", "急停生效，{who}：{reason}"),
    ("Nothing is written to any device. Release it when the cause is gone.", "不向任何设备下发。原因消除后解除。"),
    ("No plan is carried out; batteries, pumps and valves stay as they are.", "计划停止执行；储能、水泵、阀门维持现状。"),
    "severe",
    15,
    "now",
)
HOLD = Kind(
    "hold",
    ("{subject} is on hold, by {who}: {reason}", "{subject} 已闭锁，{who}：{reason}"),
    ("Approved commands for it are not written. Release it when the work is done.", "其已批准指令不会下发。作业结束后解除。"),
    ("The plan counts on a device that does nothing.", "计划依赖的设备不动作。"),
    "minor",
    480,
    "now",
)
FAILED = Kind(
    "command_failed",
    ("{subject}: commands {state}: {count}. {sentence}", "{subject}：{count} 条指令{state}。{sentence}"),
    ("Look at the device; it may not do what the plan counts on.", "检查设备；其行为可能与计划不符。"),
    ("A device does something else than was approved, or nobody knows what.", "设备动作与批准不符，或状态不明。"),
    "major",
    30,
    "tonight",
)
MISSED = Kind(
    "command_missed",
    ("{subject}: commands {state}: {count}. {sentence}", "{subject}：{count} 条指令{state}。{sentence}"),
    ("Nothing was written. Ask for a new plan if it is still wanted.", "未下发任何指令。如仍需要，请申请重新计划。"),
    ("The plan is carried out in part.", "计划仅部分执行。"),
    "minor",
    240,
    "tonight",
    suppressed_by=("emergency_stop",),
)
KINDS = (STOP, HOLD, FAILED, MISSED)
_FAILED, _MISSED = ("refused", "mismatch", "unknown"), ("held", "expired")


def found(seen: Seen) -> Iterator[Condition]:
    """One condition per hold, and one per point and state of its commands."""
    for row in operations.holds(seen.engine, seen.moment.now_utc):
        kind = STOP if row.subject == operations.STOP else HOLD
        yield Condition(kind.name, row.subject, row.since_utc, {"who": row.who, "reason": row.reason or "–"}, str(row.hold_id))
    c, grouped = t.command.c, dict[tuple[str, str], list[Any]]()
    for row in results.rows(seen.engine, t.command, c.state.in_(_FAILED + _MISSED), order=c.not_before_utc):
        grouped.setdefault((row.point_id, row.state), []).append(row)
    for (point, state), rows in sorted(grouped.items()):
        facts = {"state": state, "count": len(rows), "sentence": rows[-1].sentence}
        kind = FAILED if state in _FAILED else MISSED
        yield Condition(kind.name, point, rows[-1].not_before_utc, facts, f"{point} {state}")
