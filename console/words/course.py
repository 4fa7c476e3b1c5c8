"""Words of what is shown in part: the table of points, the course of one, the city file."""

COURSE_WORDS: dict[str, tuple[str, str]] = {
    "search_points": ("Search (id, zone, site, quantity, cause)", "搜索（测点、分区、站点、量、原因）"),
    "points_of": ("{first}–{last} of {all}", "第 {first}–{last} 个，共 {all} 个"),
    "none_found": ("No point has all of these words.", "没有同时包含这些词的测点。"),
    "span": ("Span", "时段"),
    "span_day": ("day", "日"),
    "span_week": ("week", "周"),
    "span_month": ("month", "月"),
    "span_year": ("year", "年"),
    "until": ("Until the end of", "截至日期"),
    "by_day": ("By day", "按日"),
    "day_band": ("least to most", "日最小至最大"),
    "day_mean": ("mean", "日均值"),
    "day_lost": ("day with lost values", "有缺失值的日"),
    "drawn_of": ("{rows} values, drawn with {drawn}; the download has all", "共 {rows} 个值，图中绘制 {drawn} 个；下载文件含全部"),
    "rest_in_file": ("{count} more are in the file.", "其余 {count} 条见下载文件。"),
    "lines_of": ("the first {shown} of {all} lines", "共 {all} 行，显示前 {shown} 行"),
    "download_file": ("Download the file", "下载文件"),
    "alt_days": ("{name}: least, mean and most of each day", "{name}：每日最小值、均值和最大值"),
}
