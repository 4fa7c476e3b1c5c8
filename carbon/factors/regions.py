"""Regions of factors: countries by ISO 3166-1, provinces and states by ISO 3166-2, and MEE's regional grids.

Chinese and US subdivisions are tabled in full. For other countries ISO 3166-2 is long and changes; there the form is
checked (country, hyphen, one to three letters or digits), not the code itself.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

GLOBAL = "GLO"
# One text and not 249 quoted words: it is read against the standard's list.
COUNTRIES = frozenset(
    re.findall(
        "[A-Z]{2}",
        """AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD
    CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG
    GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR
    KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF
    NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM
    SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE
    YT ZA ZM ZW""",
    )
)
# ISO 3166-2:CN. Names as a reader looks for them.
CHINA = {
    "CN-AH": ("Anhui", "安徽"),
    "CN-BJ": ("Beijing", "北京"),
    "CN-CQ": ("Chongqing", "重庆"),
    "CN-FJ": ("Fujian", "福建"),
    "CN-GD": ("Guangdong", "广东"),
    "CN-GS": ("Gansu", "甘肃"),
    "CN-GX": ("Guangxi", "广西"),
    "CN-GZ": ("Guizhou", "贵州"),
    "CN-HA": ("Henan", "河南"),
    "CN-HB": ("Hubei", "湖北"),
    "CN-HE": ("Hebei", "河北"),
    "CN-HI": ("Hainan", "海南"),
    "CN-HK": ("Hong Kong", "香港"),
    "CN-HL": ("Heilongjiang", "黑龙江"),
    "CN-HN": ("Hunan", "湖南"),
    "CN-JL": ("Jilin", "吉林"),
    "CN-JS": ("Jiangsu", "江苏"),
    "CN-JX": ("Jiangxi", "江西"),
    "CN-LN": ("Liaoning", "辽宁"),
    "CN-MO": ("Macao", "澳门"),
    "CN-NM": ("Inner Mongolia", "内蒙古"),
    "CN-NX": ("Ningxia", "宁夏"),
    "CN-QH": ("Qinghai", "青海"),
    "CN-SC": ("Sichuan", "四川"),
    "CN-SD": ("Shandong", "山东"),
    "CN-SH": ("Shanghai", "上海"),
    "CN-SN": ("Shaanxi", "陕西"),
    "CN-SX": ("Shanxi", "山西"),
    "CN-TJ": ("Tianjin", "天津"),
    "CN-TW": ("Taiwan", "台湾"),
    "CN-XJ": ("Xinjiang", "新疆"),
    "CN-XZ": ("Xizang", "西藏"),
    "CN-YN": ("Yunnan", "云南"),
    "CN-ZJ": ("Zhejiang", "浙江"),
}
# Not ISO: the regional grids of the announcements of the Ministry of Ecology and Environment.
GRIDS = {
    "CN-NCG": ("North China grid", "华北"),
    "CN-NEG": ("Northeast China grid", "东北"),
    "CN-ECG": ("East China grid", "华东"),
    "CN-CCG": ("Central China grid", "华中"),
    "CN-NWG": ("Northwest China grid", "西北"),
    "CN-SCG": ("Southern China grid", "南方"),
    "CN-SWG": ("Southwest China grid", "西南"),
}
_STATES = frozenset(
    "US-" + state
    for state in re.findall(
        "[A-Z]{2}",
        """AK AL AR AS AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MP MS MT NC ND NE NH NJ NM
    NV NY OH OK OR PA PR RI SC SD TN TX UM UT VA VI VT WA WI WV WY""",
    )
)
# US-usa is no ISO code: eGRID's row of the whole country, as the table it was taken from codes it.
_TABLED = {"CN": frozenset(CHINA) | frozenset(GRIDS), "US": _STATES | {"US-usa"}}


def known(code: str) -> bool:
    """Is this a region a factor may be for? Case matters: CN-ZJ, never cn-zj."""
    country, hyphen, part = code.partition("-")
    if not hyphen:
        return code == GLOBAL or country in COUNTRIES
    if country in _TABLED:
        return code in _TABLED[country]
    return country in COUNTRIES and re.fullmatch(r"[A-Z0-9]{1,3}", part) is not None


def near(code: str) -> tuple[str, ...]:
    """Up to three known codes that look like this one, for an error's sentence."""
    every = (*COUNTRIES, *(code for codes in _TABLED.values() for code in codes), GLOBAL)
    return tuple(get_close_matches(code.upper(), sorted(every), 3, 0.5)) or ("CN-ZJ", "CN", "GB")


def names(code: str) -> Iterable[str]:
    """The code and the names a reader may look for it by."""
    return (code, *CHINA.get(code, ()), *GRIDS.get(code, ()))
