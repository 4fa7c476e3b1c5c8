"""The kinds of alarm about meters and links. Of a meter on which a balance or a device stands they are one priority higher."""

from dataclasses import replace
from datetime import timedelta

from service.alarms.kinds import Kind

_BLIND = ("poll_gone",)  # nothing answers while nobody asks
LINK = Kind(
    "link_down",
    ("Link {subject} is down: none of its {meters} meters answers", "链路 {subject} 中断：{meters} 只表计均无应答"),
    ("Check the gateway, its power and the line; the meters come back with it.", "检查网关、电源与线路；恢复后表计自动上线。"),
    ("A part of the city is not seen; forecasts and balances there stand on old values.", "城市局部失去监视；该处预测与平衡基于旧值。"),
    "major",
    60,
    "meters",
    on_delay=timedelta(minutes=30),
    off_delay=timedelta(minutes=15),
    suppressed_by=_BLIND,
)
SILENT = Kind(
    "silent",
    ("{subject} does not answer ({cause}), {points} of {of} points", "{subject} 无应答（{cause}），{points}/{of} 个测点"),
    ("Check power and link of the meter; its values are left out until it answers.", "检查表计电源与链路；恢复前其数值不参与计算。"),
    ("Its forecast and its bills stand on estimates.", "其预测与计费依赖估算。"),
    "minor",
    480,
    "meters",
    on_delay=timedelta(minutes=30),
    off_delay=timedelta(minutes=15),
    suppressed_by=_BLIND,
)
UNUSABLE = replace(
    SILENT,
    name="unusable",
    text=(
        "{subject} sends values that cannot be right ({cause}), {points} of {of} points",
        "{subject} 数值不可信（{cause}），{points}/{of} 个测点",
    ),
    action=("Check its register map and scaling; its values are left out.", "检查寄存器映射与比例；其数值不参与计算。"),
)
_KEY = ("A balance, a plan or a device stands on it: these go on blind.", "平衡、计划或设备依赖该表计：将失去依据。")
KEY_SILENT = replace(SILENT, name="key_silent", severity="major", respond_min=60, consequence=_KEY)
KEY_UNUSABLE = replace(UNUSABLE, name="key_unusable", severity="major", respond_min=60, consequence=_KEY)
STUCK = Kind(
    "stuck",
    (
        "{subject} did not move for {share} of the last day, at {value} {unit}",
        "{subject} 最近一日 {share} 的时间不变，停在 {value} {unit}",
    ),
    ("Have the sensor looked at; its values are left out.", "安排检修传感器；其数值不参与计算。"),
    ("What it watches is not seen.", "其监测对象失去监视。"),
    "minor",
    480,
    "meters",
)
KINDS = (LINK, KEY_SILENT, KEY_UNUSABLE, SILENT, UNUSABLE, STUCK)
