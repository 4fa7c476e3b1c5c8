"""What the water part stores in English sentences - leaks, isolations, proofs - in the session's language, sentence by sentence."""

# ruff: noqa: E501 - a template stands in one piece, as it is searched for

import re
from collections.abc import Callable, Mapping

from console.water.districts import name_of
from console.words import language
from console.words.catalogue import Catalogue

_KINDS = {"burst": "爆管", "slow leak": "暗漏"}
_SEEN = Catalogue({"reported at {time}": "{time} 报出", "not worth a crew yet": "暂不值得派队"})
_INSIDE: Mapping[str, Callable[[str], str]] = {
    "kind": lambda kind: _KINDS.get(kind, kind),
    "zone": lambda zone: "管网" if zone == "the network" else name_of(zone),
    "seen": lambda seen: _SEEN.chinese(seen) or seen,
}
_SENTENCES = Catalogue(
    {
        "A {kind} in {zone} of {flow} m3/h (give or take {sd}) since {since}, {seen}.": "{zone} {kind}，流量 {flow} m3/h（±{sd}），始于 {since}，{seen}。",
        "Most likely pipe {pipe} ({share} %), then {others}.": "最可能为管道 {pipe}（{share} %），其次 {others}。",
        "Most likely pipe {pipe} ({share} %).": "最可能为管道 {pipe}（{share} %）。",
        "It loses {daily} a day; finding it is expected to take {vain} digs in vain, at {crew} each.": "每日损失 {daily}；预计空挖 {vain} 次，每次 {crew}。",
        "Pipe {pipe} has no path to any source; {count} nodes are cut off.": "管道 {pipe} 与各水源均无通路；停水节点 {count} 个。",
        "Pipe {pipe} still gets water: {path}.": "管道 {pipe} 仍有来水：{path}。",
        "EPANET at the busiest quarter-hour ({total} m3/h): {left} m3/h leave the burst, nobody else falls below {least} m.": "EPANET 校核（最大用水时段 {total} m3/h）：漏点流出 {left} m3/h，其余用户压力均不低于 {least} m。",
        "EPANET at the busiest quarter-hour ({total} m3/h): {left} m3/h leave the burst, {count} more nodes fall below {least} m: {nodes}.": "EPANET 校核（最大用水时段 {total} m3/h）：漏点流出 {left} m3/h，另有 {count} 个节点低于 {least} m：{nodes}。",
        "Pipe {pipe} cannot be isolated by valves: {inside} is in the same segment; shut it at its own outlet first.": "管道 {pipe} 无法用阀门隔离：{inside} 位于同一分段，请先在其出口关闭。",
    },
    _INSIDE,
)
_STEPS = Catalogue(
    {
        "Close no valve to isolate pipe {pipe}: {customers} customers and {demand} m3/h lose water over {km} km": "隔离管道 {pipe} 无须关阀：停水 {customers} 户、{demand} m3/h，管长 {km} km",
        "Close {valves} to isolate pipe {pipe}: {customers} customers and {demand} m3/h lose water over {km} km": "关闭 {valves} 隔离管道 {pipe}：停水 {customers} 户、{demand} m3/h，管长 {km} km",
        "of these {count} nodes outside the segment ({nodes})": "其中分段外节点 {count} 个（{nodes}）",
        "opening {kind} {name} gives {count} of them water again": "开启 {name} 可使其中 {count} 个恢复供水",
        "critical: {names}": "重要用户：{names}",
        "stop pump {pumps} first": "先停水泵 {pumps}",
        "look at {valve} before you rely on it: {why}": "依赖 {valve} 前先现场检查：{why}",
    }
)


def told(stored: str) -> str:
    """The stored text in the session's language; a sentence that no template fits stays as it was stored."""
    if language() == "en":
        return stored
    stored = re.sub(r"(\d\d:\d\d) on (\d{4}-\d\d-\d\d)", r"\2 \1", stored)
    return "".join(_one(sentence) for sentence in re.split(r"(?<=[.!?]) (?=[A-Z])", stored.strip()))


def _one(sentence: str) -> str:
    if (whole := _SENTENCES.chinese(sentence)) is not None:
        return whole
    parts = [_STEPS.chinese(part) for part in sentence.removesuffix(".").split("; ")]
    known = [part for part in parts if part is not None]
    return "；".join(known) + "。" if len(known) == len(parts) else f"{sentence} "
