"""Words of the service levels on Runs."""

LEVEL_WORDS: dict[str, tuple[str, str]] = {
    "levels": ("Service levels", "服务水平"),
    "levels_note": ("share of the last 30 days; the line is each day of the last 60", "最近 30 天占比；曲线为最近 60 天逐日值"),
    "level": ("Level", "指标"),
    "level_target": ("Target", "目标"),
    "level_today": ("Today so far", "今日至今"),
    "level_yesterday": ("Yesterday", "昨日"),
    "level_month": ("30 days", "30 天"),
    "level_year": ("365 days", "365 天"),
    "level_basis": ("Counted", "统计口径"),
    "level_target_of": ("target {target}", "目标 {target}"),
    "level_yesterday_of": ("yesterday {value}", "昨日 {value}"),
    "level_gate": ("partly as tested before the first forecasts were over", "部分为首批预测到期前的检验值"),
    "no_data": ("no data", "无数据"),
}
