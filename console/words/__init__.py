"""Every word on the screen, in English and Chinese. Sentences that the night stored stay as they were stored."""

from typing import Literal, get_args

import streamlit as st

from console.words.access import ACCESS_WORDS
from console.words.alarms import ALARM_WORDS
from console.words.audit import AUDIT_WORDS
from console.words.carbon import CARBON_WORDS
from console.words.cases import CASE_WORDS
from console.words.course import COURSE_WORDS
from console.words.frame import FRAME_WORDS
from console.words.grid import GRID_WORDS
from console.words.isolation import ISOLATION_WORDS
from console.words.levels import LEVEL_WORDS
from console.words.losses import LOSS_WORDS
from console.words.meters import METER_WORDS
from console.words.phrases import PHRASES
from console.words.plan import PLAN_WORDS
from console.words.shifts import SHIFT_WORDS
from console.words.water import WATER_WORDS

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

LABELS: dict[str, tuple[str, str]] = {
    # pages and frame
    "console": ("Penstock control room", "Penstock 控制室"),
    "now": ("Now", "实时"),
    "tonight": ("Tonight", "今夜计划"),
    "water": ("Water", "供水"),
    "carbon": ("Carbon", "碳账本"),
    "meters": ("Meters", "计量"),
    "runs": ("Runs", "运行记录"),
    "language": ("Language", "语言"),
    "sign_in": ("Sign in", "登录"),
    "sign_out": ("Sign out", "退出"),
    "name": ("Name", "用户名"),
    "password": ("Password", "密码"),
    "operator": ("operator", "操作员"),
    "planner": ("planner", "规划员"),
    "viewer": ("viewer", "只读"),
    "clock": ("clock", "时钟"),
    "replayed": ("replayed clock", "回放时钟"),
    "age": ("Age", "距今"),
    "download": ("Download CSV", "下载 CSV"),
    "none": ("none", "无"),
    "never": ("never", "从未"),
    # tiles
    "load": ("City load", "全市负荷"),
    "pv": ("Photovoltaic", "光伏"),
    "wind": ("Wind", "风电"),
    "inflow": ("Water inflow", "供水量"),
    "pressure": ("Lowest pressure", "最低压力"),
    "tanks": ("Water in tanks", "水池存水"),
    "charge": ("Battery charge", "电池电量"),
    "intensity": ("Grid carbon intensity", "电网碳强度"),
    "forecast": ("forecast", "预测"),
    "limit": ("limit", "限值"),
    "at_least": ("at least", "不低于"),
    "at_most": ("at most", "不高于"),
    "meters_of": ("meters", "表计"),
    "no_value": ("no value", "无数值"),
    # alarms
    "alarms": ("Alarms", "报警"),
    "priority": ("Priority", "优先级"),
    "what": ("What is abnormal", "异常"),
    "do": ("What to do", "处置"),
    "since": ("since", "起始"),
    "stop_and_hold": ("Stop and hold", "急停与闭锁"),
    "emergency_stop_button": ("Emergency stop: write nothing", "急停：停止一切下发"),
    "hold_button": ("Hold", "闭锁"),
    "release_button": ("Release", "解除"),
    "subject": ("Asset or point", "设备或测点"),
    "reason": ("Reason", "原因"),
    "everything": ("everything", "全部"),
    "in_force": ("In force", "生效中"),
    # tonight
    "plan": ("Plan", "计划"),
    "baseline": ("Doing nothing", "不作调度"),
    "cost": ("Cost", "费用"),
    "co2": ("CO2", "二氧化碳"),
    "peak": ("Highest import", "最大受电功率"),
    "saving": ("saved", "节省"),
    "more": ("more", "增加"),
    "status": ("Status", "状态"),
    "made": ("Made", "生成"),
    "horizon": ("Horizon", "时段"),
    "approval": ("Approval", "批准"),
    "approve_button": ("Approve the plan", "批准计划"),
    "approve_isolation_button": ("Approve closing these valves", "批准关闭这些阀门"),
    "replan_button": ("Ask for a new plan", "申请重新计划"),
    "not_approved": ("Not approved: nothing is written. ", "未批准：不下发任何指令。"),
    "forecasts": ("Forecasts", "预测"),
    "expected": ("P50", "P50"),
    "band": ("P10 to P90", "P10 至 P90"),
    "demand_water": ("Water demand", "用水量"),
    "demand_gas": ("Gas", "燃气"),
    "heat": ("Heat", "供热"),
    "net": ("Net load", "净负荷"),
    "drivers": ("What drives the peaks", "峰值成因"),
    "peak_risk": ("Peak risk", "峰值风险"),
    "expected_peak": ("expected", "预计"),
    "rating": ("rating", "额定值"),
    "around": ("around", "约"),
    "schedules": ("Schedules", "设备日程"),
    "prices": ("Marginal prices", "边际价格"),
    "prices_note": ("what one more kWh or m3 would cost", "多用 1 kWh 或 1 m3 的成本"),
    "why": ("What the plan ran into", "计划的约束"),
    "breaches": ("Wishes not kept", "未满足的要求"),
    "binding": ("Limits that bind", "起作用的约束"),
    "notes": ("Notes", "说明"),
    "reasons": ("Why no plan is possible", "无可行计划的原因"),
    "requests": ("Requests", "申请"),
    # known events
    "known_events": ("Known events", "已知事件"),
    "event_changes": ("What they change tonight", "对今夜预测的影响"),
    "enter_event": ("Enter an event", "登记事件"),
    "cancel_event": ("Cancel an event", "取消事件"),
    "subject_event": ("What it is about", "涉及对象"),
    "number": ("Number", "编号"),
    "effect": ("Effect", "影响"),
    "effect_factor": ("Times the forecast", "预测的倍数"),
    "effect_level": ("Instead, kW or m3/h", "改为，kW 或 m3/h"),
    "effect_like": ("Like another day", "按其他日型"),
    "like_day": ("Like a", "日型"),
    # carbon
    "targets": ("Targets", "目标"),
    "required": ("required", "要求"),
    "actual": ("actual", "实际"),
    "on_path": ("on path", "达标"),
    "off_path": ("behind the path", "落后于目标"),
    "no_progress": ("not told yet", "尚无数据"),
    "emissions": ("Emissions by month", "逐月排放"),
    "by_sector": ("by sector", "按行业"),
    "by_scope": ("by scope", "按范围"),
    "by_activity": ("by activity", "按活动"),
    "scope": ("Scope", "范围"),
    "tonnes": ("t CO2e", "吨 CO2e"),
    "kg": ("kg of gas", "气体质量，千克"),
    "amount_stored": ("Amount, Wh or mL", "数量（Wh 或 mL）"),
    "quality": ("Quality", "质量码"),
    "sector": ("Sector", "行业"),
    "drill": ("Entries of an account", "账户明细"),
    "account": ("Account", "账户"),
    "statements": ("Statements", "报表"),
    "no_statements": ("None written yet: `penstock report` writes them.", "尚未生成：由 `penstock report` 生成。"),
    "root": ("Ledger root", "账本根哈希"),
    "batches": ("batches", "批次"),
    "entries": ("entries", "条目"),
    "energy_per_gdp": ("Energy per GDP", "单位 GDP 能耗"),
    "carbon_intensity": ("Carbon intensity of GDP", "单位 GDP 碳排放"),
    "renewable_share": ("Renewable share of electricity", "可再生电力占比"),
    "water_loss": ("Water loss", "供水漏损率"),
    # meters
    "online": ("Online", "在线率"),
    "usable": ("Usable", "可用"),
    "readings_day": ("Readings that can be used, last 24 h", "最近 24 小时可用读数"),
    "quality_by_cause": ("What spoiled readings on the last stored day", "最近入库日的质量原因"),
    "points": ("Points", "测点"),
    "course": ("Course of a point", "测点曲线"),
    "point": ("Point", "测点"),
    "raw": ("As read", "原始读数"),
    "usage": ("Used per interval", "区间用量"),
    "as_stored": ("As validated", "校核后"),
    "age_min": ("Age, min", "距今，分钟"),
    "not_usable": ("not usable", "不可用"),
    "all_points": ("all", "全部"),
    "bad_points": ("abnormal", "异常"),
    # runs
    "nights": ("Nights", "夜间批次"),
    "night": ("Night", "批次日期"),
    "steps": ("Steps", "步骤"),
    "problems": ("Problems", "问题"),
    "audit": ("Audit trail", "审计记录"),
    "models": ("Forecast models and why", "预测模型与理由"),
    "settings": ("Settings (read only)", "配置（只读）"),
    "config_hash": ("Settings", "配置版本"),
    "config_author": ("Changed by", "修改人"),
    "config_changed": ("What changed in the city file before run {run}", "第 {run} 次运行前城市文件的改动"),
    "about": ("About", "对象"),
    "recent": ("Recent runs", "最近运行"),
    # columns
    "time": ("Time", "时间"),
    "meter": ("Meter", "表计"),
    "zone": ("Zone", "分区"),
    "quantity": ("Quantity", "量"),
    "value": ("Value", "数值"),
    "unit": ("Unit", "单位"),
    "cause": ("Cause", "原因"),
    "intervals": ("Intervals", "区间数"),
    "who": ("Who", "人员"),
    "action": ("Action", "操作"),
    "sentence": ("What was said", "说明"),
    "step": ("Step", "步骤"),
    "seconds": ("Seconds", "秒"),
    "state": ("State", "状态"),
    "not_before": ("From", "开始"),
    "not_after": ("Until", "截止"),
    "setpoint": ("Setpoint", "设定值"),
    "series": ("Series", "序列"),
    "model": ("Model", "模型"),
    "skill": ("Skill on day 1", "首日技巧"),
    "period": ("Period", "期间"),
    "activity": ("Activity", "活动"),
    "amount": ("Amount", "数量"),
    "factor": ("Factor", "因子"),
    "kind": ("Kind", "类别"),
    "entry": ("Entry", "条目"),
    "command": ("Command", "命令"),
    "day": ("Day", "日期"),
    "probability": ("Probability", "概率"),
}

WORDS = (
    LABELS
    | ACCESS_WORDS
    | ALARM_WORDS
    | AUDIT_WORDS
    | COURSE_WORDS
    | FRAME_WORDS
    | PHRASES
    | PLAN_WORDS
    | WATER_WORDS
    | LOSS_WORDS
    | METER_WORDS
    | ISOLATION_WORDS
    | LEVEL_WORDS
    | GRID_WORDS
    | CARBON_WORDS
    | CASE_WORDS
    | SHIFT_WORDS
)


def language() -> Language:
    """The language of this session; English at first."""
    chosen = st.session_state.get("language", "en")
    return chosen if chosen in LANGUAGES else "en"


def say(key: str, **facts: object) -> str:
    """A word or phrase in the session's language, with its facts filled in."""
    text = WORDS[key][LANGUAGES.index(language())]
    return text.format(**facts) if facts else text


def known(text: str) -> str:
    """A stored word (a state, a cause, a step) in the session's language where there is one; otherwise as stored."""
    key = f"word_{str(text).lower()}"
    return say(key) if key in WORDS else str(text)
