"""What the books call things, in Chinese: activities, carriers, sectors and the sub-sectors of the community protocol."""

from carbon.statements.chinese import translated

_CHINESE = {
    # activities and carriers
    "grid electricity": "外购电力",
    "grid losses": "电网损耗",
    "own renewable generation": "自发可再生电力",
    "natural gas stationary combustion": "天然气固定燃烧",
    "purchased heat": "外购热力",
    "water supply": "供水",
    "water loss": "供水漏损",
    "electricity in lost water": "漏损水中的电耗",
    "renewable certificates": "绿色电力证书",
    "electricity": "电力",
    "gas": "天然气",
    "natural gas": "天然气",
    "heat": "热力",
    "water": "水",
    "diesel": "柴油",
    "motor gasoline": "汽油",
    "lpg": "液化石油气",
    # sectors
    "households": "居民",
    "services": "服务业",
    "industry": "工业",
    "agriculture": "农业",
    "transport": "交通",
    "energy": "能源",
    # sub-sectors of the GPC
    "Residential buildings": "居住建筑",
    "Commercial and institutional buildings": "商业与公共建筑",
    "Manufacturing and construction": "制造业与建筑业",
    "Energy industries": "能源工业",
    "Agriculture, forestry and fishing": "农林渔业",
    "Sources not specified": "未指明的排放源",
    "Road": "道路",
    "Rail": "铁路",
    "Water": "水运",
    "Air": "航空",
    "Off-road": "非道路",
    "Solid waste": "固体废弃物填埋",
    "Biological treatment": "生物处理",
    "Incineration": "焚烧",
    "Wastewater": "污水",
    "Fugitive": "逸散",
    "coal": "煤炭",
    "oil and natural gas": "油气",
    "Industrial processes": "工业过程",
    "Product use": "产品使用",
    "Livestock": "畜牧",
    "Land": "土地",
    "Other sources on land": "其他土地排放源",
    "Other indirect emissions": "其他间接排放",
    "fuel burnt": "燃料燃烧",
    "energy from the grid": "网供能源",
    "generation for the grid": "上网发电",
    "beyond the boundary, and grid losses": "跨界部分与电网损耗",
    "of the city, treated inside": "本市产生，市内处理",
    "of the city, treated outside": "本市产生，市外处理",
    "of others, treated inside": "外地产生，市内处理",
    # bases and instruments
    "location": "基于位置",
    "market": "基于市场",
    "direct": "直接",
    "certificate": "绿证",
    "contract": "合同",
    # monitoring plans
    "measured": "实测",
    "invoice": "结算凭证",
    "default": "缺省值",
    # reasons of notation keys
    "no account of this sub-sector": "没有该子部门的科目",
    "stated by the city": "由城市说明",
}


def named(language: str, text: str) -> str:
    """A name of the books in a language; a name that is not known stays as it is. `Road: fuel burnt` is put together."""
    if language != "zh":
        return text
    if text in _CHINESE:
        return _CHINESE[text]
    head, colon, tail = text.partition(": ")
    return f"{_CHINESE[head]}：{_CHINESE[tail]}" if colon and head in _CHINESE and tail in _CHINESE else text


def told(language: str, text: str) -> str:
    """A sentence or mark that other parts make by a fixed wording, in a language; one that is not known stays as it is."""
    return translated(_CHINESE.get(text, text)) if language == "zh" else text
