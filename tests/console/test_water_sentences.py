"""What the water part stores is told in Chinese; the sentences are those that its own classes make."""

import pytest

pytest.importorskip("streamlit")

from console.water import sentences
from networks.proof.search import DryProof

LEAK = (
    "A burst in dma-a of 85 m3/h (give or take 1) since 15:15 on 2022-06-15, reported at 17:00 on 2022-06-15. Most likely pipe 153 (90 %), "
    "then 151, 149. It loses 5,287 a day; finding it is expected to take 0.2 digs in vain, at 3,000 each."
)
CUT = (
    "Close v019, v020 to isolate pipe 153: 625 customers and 30.6 m3/h lose water over 2.32 km; critical: Dialysis centre (147). "
    "Pipe 153 has no path to any source; 3 nodes are cut off. EPANET at the busiest quarter-hour (1,155 m3/h): 0.0 m3/h leave the burst, "
    "2 more nodes fall below 20 m: 147, 149."
)


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentences, "language", lambda: "zh")
    monkeypatch.setattr(sentences, "name_of", lambda zone: {"dma-a": "老城"}[zone])


def test_a_leak_and_an_isolation_are_told_whole_in_chinese(chinese: None) -> None:
    assert sentences.told(LEAK) == (
        "老城 爆管，流量 85 m3/h（±1），始于 2022-06-15 15:15，2022-06-15 17:00 报出。最可能为管道 153（90 %），其次 151, 149。"
        "每日损失 5,287；预计空挖 0.2 次，每次 3,000。"
    )
    assert sentences.told(CUT) == (
        "关闭 v019, v020 隔离管道 153：停水 625 户、30.6 m3/h，管长 2.32 km；重要用户：Dialysis centre (147)。"
        "管道 153 与各水源均无通路；停水节点 3 个。"
        "EPANET 校核（最大用水时段 1,155 m3/h）：漏点流出 0.0 m3/h，另有 2 个节点低于 20 m：147, 149。"
    )


@pytest.mark.parametrize("proof", [DryProof("7", True, (), ("1", "2")), DryProof("7", False, ("R", "1", "7"), ())])
def test_what_the_search_says_has_a_template(chinese: None, proof: DryProof) -> None:
    assert "管道 7" in sentences.told(proof.sentence)
    assert "Pipe" not in sentences.told(proof.sentence)


def test_what_no_template_fits_stays_as_it_was(chinese: None) -> None:
    assert sentences.told("Something new was written.").strip() == "Something new was written."
