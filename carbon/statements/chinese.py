"""Sentences that other parts make in English, said in Chinese: from their facts where these are at hand, else by their fixed wording."""

import re

from carbon.targets.odds import Calibration
from carbon.targets.progress import said
from carbon.targets.standing import Standing
from carbon.why.savings import LEVEL, Savings

_MEASURES = {
    "energy_per_gdp": "单位 GDP 能耗",
    "carbon_intensity": "单位 GDP 碳排放强度",
    "water_per_gdp": "单位 GDP 用水量",
    "renewable_share": "可再生能源占比",
    "non_fossil_share": "非化石能源占比",
    "water_loss": "供水漏损率",
}
_CRITERIA = {
    "fractional uncertainty at 68 %": "68 % 相对不确定度",
    "baseline days": "基准期天数",
    "covered share of the baseline": "基准期数据覆盖率",
    "covered share of the reporting period": "报告期数据覆盖率",
    "share of days at temperatures of the baseline": "气温处于基准期范围的天数占比",
    "reporting days": "报告期天数",
}
_FIXED = (
    # notes of rules, as they stand in the ledger
    (r"(\w+(?:, \w+)*) not posted: no verified factor", r"\1 未入账：没有经核实的因子"),
    (
        r"Provisional: nothing (?:later is published|is published for \S+) yet; (.+) \(valid (\S+) to (\S+)\) stands in\.",
        r"暂估：尚未公布更新的因子，以 \1（有效期 \2 至 \3）代替。",
    ),
    (r"own renewable generation of the hour", "本小时自发可再生电量"),
    (r"outside its region or years: (.+)", r"超出其适用地区或年份：\1"),
    (r"(\d{4}-\d\d-\d\d|\.\.\.) to (\d{4}-\d\d-\d\d|\.\.\.)", r"\1 至 \2"),
    # scope 2
    (
        r"no residual mix is published for (\S+?)(?: on \S+)?: the location-based factor stands in its place .*",
        r"\1 没有公布剩余电力组合因子，以基于位置的因子代替（《范围二核算指南》2015，表 6.3；按准则 8 披露）",
    ),
    (r"residual mix (\S+), (\S+) (\S+)", r"剩余电力组合因子 \1，\2 \3"),
    (r"supplier's factor (\S+), (\S+) (\S+)", r"供应商因子 \1，\2 \3"),
    (r"(.*\d) to (\D.*\d)", r"\1 至 \2"),  # serial numbers
    # uncertainty
    (r"factor (\S+)", r"因子 \1"),
    (r"meter (\S+)", r"计量器具 \1"),
    (r"gwp (\S+)", r"增温潜势 \1"),
    # a base that changed
    (
        r"Base (\d+) restated (\S+) \((\w+): (.*)\): (\S+) to (\S+), (\S+) %; from (\S+) % on it moves, so the base (moves|stands)\.",
        r"\1 年基准值于 \2 重述（\3：\4）：由 \5 改为 \6，变化 \7 %；变化达到 \8 % 时调整基准，结论：\9",
    ),
    # an enterprise's year
    (r"(.+: )?(\d+) of (\d+) days complete, (\S+) % measured, calibrated in time\.?", r"\1\3 天中 \2 天完整，实测 \4 %，按期校准"),
    (
        r"(.+: )?(\d+) of (\d+) days complete, (\S+) % measured, calibration overdue\.?",
        r"\1\3 天中 \2 天完整，实测 \4 %，校准逾期",
    ),
    (r"(.+: )?(\d+) of (\d+) days complete, (\S+) % measured\.?", r"\1\3 天中 \2 天完整，实测 \4 %"),
    (r"nothing stands for (\d+) days with gaps\.", r"\1 个缺数日未补"),
    (r"(\d+) days with gaps raised to the largest complete day\.", r"\1 个缺数日按最大完整日补足"),
    (r"no complete day to put in place of gaps\.", "没有完整日可用于补足缺数日"),
    (
        r"account (\S+) has no stream in the monitoring plan: its entries count, unmonitored",
        r"科目 \1 未列入数据质量控制方案：分录计入排放量，但未受监测",
    ),
    (r"(\S+) t emitted \(verified\), (\S+) allowances allocated", r"排放 \1 吨（已核查），发放配额 \2 吨"),
    (
        r"(\S+) t emitted \(not verified yet, as the ledger says\), (\S+) allowances allocated",
        r"排放 \1 吨（尚未核查，按账本），发放配额 \2 吨",
    ),
    (r"(\S+) allowances lack: buy them before the deadline of surrender\.", r"缺口 \1 吨配额，须在清缴截止前买入"),
    (r"(\S+) allowances stay after surrendering the (\S+) still owed\.", r"清缴尚欠的 \2 吨后剩余 \1 吨配额"),
    # its plan
    (r"not stated", "未说明"),
    (r"measured", "实测"),
    (r"invoice", "结算凭证"),
    (r"default", "缺省值"),
    (r"no instrument", "无计量器具"),
    (r"accuracy not stated", "准确度未说明"),
    (r"recorded continuous", "连续记录"),
    (r"recorded hourly", "逐时记录"),
    (r"recorded daily", "逐日记录"),
    (r"recorded monthly", "逐月记录"),
    (r"calibrated never, every (\S+) months", r"从未校准，周期 \1 个月"),
    (r"calibrated (\S+), every (\S+) months", r"校准于 \1，周期 \2 个月"),
    (r"answers for it: not stated", "负责人未说明"),
    (r"answers for it: (.+)", r"负责人：\1"),
    (r"days with gaps are raised to the largest complete day", "缺数日按最大完整日补足"),
    (r"gaps stay gaps", "缺数不补"),
    # plans of nights
    (r"No approved plan of these nights has readings yet\.", "这些夜间尚无已批准计划的读数。"),
    (
        r"(\d+) nights: (\S+) kWh saved \((\S+) to (\S+)\), (\S+) (\S+) \((\S+) to (\S+)\)\.(.*)",
        r"\1 个夜间：节约 \2 kWh（\3 至 \4），\5 \6（\7 至 \8）。\9",
    ),
    (
        r"(\d+) nights: (\S+) kWh saved \((\S+) to (\S+)\), (\S+) (\S+) \((\S+) to (\S+)\), "
        r"(\S+) kg CO2e avoided \((\S+) to (\S+)\) by (.+?)\.( .*)?",
        r"\1 个夜间：节约 \2 kWh（\3 至 \4），\5 \6（\7 至 \8），避免 \9 kg CO2e（\g<10> 至 \g<11>，按 \g<12>）。\g<13>",
    ),
)  # fmt: skip
_WORDS = (
    (r"^energy with electricity at its heat \(equivalent value\)", "综合能耗（电力按当量值）"),
    (r"^energy with electricity at the coal of thermal power \(equal value\)", "综合能耗（电力按等价值）"),
    (r"^energy with primary electricity by the substitution method", "综合能耗（一次电力按替代法）"),
    (r", without feedstock", "，扣除原料用能"),
    (r", without non-fossil energy| and non-fossil energy", "，扣除非化石能源"),
    (r"^own renewable generation and retired certificates", "自发可再生电量与已核销绿证"),
    (r"^own renewable generation", "自发可再生电量"),
    (r" \(nuclear among the certificates\)", "（绿证含核电）"),
    (r"^(CO2e?) of the ledger's postings", r"账本 \1 排放量"),
    (r"^water supplied", "供水量"),
    (r"^water lost / water supplied", "漏损水量 / 供水量"),
    (r" / electricity used", " / 用电量"),
    (r" / primary energy used", " / 一次能源消费量"),
    (r", electricity at its heat \(equivalent value\)", "（电力按当量值）"),
    (r", electricity at the coal of thermal power \(equal value\)", "（电力按等价值）"),
    (r", primary electricity by the substitution method", "（一次电力按替代法）"),
    (r" at prices of (\d{4})", r"（\1 年价格）"),
    (r" / preliminary$", " / 初步核算数"),
    (r" / final$", " / 最终核实数"),
    (r" / census$", " / 普查修订数"),
)


