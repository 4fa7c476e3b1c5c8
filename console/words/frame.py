"""Words of the frame around every page, of what is not live, and of the wall display, in English and Chinese."""

FRAME_WORDS: dict[str, tuple[str, str]] = {
    # pages and header
    "grid": ("Grid", "电网"),
    "cases": ("Cases", "工单"),
    "wall": ("Wall display", "大屏"),
    "skip": ("Skip to the content", "跳到正文"),
    "text_size": ("Text size", "字号"),
    "districts": ("districts {names}", "辖区 {names}"),
    "whole_city": ("whole city", "全市"),
    "open_page": ("Open {page}", "打开“{page}”"),
    "past_limit": ("outside its limit", "越限"),
    "priority_1": ("Priority 1, act now", "一级，立即处置"),
    "priority_2": ("Priority 2, act this hour", "二级，一小时内处置"),
    "priority_3": ("Priority 3, act this shift", "三级，本班内处置"),
    # what is not live: what is silent, since when, what that means, what to do
    "dead_poll": (
        "Readings stopped: no reading process (poll) since {time}. Every measured value here is older than that.",
        "采集中断：自 {time} 起无采集进程（poll）。本页所有实测值均早于此时。",
    ),
    "dead_work": (
        "Requests wait: the planning process (work) is silent since {time}. New plans and what-ifs are not computed.",
        "申请排队：自 {time} 起计划进程（work）无响应。新计划与假设分析不会计算。",
    ),
    "dead_night": (
        "Forecasts and plan are old: the last night batch (night) ran at {time}.",
        "预测与计划已过期：最近一次夜间批次（night）为 {time}。",
    ),
    "todo_poll": (
        "Read the instruments on site. Start “penstock poll”, or call the station engineer.",
        "以现场仪表为准；启动 “penstock poll”，或通知值班工程师。",
    ),
    "todo_work": ("Start “penstock work”, or call the station engineer.", "启动 “penstock work”，或通知值班工程师。"),
    "todo_night": ("Open Runs for where it stopped, then start “penstock night”.", "在“运行记录”页查看中断处，再启动 “penstock night”。"),
    "no_contact": (
        "NOT LIVE: no contact with the console. What stands here is as old as its clock. Read the instruments; call the station engineer.",
        "非实时：与控制台失去连接。画面停留在所示时刻，以现场仪表为准，并通知值班工程师。",
    ),
    # small pictures
    "now_axis": ("now", "现在"),
    "rising": ("rising", "上升"),
    "falling": ("falling", "下降"),
    "steady": ("steady", "平稳"),
    # charts in words, for who cannot see them
    "alt_course": (
        "{name}: now {value} {unit}; last 24 h between {low} and {high} {unit}.",
        "{name}：当前 {value} {unit}；最近 24 小时 {low} 至 {high} {unit}。",
    ),
    "alt_ahead": (
        " Next 24 h: {low} to {high} {unit} expected.",
        "未来 24 小时预计 {low} 至 {high} {unit}。",
    ),
    "alt_fan": (
        "{name}: expected {low} to {high} {unit}, highest at {time}; the P10 to P90 band reaches from {p10} to {p90} {unit}.",
        "{name}：预计 {low} 至 {high} {unit}，最高在 {time}；P10 至 P90 区间为 {p10} 至 {p90} {unit}。",
    ),
    "alt_lines": ("{name}: ", "{name}："),
    "alt_line": ("{name} from {low} to {high}", "{name} {low} 至 {high}"),
    "alt_times": (", {start} to {end}", "，{start} 至 {end}"),
    "alt_table": ("Table with {rows} rows: {columns}", "表格，{rows} 行：{columns}"),
}
