"""Every word of a statement in English and Chinese."""

from collections.abc import Mapping
from typing import Literal, get_args

from carbon.statements.sentences import SENTENCES
from city.problems import fault

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_LABELS: Mapping[str, tuple[str, str]] = {
    # kinds of statement
    "inventory": ("Greenhouse gas inventory", "温室气体排放清单"),
    "gpc": ("Community inventory (GPC)", "城市温室气体清单（GPC）"),
    "energy": ("Energy balance", "能源平衡表"),
    "accounts": ("Carbon statement by account", "分科目碳排放报表"),
    "enterprise": ("Enterprise monitoring report", "企业碳排放监测报告"),
    "targets": ("Target report", "目标进展报告"),
    "measures": ("Measure report", "措施效果报告"),
    # sections
    "summary": ("Summary", "摘要"),
    "sources": ("Sources and places", "排放源与场所"),
    "beside": ("Beside the sum", "总量之外"),
    "quality": ("Data quality", "数据质量"),
    "method": ("Method", "核算方法"),
    "factors": ("Factors", "排放因子"),
    "proof": ("Proof", "账本证明"),
    "detail": ("Detail by sub-sector", "分部门明细"),
    # tables
    "by_scope": ("Emissions by scope and gas", "分范围、分气体排放量"),
    "two_bases": ("Scope 2: location-based and market-based", "范围二：基于位置与基于市场"),
    "by_source": ("Emissions by source", "分排放源排放量"),
    "by_site": ("Emissions by site", "分场所排放量"),
    "by_sector": ("Emissions by sector", "分行业排放量"),
    "over_time": ("Emissions over time", "逐期排放量"),
    "outside": ("Masses outside the sum", "总量之外的排放量"),
    "memo": ("Amounts without mass", "仅计数量的项目"),
    "by_quality": ("Entries and mass by state of their data", "按数据状态划分的分录与排放量"),
    "comparatives": ("Closed periods: as signed off, and as known now", "已结账期间：签发值与现值"),
    "rules": ("Rules", "计算规则"),
    "factor_list": ("Published numbers", "引用数值"),
    "potentials": ("Warming potentials", "全球增温潜势"),
    "sets": ("Factor sets", "因子集"),
    "gpc_summary": ("Summary by sector", "分部门汇总"),
    "gpc_detail": ("Inventory by sub-sector, scope and gas", "分子部门、范围与气体清单"),
    "by_account": ("Accounts by month", "逐月分科目"),
    "energy_equivalent": ("Energy in standard coal, equivalent value", "综合能耗（当量值）"),
    "energy_equal": ("Energy in standard coal, equal value", "综合能耗（等价值）"),
    # columns
    "scope": ("Scope", "范围"),
    "scope1": ("Scope 1", "范围一"),
    "scope2": ("Scope 2", "范围二"),
    "scope3": ("Scope 3", "范围三"),
    "total": ("Total", "合计"),
    "all_gases": ("All gases", "全部气体"),
    "other_gases": ("Other gases", "其他气体"),
    "account": ("Account", "科目"),
    "activity": ("Activity", "活动"),
    "carrier": ("Carrier", "能源品种"),
    "amount": ("Amount", "数量"),
    "unit": ("Unit", "单位"),
    "site": ("Site", "场所"),
    "sector": ("Sector", "行业"),
    "name": ("Name", "名称"),
    "part": ("Day or month", "日期或月份"),
    "period": ("Period", "期间"),
    "basis": ("Basis", "口径"),
    "mass": ("Mass", "排放量"),
    "consumption_wh": ("Consumption", "用电量"),
    "own_wh": ("Self-made", "自发自用"),
    "instruments_wh": ("Covered by instruments", "绿证与合同覆盖"),
    "residual_wh": ("Not covered", "未覆盖"),
    "matched_wh": ("Matched by the hour", "逐时匹配"),
    "location_mg": ("Location-based", "基于位置"),
    "market_mg": ("Market-based", "基于市场"),
    "market_rule": ("The rest was weighed with", "其余电量的核算依据"),
    "measured": ("Measured", "实测"),
    "estimated": ("Estimated", "估算"),
    "substituted": ("Substituted", "替代"),
    "missing": ("Missing", "缺失"),
    "measured_t": ("Measured", "实测"),
    "estimated_t": ("Estimated", "估算"),
    "substituted_t": ("Substituted", "替代"),
    "usable": ("Usable", "可用率"),
    "gap": ("Gaps at the mean", "缺口（按均值）"),
    "closed": ("Signed off", "签发"),
    "locked": ("As signed off", "签发值"),
    "restated": ("As known now", "现值"),
    "change": ("Change", "变化"),
    "reason": ("Reason", "原因"),
    "rule": ("Rule", "规则"),
    "gas": ("Gas", "气体"),
    "kind": ("Kind", "类别"),
    "posting": ("in the sum", "计入总量"),
    "ratio": ("mg of gas per stored unit", "每存储单位毫克数"),
    "made_of": ("Made of", "构成"),
    "note": ("Note", "说明"),
    "factor": ("Factor", "因子"),
    "value": ("Value", "数值"),
    "region": ("Region", "地区"),
    "validity": ("Valid", "有效期"),
    "uncertainty": ("Uncertainty (95 %)", "不确定度（95 %）"),
    "unknown": ("unknown", "未给出"),
    "source": ("Source and licence", "来源与许可"),
    "sha256": ("SHA-256", "SHA-256"),
    "weight": ("kg CO2e per kg", "kg CO2e/kg"),
    "assessment": ("Assessment", "评估报告"),
    "set": ("Set", "因子集"),
    "publisher": ("Publisher", "发布机构"),
    "licence": ("Licence", "许可"),
    "ledger_root": ("Ledger root", "账本根"),
    "batches": ("Batches", "批次数"),
    "known_at": ("Known at (UTC)", "获知时间（UTC）"),
    "signature": ("Signature (Ed25519)", "签名（Ed25519）"),
    "public_key": ("Public key", "公钥"),
    "unsigned": ("not signed", "未签名"),
    "what": ("What", "项目"),
    "content": ("Content", "内容"),
    "coefficient": ("Coefficient", "折标系数"),
    "coal": ("Standard coal", "标准煤"),
    "share": ("Share", "占比"),
    # GPC
    "code": ("GPC ref.", "GPC 编号"),
    "subsector": ("Sub-sector", "子部门"),
    "key": ("Notation", "标识"),
    "explanation": ("Explanation", "说明"),
    "level": ("Data quality", "数据质量"),
    "waste_out": ("Scope 3: waste outside", "范围三：外部处理废弃物"),
    "other3": ("Scope 3: losses, transboundary", "范围三：线损与跨界"),
    "processes": ("Scope 1: processes, land", "范围一：过程与土地利用"),
    "territorial": ("Territorial only", "仅属地"),
    "gpc_stationary": ("Stationary energy", "固定能源"),
    "gpc_transport": ("Transportation", "交通"),
    "gpc_waste": ("Waste", "废弃物"),
    "gpc_ippu": ("Industrial processes and product use", "工业过程与产品使用"),
    "gpc_afolu": ("Agriculture, forestry and land use", "农业、林业和土地利用"),
    "gpc_indirect": ("Other scope 3", "其他范围三"),
    "no_entry": ("no entry in the period", "本期没有分录"),
    "indirect": ("Other scope 3", "其他范围三"),
}
_WORDS = {**_LABELS, **SENTENCES}


def say(language: str, key: str, **values: object) -> str:
    """The word or sentence `key` in a language, with values put in. Raises `PenstockError` for an unknown language."""
    if language not in LANGUAGES:
        raise fault("statement language", f"'{language}'", " or ".join(LANGUAGES), "Choose one of these.")
    return _WORDS[key][LANGUAGES.index(language)].format(**values)


def known(key: str) -> bool:
    """Is there a word for `key`?"""
    return key in _WORDS
