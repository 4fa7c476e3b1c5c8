"""A faulty line of an INP file costs that line: it is named, and the rest of the file is read."""

import random
from pathlib import Path

import pytest

from city.problems import PenstockError
from networks.checks import inspect
from networks.findings import what_works
from networks.network import Network

INP = """[TITLE]
A street; with a comment
[JUNCTIONS]
 A 10 10
 B 12 5
 C 11 0
[RESERVOIRS]
 R 50
[PIPES]
 P1 R A 500 200 110 0 Open
 P2 A B 400 150 110 Closed
 P3 A C 300 150 110 0
 P4 C B 200 150 110
[PATTERNS]
 1 1.0 1.2
[OPTIONS]
 Units CMH
 Headloss H-W
[COORDINATES]
 A 0 0
 B 400 0
 C 0 300
 R -500 0
[END]
"""


def inspected(folder: Path, text: str, encoding: str = "utf-8") -> tuple[Network | None, dict[str, tuple[str, ...]]]:
    path = folder / "street.inp"
    path.write_bytes(text.encode(encoding))
    network, found = inspect(path)
    return network, {finding.kind: finding.ids for finding in found}


def test_a_clean_file_has_no_findings_and_everything_works(tmp_path: Path) -> None:
    network, found = inspected(tmp_path, INP)
    assert found == {}
    assert network is not None
    assert network.pipes.set_index("id")["open"].to_dict() == {"P1": True, "P2": False, "P3": True, "P4": True}
    assert set(what_works([]).values()) == {"works"}


@pytest.mark.parametrize(
    ("old", "new", "kind", "ids", "pipes"),
    [
        (" P3 A C", " P1 A C", "id-twice", ("P1",), {"P1", "P2", "P4"}),
        (" C 11 0", " C 11 0\n A 99 0", "id-twice", ("A",), {"P1", "P2", "P3", "P4"}),
        (" P3 A C", " P3 A X", "end-unknown", ("P3",), {"P1", "P2", "P4"}),
        (" P4 C B", " P4 C C", "link-to-itself", ("P4",), {"P1", "P2", "P3"}),
        (" P4 C B 200", " P4 C B 2OO", "line-unreadable", ("13",), {"P1", "P2", "P3"}),
        (" P4 C B 200 150 110", " P4 C B", "line-unreadable", ("13",), {"P1", "P2", "P3"}),
        ("[PATTERNS]", "[DEMANDS]\n Z 5\n[PATTERNS]", "reference-unknown", ("Z",), {"P1", "P2", "P3", "P4"}),
        (" C 0 300\n", "", "place-missing", ("C",), {"P1", "P2", "P3", "P4"}),
        ("[PATTERNS]", "[RUBBISH]\n[PATTERNS]", "section-unreadable", ("[RUBBISH]",), {"P1", "P2", "P3", "P4"}),
        ("[OPTIONS]", "[CONTROLS]\n LINK P9 OPEN AT TIME 5\n[OPTIONS]", "section-unreadable", ("[CONTROLS]",), {"P1", "P2", "P3", "P4"}),
        (" P3 A C 300", " P3 A C 0", "length-zero", ("P3",), {"P1", "P2", "P3", "P4"}),
        (" P3 A C 300 150", " P3 A C 300 0", "diameter-zero", ("P3",), {"P1", "P2", "P3", "P4"}),
        (" P3 A C 300 150 110", " P3 A C 300 150 0", "roughness-zero", ("P3",), {"P1", "P2", "P3", "P4"}),
    ],
)
def test_the_fault_is_named_and_the_rest_is_read(
    old: str, new: str, kind: str, ids: tuple[str, ...], pipes: set[str], tmp_path: Path
) -> None:
    network, found = inspected(tmp_path, INP.replace(old, new, 1))
    assert found.pop(kind) == ids
    assert found.keys() <= {"cut-off-by-closed"}, "without P3 or P4, B lies behind P2, which is closed"
    assert network is not None
    assert set(network.pipes["id"]) == pipes


def test_read_refuses_what_inspect_leaves_out(tmp_path: Path) -> None:
    path = tmp_path / "street.inp"
    path.write_text(INP.replace(" P3 A C", " P1 A C", 1))
    with pytest.raises(PenstockError, match=r"street\.inp, P1: lines 10 and 12 \(\[PIPES\]\) have the same link id"):
        Network.read(path)


def test_what_stops_a_simulation_leaves_isolation_alone(tmp_path: Path) -> None:
    path = tmp_path / "street.inp"
    path.write_text(INP.replace(" P3 A C 300", " P3 A C 0", 1))
    works = what_works(inspect(path)[1])
    assert (works["isolation"], works["map"], works["customers"]) == ("works", "works", "works")
    assert works["simulation"] == "stopped by length-zero"
    assert works["leaks"].startswith("stopped by length-zero")


def test_comments_in_gb_18030_are_read(tmp_path: Path) -> None:
    network, found = inspected(tmp_path, INP.replace(" A 10 10", " A 10 10 ;人民路", 1), "gb18030")
    assert network is not None
    assert found == {}


def test_clock_hours_and_qualities_that_only_epanet_understands(tmp_path: Path) -> None:
    rule = "[RULES]\nRULE 1\nIF SYSTEM CLOCKTIME >= 6 AM\nTHEN PIPE P2 STATUS IS OPEN\n[OPTIONS]\n Quality Chemical TIME\n"
    network, found = inspected(tmp_path, INP.replace("[OPTIONS]\n", rule, 1))
    assert network is not None
    assert found == {}


def test_a_file_without_a_unit_is_in_gallons_as_epanet_takes_it(tmp_path: Path) -> None:
    network, found = inspected(tmp_path, INP.replace(" Units CMH\n", "", 1))
    assert network is not None
    assert network.junctions["base_demand_m3_per_h"].sum() == pytest.approx(15 * 0.227125, rel=1e-4)
    assert found["units-missing"] == ()


def test_without_a_source_there_is_no_network_and_it_says_so(tmp_path: Path) -> None:
    network, found = inspected(tmp_path, INP.replace("[RESERVOIRS]\n R 50", "", 1))
    assert network is None
    assert {"end-unknown", "no-source"} <= set(found)


@pytest.mark.parametrize("text", ["", "no inp at all", "[PIPES]\n x y\n", "\x00\x01\x02", "[JUNCTIONS]\n" + " A 1 2\n" * 99])
def test_what_is_no_network_is_a_finding(text: str, tmp_path: Path) -> None:
    network, found = inspected(tmp_path, text)
    assert network is None
    assert "network-empty" in found


WORDS = [
    "",
    "0",
    "-1",
    "nan",
    "1e400",
    "x",
    "A",
    "P1",
    "[PIPES]",
    "[TANKS]",
    "Open",
    "CV",
    "50",
    "R",
    ";",
    "[END]",
    "人",
    "\x00",
    "GPM",
    '"',
    "*",
]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_done_to_a_file_is_told_as_findings(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)  # noqa: S311 - which line is no secret
    lines = INP.split("\n")
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(lines))
        words = lines[at].split() or [""]
        word = chance.randrange(len(words))
        words[word : word + chance.randrange(2)] = [chance.choice(WORDS)] * chance.randrange(2)
        lines[at : at + chance.randrange(2)] = [" ".join(words)]
    (tmp_path / "street.inp").write_text("\n".join(lines))
    network, found = inspect(tmp_path / "street.inp")
    assert network is not None or found
