"""The words of notices, in English and Chinese."""

from collections.abc import Callable

WORDS: dict[str, tuple[str, str]] = {
    "night_done": ("{city}: night of {night} done", "{city}：{night} 夜间批次完成"),
    "night_problems": ("{city}: night of {night} done with problems", "{city}：{night} 夜间批次完成，有问题"),
    "night_failed": ("{city}: night of {night} FAILED", "{city}：{night} 夜间批次失败"),
    "alarms": ("{city}: {count} new alarms, the worst of priority {priority}", "{city}：新报警 {count} 条，最高 {priority} 级"),
    "test": ("{city}: test of channel {channel}", "{city}：通知渠道 {channel} 测试"),
    "test_line": ("This is a test; nothing has happened.", "本消息为测试，无异常发生。"),
    "count": ("New alarms", "新报警"),
    "worst": ("Worst", "最高级别"),
    "priority_1": ("priority 1, act now", "一级，立即处置"),
    "priority_2": ("priority 2, act this hour", "二级，一小时内处置"),
    "priority_3": ("priority 3, act this shift", "三级，本班内处置"),
    "status": ("Status", "状态"),
    "run": ("Run", "运行编号"),
    "took": ("Took", "用时"),
    "plan": ("Plan", "计划"),
    "cost": ("Cost beside doing nothing", "费用（不调度）"),
    "co2": ("CO2 beside doing nothing", "碳排放（不调度）"),
    "no_plan": ("none", "无"),
    "alarms_by": ("Alarms of priority 1 / 2 / 3", "一级 / 二级 / 三级报警"),
    "waits": ("Waits for approval", "待批准"),
    "leaks": ("Leaks that run", "在漏事件"),
    "zones": ("Left out of the night", "本夜未计入的分区"),
    "author": ("City file changed last by", "配置最近修改人"),
    "no_figures": ("The figures of this night cannot be read; see `penstock status`.", "本夜数据无法读取，见 `penstock status`。"),
    "more": ("and {count} more", "另有 {count} 项"),
    "foot_night": (
        "The whole report lies in {path} of the data folder. Penstock sent this by itself.",
        "完整报告在数据目录 {path}。本消息由 Penstock 自动发送。",
    ),
    "foot_alarms": (
        "The list of alarms is on the console. Penstock sent this by itself.",
        "报警列表见控制台。本消息由 Penstock 自动发送。",
    ),
    "foot_test": ("Sent by `penstock notices test`.", "由 `penstock notices test` 发送。"),
}


def words(language: str) -> Callable[..., str]:
    """A function that says a key in a language, with its facts filled in."""
    place = 1 if language == "zh" else 0

    def say(key: str, **facts: object) -> str:
        return WORDS[key][place].format(**facts)

    return say
