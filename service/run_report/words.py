"""The words of the run report, in English and Chinese."""

from collections.abc import Callable

LANGUAGES = ("en", "zh")
Say = Callable[..., str]

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Night report", "夜间批次报告"),
    "night_of": ("Night of {night}", "{night} 夜间批次"),
    "run": ("Run", "运行"),
    "as_of": ("as of", "时刻"),
    "took": ("took", "用时"),
    "settings": ("Settings", "配置"),
    "settings_by": ("changed last by {who}", "最近修改人 {who}"),
    "settings_changed": ("What changed in the city file since the run before", "城市配置自上次运行以来的变化"),
    "status_done": ("Done", "完成"),
    "status_problems": ("Done with problems", "完成，有问题"),
    "status_failed": ("Failed", "失败"),
    "status_running": ("Not ended", "未结束"),
    "status_waiting": ("Waiting", "等待"),
    # figures on top
    "plan_cost": ("Cost of the plan", "计划费用"),
    "plan_co2": ("CO₂ of the plan", "计划碳排放"),
    "against": ("{difference} against doing nothing ({value})", "比不调度 {difference}（{value}）"),
    "none": ("none", "无"),
    "no_plan": ("no plan was made", "未生成计划"),
    "no_figures": ("the plan has no figures", "计划无数值"),
    "forecast_gain": ("Forecast error, day 1", "首日预测误差"),
    "below_naive": ("against seasonal naive; {series} series", "相对季节性朴素预测；{series} 个序列"),
    "alarms": ("Alarms on the list", "当前报警"),
    "alarms_said": ("priority 1 / 2 / 3", "一级 / 二级 / 三级"),
    "waits": ("Waits for approval", "待批准"),
    "commands_of": ("{commands} commands in {plans} proposals", "{plans} 份方案，{commands} 条指令"),
    "ledger_to": ("Ledger posted to", "账本入账至"),
    "signed": ("root signed", "根已签名"),
    "unsigned": ("root NOT signed", "根未签名"),
    # sections
    "todo": ("What needs somebody", "需要处置的事项"),
    "calm": ("Nothing waits for anybody.", "无待处置事项。"),
    "left_out": ("Left out of the night", "本夜未计入的分区"),
    "leaks": ("Leaks that run", "在漏事件"),
    "outages": ("Outages", "停电"),
    "cases": ("Open cases", "未结工单"),
    "plan": ("The plan", "运行计划"),
    "grid_kw": ("Power drawn from the grid [kW]", "电网受电功率 [kW]"),
    "plan_line": ("plan", "计划"),
    "baseline_line": ("doing nothing", "不调度"),
    "breaches": ("Wishes that could not be kept", "未能满足的要求"),
    "reasons": ("Why no other plan could be made", "未能生成其他计划的原因"),
    "notes": ("Notes", "说明"),
    "plan_optimal": ("optimal", "最优"),
    "plan_time-limited": ("not proved optimal", "未证最优"),
    "plan_relaxed": ("wishes relaxed", "已放宽要求"),
    "plan_impossible": ("impossible", "不可行"),
    "plan_fallback": ("stands in for a plan that could not be made", "替代未能生成的计划"),
    "forecasts": ("Forecasts", "预测"),
    "band": ("expected course with its P10 to P90 band", "期望曲线与 P10–P90 区间"),
    "highest": ("highest {value} {unit} at {time}", "最高 {value} {unit}，{time}"),
    "kind_load": ("Load", "用电负荷"),
    "kind_pv": ("Sun", "光伏"),
    "kind_wind": ("Wind", "风电"),
    "kind_water": ("Water demand", "用水量"),
    "kind_gas": ("Gas demand", "用气量"),
    "kind_heat": ("Heat demand", "用热量"),
    "steps": ("Steps of the night", "批次步骤"),
    "step_validate": ("Validation", "数据校核"),
    "step_forecast": ("Forecasts", "预测"),
    "step_plan": ("Plan", "计划"),
    "step_leaks": ("Leaks", "漏损"),
    "step_ledger": ("Ledger", "碳账本"),
    "step_targets": ("Targets", "目标"),
    "after": ("After the steps", "步骤之后"),
    "targets": ("Targets", "目标"),
    "on_path": ("on its path", "达标"),
    "behind": ("behind", "落后"),
    "ledger": ("Carbon ledger", "碳账本"),
    "no_ledger": ("Nothing is posted yet.", "尚未入账。"),
    "ledger_said": ("{entries} entries in {batches} batches, posted to {day}", "共 {entries} 条，{batches} 批，入账至 {day}"),
    # columns
    "priority": ("Priority", "级别"),
    "since": ("Since", "开始"),
    "what": ("What", "事项"),
    "what_todo": ("What to do", "处置"),
    "proposal": ("Proposal", "方案"),
    "commands": ("Commands", "指令"),
    "people": ("People", "批准人数"),
    "first": ("First write", "首条下发"),
    "approved_by": ("Approved by", "已批准"),
    "flow": ("Flow, m³/h", "流量，m³/h"),
    "place": ("Place", "位置"),
    "case": ("Case", "工单"),
    "owner": ("Owner", "责任人"),
    "due": ("Due", "期限"),
    "step": ("Step", "步骤"),
    "seconds": ("Seconds", "秒"),
    "deadline": ("May take", "时限"),
    "said": ("What it said", "说明"),
    "problems": ("problems", "项问题"),
    "zone": ("Zone", "分区"),
    "target": ("Target", "目标"),
    "required": ("Required", "要求"),
    "actual": ("Actual", "实际"),
    "more": ("and {count} more: see report.json", "另有 {count} 项，见 report.json"),
    "priority_1": ("1, act now", "一级，立即"),
    "priority_2": ("2, this hour", "二级，一小时内"),
    "priority_3": ("3, this shift", "三级，本班内"),
    "seen": ("acknowledged", "已确认"),
    "foot": (
        "Made by Penstock from its records. Every figure stands in report.json beside this file; sentences of the night are as stored.",
        "由 Penstock 依据运行记录生成；全部数据见同目录 report.json。批次说明按存储原文显示。",
    ),
}


def words(language: str) -> Say:
    """A function that says a key in a language, with its facts filled in; a key that is none is said as it is."""
    place = LANGUAGES.index(language)

    def say(key: str, **facts: object) -> str:
        text = WORDS[key][place] if key in WORDS else key
        return text.format(**facts) if facts else text

    return say


def named(say: Say, prefix: str, name: str) -> str:
    """The word for a stored name, or the name itself."""
    key = f"{prefix}_{name}"
    return say(key) if key in WORDS else name