def translated(text: str) -> str:
    """A sentence of fixed wording in Chinese; parts between semicolons one by one. What is not known stays as it is."""
    if (whole := _whole(text)) != text:
        return whole
    parts = re.split(r"(?<! yet); ", text)
    made = [_whole(part) for part in parts]
    return text if made == parts else "；".join(made)


def _whole(text: str) -> str:
    found = next(((match, made) for pattern, made in _FIXED if (match := re.fullmatch(pattern, text))), None)
    if found is None:
        return text
    told = found[0].expand(found[1])
    told = re.sub(r"(\S+) is for (\S+), (\S+) to ([^,\s]+)", r"\1 适用于 \2、\3 至 \4", told)
    return told.replace("结论：moves", "调整基准。").replace("结论：stands", "不调整基准。")


def metric(text: str) -> str:
    """numerator / denominator / price year / vintage of a target, in Chinese."""
    for pattern, made in _WORDS:
        text = re.sub(pattern, made, text)
    return text


def standing(one: Standing) -> str:
    """What `one.sentence` says of a target, in Chinese."""
    target, now, heading = one.target, one.progress, one.heading
    share, year = target.is_share, now.year
    unit = "" if share else f" {target.unit}"
    told = f"{_MEASURES[target.measure]}：{year} 年"
    if heading is None or heading.method == "complete":
        told += f"{'' if heading else '迄今'}为 {said(now.actual, share)}{unit}"
    else:
        value, before, low, high = (said(n, share) for n in (heading.value, one.so_far, heading.low, heading.high))
        told += f"预计为 {value}{unit}（90 %：{low} 至 {high}{'' if value == before else f'；迄今 {before}'}）"
        told += "（GDP 为预期值）" if " with expected GDP" in one.sentence else ""
    off = f"{abs(now.gap) * 100:.1f} 个百分点" if share else f"{abs(now.gap / now.required) * 100:.1f} %"
    told += f"；自 {target.base_year} 年起的路径要求不{'低' if target.is_rising else '高'}于 {said(now.required, share)}{unit}，"
    told += f"{'优于' if now.on_path else '落后于'}路径 {off}。"
    if now.milestone is None:
        told += "此后没有里程碑。"
    elif now.needed_per_year is None:
        told += f"{now.milestone} 年的要求已经达到。"
    else:
        asked = said(target.as_known(one.on).required(now.milestone), share)
        told += f"要在 {now.milestone} 年达到 {asked}{unit}，此后每年需变化 {now.needed_per_year:+.2f} {'个百分点' if share else '%'}。"
    told += f"所依据分录中有 {(1 - one.usable_share) * 100:.1f} % 缺失。" if one.usable_share < 1 else ""
    odds = "，".join(f"{o.milestone} 年 {_odds(float(o.odds))}" for o in one.odds)
    return told + (f"达成概率：{odds}。" if odds else "")


