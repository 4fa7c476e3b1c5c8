"""The sentences of statements in English and Chinese: what is told, on which method, and how far to trust it."""

from collections.abc import Mapping

SENTENCES: Mapping[str, tuple[str, str]] = {
    "inventory_intro": (
        "Every number below is the sum of entries of the carbon ledger, and each entry is one metered amount times one published factor. "
        "Rows add up to totals as printed.",
        "下列每个数值均为碳账本分录之和，每条分录为一项计量数量乘以一个公开发布的因子。各行按印出的数值与合计一致。",
    ),
    "dual_intro": (
        "Scope 2 is given on both bases of the Scope 2 Guidance (2015); totals by scope, site and sector use the location-based one.",
        "范围二按《范围二核算指南》（2015）的两种口径列示；分范围、分场所和分行业合计采用基于位置的口径。",
    ),
    "no_dual": (
        "Scope 2 is location-based. No market-based figure is given: no certificate, contract or supplier's factor is on file.",
        "范围二采用基于位置的口径。因无绿证、合同或供应商因子，未列示基于市场的数值。",
    ),
    "no_market": (
        "Scope 2 is location-based. The market-based figure cannot be given, for this reason:",
        "范围二采用基于位置的口径。无法列示基于市场的数值，原因如下：",
    ),
    "gwp_note": (
        "Gases are weighed by the 100-year warming potentials of {assessment}; gases without a verified factor are not posted (see rules).",
        "各气体按 {assessment} 的百年全球增温潜势折算；没有经核实因子的气体不入账（见规则说明）。",
    ),
    "two_bases_note": (
        "Consumption = self-made + covered by instruments + supplier's factor + not covered. Matched: renewable in the very hour of use.",
        "用电量 = 自发自用 + 绿证与合同覆盖 + 供应商因子 + 未覆盖。逐时匹配：可再生电量与用电同一小时。",
    ),
    "beside_intro": (
        "What stands here is in no total of this statement: it is told again (energy in lost water), for others' books, or weighs nothing.",
        "以下项目不计入本报表任何合计：属重复列示（漏损水中的能量）、供他人账簿使用，或本身不产生排放。",
    ),
    "outside_note": (
        "Adding these to the inventory would count kilograms twice.",
        "若将其计入清单，将造成重复计算。",
    ),
    "gap_note": (
        "Missing entries weigh nothing. A gap is what an account's unusable time would weigh at the mean of its usable time; "
        "? means it has none.",
        "缺失分录不计排放量。缺口为该科目不可用时间按其可用时间均值估计的排放量；“?”表示没有可用时间。",
    ),
    "not_over": (
        "THE PERIOD IS NOT OVER: {period} is posted up to {until}. What follows is of the days posted.",
        "本期尚未结束：{period} 已入账至 {until}。以下内容仅涉及已入账日期。",
    ),
    "complete": (
        "Completeness is {share} (mean over the metered accounts of the usable share of their time); the city asks for {limit}.",
        "数据完整率为 {share}（各计量科目可用时间占比的均值）；本市要求不低于 {limit}。",
    ),
    "incomplete": (
        "COMPLETENESS IS ONLY {share}; the city asks for {limit}. What is missing weighs nothing, so the true figure is higher.",
        "数据完整率仅为 {share}，低于本市要求的 {limit}。缺失部分未计排放量，实际数值更高。",
    ),
    "gaps_small": (
        "Open gaps would weigh {mass} t, {share} of the total, at each account's mean: below the materiality threshold of {limit}.",
        "按各科目均值估计，现有缺口约 {mass} 吨，占总量 {share}，低于重要性阈值 {limit}。",
    ),
    "gaps_material": (
        "OPEN GAPS ARE MATERIAL: at each account's mean they would weigh {mass} t, {share} of the total, above the threshold of {limit}.",
        "缺口具有重要性：按各科目均值估计约 {mass} 吨，占总量 {share}，超过重要性阈值 {limit}。",
    ),
    "gaps_open": (
        "OPEN GAPS CANNOT BE BOUNDED: {names} has no usable time in the period. The other gaps would weigh {mass} t, "
        "{share} of the total; "
        "the materiality threshold is {limit}.",
        "缺口无法估计上限：{names} 在本期没有可用时间。其余缺口约 {mass} 吨，占总量 {share}；重要性阈值为 {limit}。",
    ),
    "spread": (
        "Uncertainty: the total lies between {low} and {high} t with 95 % confidence; {share} of the variance comes from {source}.",
        "不确定度：总量以 95 % 置信度介于 {low} 与 {high} 吨之间；方差的 {share} 来自{source}。",
    ),
    "spread_unstated": (
        "For {share} of the mass some source states no uncertainty: there the interval is too narrow.",
        "其中 {share} 的排放量有来源未给出不确定度，该部分区间偏窄。",
    ),
    "spread_unknown": (
        "Uncertainty: not stated; neither the factors nor the meters of this period give any.",
        "不确定度：未给出；本期因子与计量器具均未提供。",
    ),
    "restated_note": (
        "A closed period keeps its signed figure. Later corrections are reversals and new entries with a reason, shown as known now.",
        "已结账期间保留签发值。其后的更正以冲销加新分录并注明原因的方式入账，列为现值。",
    ),
    "provisional": (
        "PROVISIONAL: no factor is published yet for the year of some entries; the latest one stands in, in the rules {names}.",
        "暂估：部分分录所属年度的因子尚未发布，以最近年度因子代替，涉及规则 {names}。",
    ),
    "is_provisional": ("PROVISIONAL.", "暂估。"),
    "ratio_note": (
        "Mass of an entry [mg] = amount [Wh, mL or g, whole] x numerator / denominator, rounded once, half to even.",
        "分录排放量（mg）= 数量（Wh、mL 或 g，整数）× 分子 / 分母，仅舍入一次，四舍六入五成双。",
    ),
    "factor_gone": (
        "The factor sets on file no longer hold this number; the entry keeps its hash.",
        "现有因子集中已无此数值；分录保留其哈希值。",
    ),
    "method_inventory": (
        "Frame: GHG Protocol Corporate Standard (2004) with the Scope 2 Guidance (2015). Boundary: the accounts of the city file, "
        "operational control. Self-made renewable power that covers consumption of its own hour weighs nothing.",
        "框架：《温室气体核算体系：企业核算与报告标准》（2004）及《范围二核算指南》（2015）。边界：城市配置文件所列科目，运营控制权法。"
        "同一小时内自用的自发可再生电量不计排放。",
    ),
    "method_gpc": (
        "Frame: Global Protocol for Community-Scale Greenhouse Gas Inventories (GPC) 1.1. BASIC = scopes 1 and 2 of "
        "stationary energy and "
        "transport, and waste of the city wherever it is treated; BASIC+ adds grid losses, transboundary transport, "
        "industrial processes and "
        "land use. Notation keys: IE included elsewhere, NE not estimated, NO not occurring, C confidential.",
        "框架：《城市温室气体核算国际标准》（GPC）1.1 版。BASIC 包括固定能源与交通的范围一、范围二，以及本市产生的废弃物（不论处理地）；"
        "BASIC+ 另加电网损耗、跨界交通、工业过程和土地利用。标识：IE 列于他处，NE 未计算，NO 未发生，C 保密。",
    ),
    "method_energy": (
        "Frame: GB/T 2589-2020. Equivalent value turns electricity into coal by its heat, equal value by the coal that power "
        "plants took in "
        "that year. The two stand in tables of their own and are never added. Water is no energy here: its electricity is "
        "metered at the pumps.",
        "框架：GB/T 2589-2020。当量值按电的热值折标，等价值按当年火电供电标准煤耗折标，两者分表列示，不得相加。"
        "水不作为能源计入：其耗电已在水泵电表计量。",
    ),
    "method_accounts": (
        "One row per account, month, activity and gas, as posted.",
        "按科目、月份、活动和气体逐行列示入账结果。",
    ),
    "method_ledger": (
        "Entries are whole numbers: stored amounts (Wh, mL, g) and milligrams of gas. An entry is never changed; it is "
        "reversed and replaced, "
        "with a reason. No float takes part in a sum.",
        "分录均为整数：存储数量（Wh、mL、g）与气体毫克数。分录不得修改，只能冲销并以新分录替代，且须注明原因。求和不使用浮点数。",
    ),
    "method_rounding": (
        "Printed numbers are rounded together (largest remainder; controlled rounding where rows and columns both have "
        "totals): each is the next "
        "unit below or above its exact value, and rows and columns add up as printed. CSV and JSON give exact decimals.",
        "印出数值统一舍入（最大余数法；行列均有合计时采用受控舍入）：每个数值为其精确值的下一或上一单位，行列按印出数值相加一致。"
        "CSV 与 JSON 给出精确小数。",
    ),
    "method_time": (
        "Days and months are civil in {zone}; an entry belongs to the period in which it starts.",
        "日与月按 {zone} 民用时间划分；分录归属于其起始时刻所在期间。",
    ),
    "method_explain": (
        "The command penstock explain FILE#SHEET!CELL lists the readings, factors and rules behind any number.",
        "使用命令 penstock explain 文件#工作表!单元格 可列出任一数值所依据的读数、因子与规则。",
    ),
    "proof_text": (
        "The root below stands for every entry of the ledger up to it. The folder proof beside this statement holds the "
        "chain of batches, those of "
        "the period, its sums, and a verifier of a hundred lines. python proof/verify.py proof ROOT recomputes all of it "
        "with Python's standard "
        "library alone and compares it with the root given here.",
        "下列账本根代表截至该时刻的全部分录。报表旁的 proof 文件夹包含批次链、本期批次、本期合计以及一百行的验证程序。"
        "运行 python proof/verify.py proof ROOT，仅用 Python 标准库即可重新计算全部内容并与此处所列账本根比对。",
    ),
    "no_coefficient": ("no coefficient published for {names}", "{names} 没有公开发布的折标系数"),
    "equal_missing": (
        "No equal value is given: no coal consumption of power supply is published for {year} in the factor sets, and "
        "another year's is not used.",
        "未列示等价值：因子集中没有 {year} 年火电供电标准煤耗，不使用其他年度数值。",
    ),
    "elsewhere": (
        "{rows} rows: too long for print. They are in the workbook (sheet {sheet}), in CSV and in JSON.",
        "共 {rows} 行，篇幅过长不予印出，见工作簿（工作表 {sheet}）、CSV 与 JSON。",
    ),
    "confidential": (
        "Confidential sub-sectors (C): {codes}. No number of this statement holds them, so that none can be had by subtraction, and "
        "totals are without them. The folder proof, the inventory and the statement by account do hold them: hand those to auditors only.",
        "保密子部门（C）：{codes}。本报表任何数值均不含这些子部门，合计亦不含，因此无法通过相减得出。"
        "proof 文件夹、温室气体排放清单与分科目报表包含这些数值，仅供审计人员使用。",
    ),
    "gpc_levels": (
        "Data quality: H measured, M partly estimated or substituted (up to a quarter of the mass), L more.",
        "数据质量：H 实测；M 部分估算或替代（不超过排放量四分之一）；L 超过四分之一。",
    ),
    "targets_intro": (
        "A target is judged on its own basis; bases, price years and vintages are never compared across. The light is a mark as well: "
        "● green, ▲ amber, ■ red.",
        "每项目标只按其自身口径判断；不同口径、价格年份与数据版本之间不作比较。信号灯同时以符号表示：● 绿，▲ 黄，■ 红。",
    ),
    "targets_note": (
        "Actual values of a year that is not over are now-casts. Needed per year: the rate from here that meets the next milestone.",
        "未结束年度的实际值为即时预测。此后每年需要：达到下一里程碑所需的年均变化率。",
    ),
    "light_rule": (
        "Green: on the path or better. Amber: behind it, and what it takes a year from here to the next milestone is at most {most} times "
        "what the path asks for on the way there. Red: more than that, or the last milestone missed.",
        "绿：达到或优于路径。黄：落后于路径，但到下一里程碑所需的年均变化不超过路径要求的 {most} 倍。"
        "红：超过该倍数，或最后一个里程碑未达成。",
    ),
    "odds_note": (
        "Odds come from the spread of past changes; how well such odds held over countries is in the documentation of targets.",
        "概率来自历史变化的离散程度；此类概率在各国数据上的检验见目标文档。",
    ),
    "method_targets": (
        "Paths are geometric between milestones for intensities, linear for shares. A change of the base above its threshold "
        "moves the path; "
        "the path as promised is kept beside it.",
        "强度类目标在里程碑之间按几何路径，占比类按线性路径。基准变更超过阈值时路径随之调整，原承诺路径并列保留。",
    ),
    "measures_intro": (
        "Savings are the adjusted baseline less what was metered, with a 90 % interval. They are proved when the whole "
        "interval lies above zero "
        "and every criterion is met.",
        "节约量为调整后基准减去计量值，并给出 90 % 区间。整个区间大于零且满足全部判据时，视为已证实。",
    ),
    "savings_note": (
        "The baseline is what would have been used in the weather of the reporting period.",
        "基准为报告期天气条件下本应使用的数量。",
    ),
    "avoided_note": (
        "Avoided emissions use marginal factors. They are in no inventory and are never added to or taken from one.",
        "避免的排放量采用边际因子，不属于任何清单，也不得与清单相加减。",
    ),
    "method_measures": (
        "Frame: IPMVP option C and ASHRAE Guideline 14 (2014), change-point models of daily use on outside temperature.",
        "框架：IPMVP 方案 C 与 ASHRAE 导则 14（2014），以日用量对室外温度的变点模型。",
    ),
    "method_enterprise": (
        "Streams are the accounts of the monitoring plan. Days with gaps are raised as the plan says, and shown apart. "
        "Allowances are whole tonnes.",
        "碳源流即数据质量控制方案所列科目。缺数日按该方案补足并单独列示。配额以整吨计。",
    ),
}