def _odds(odds: float) -> str:
    return "低于 1 %" if odds < 0.01 else "高于 99 %" if odds > 0.99 else f"{100 * odds:.0f} %"


def calibration(one: Calibration) -> str:
    """What `one.sentence` says of the odds, in Chinese."""
    return (
        f"以 {one.countries} 个未参与学习的国家检验（2002 至 2017 年作出的 5 年和 10 年承诺）：Brier 评分 {one.brier:.3f}，"
        f"最佳直线外推 {one.straight_line:.3f}，按通常兑现比例 {one.base_rate:.3f}；90 % 区间涵盖实际值的 {100 * one.cover90:.0f} %。"
    )


def criterion(name: str) -> str:
    """A criterion of the models in Chinese."""
    return _CRITERIA.get(name, name)


def saved(one: Savings) -> str:
    """What `one.sentence` says of a measure, in Chinese."""
    share = f"（{100 * one.saved / one.baseline:.1f} %）" if one.baseline > 0 else ""
    told = f"节约 {one.saved:,.0f} {one.unit}，基准 {one.baseline:,.0f}{share}，{LEVEL:.0%} 区间 {one.low:,.0f} 至 {one.high:,.0f}；"
    told += f"{one.model.kind} 模型，{one.reporting_days} 天："
    told += {"proved": "已证实", "not proved": "未证实"}[one.verdict]
    reasons = ["区间含零"] if one.low <= 0 else []
    reasons += [
        f"{criterion(c.name)} 为 {c.value:.3g}，要求{'不高于' if c.most else '不低于'} {c.limit:g}" for c in one.criteria if not c.met
    ]
    told += f"（{'；'.join(reasons)}）。" if reasons else "。"
    told += f"缺 {one.missing_days} 天。" if one.missing_days else ""
    return told + (f"{one.beyond_days} 天的气温超出基准期范围。" if one.beyond_days else "")
