"""Reading, checks, topology and layout of electric networks, on networks small enough to draw by hand."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import data_folder
from city.problems import PenstockError
from networks.grid.checks import check
from networks.grid.layout import layout
from networks.grid.network import Network
from networks.grid.reading import as_network, load
from networks.grid.simbench import year
from networks.grid.topology import energised, feeder_of, head_branches, islands, tree

DEMO = Path(__file__).resolve().parents[3] / "demo" / "grid"


@pytest.fixture(scope="module")
def demo() -> Network:
    return load(DEMO)


def copied(folder: Path, name: str, old: str, new: str) -> Path:
    """The demo's network with one text of one file replaced by another."""
    shutil.copytree(DEMO, folder / "grid")
    text = (folder / "grid" / name).read_text()
    assert old in text
    (folder / "grid" / name).write_text(text.replace(old, new, 1))
    return folder / "grid"


def test_the_demo_network_is_whole_radial_and_has_twelve_feeders(demo):
    assert check(demo) == []
    assert tree(demo, demo.normally_open).radial
    assert sorted(head_branches(demo, demo.normally_open)) == sorted(
        [*(f"feeder-0{k}" for k in range(1, 9)), "depot", "works", "park", "waterworks"]
    )
    r = demo.lines.set_index("line").loc["L01-1"]
    assert r["r_ohm"] == pytest.approx(0.122 * 0.8)  # 0.8 km of 240 mm2
    assert r["rating_a"] == 416


def test_what_hangs_behind_what(demo):
    spanned, index = tree(demo, demo.normally_open), demo.bus_index
    assert spanned.parent[index["01-4"]] == index["01-3"]
    assert demo.branches["branch"].iloc[spanned.via[index["01-4"]]] == "L01-4"
    customers = np.zeros(len(demo.buses))
    for load_, bus, n in demo.loads[["load", "bus", "customers"]].itertuples(index=False):
        customers[index[bus]] += n
        assert load_
    assert spanned.below(customers)[index["01-3"]] == sum(customers[index[bus]] for bus in ("01-3", "01-4", "01-5"))
    feeder = dict(zip(demo.buses["bus"], feeder_of(demo, demo.normally_open), strict=True))
    assert feeder["01-4"] == "feeder-01"
    assert feeder["N-I"] == ""


def test_a_tie_moves_a_section_to_the_other_feeder_and_two_ways_are_a_loop(demo):
    moved = demo.normally_open - {"T-01-4-02-4"} | {"Q01-4a"}
    feeder = dict(zip(demo.buses["bus"], feeder_of(demo, moved), strict=True))
    assert feeder["01-4"] == "feeder-02"
    assert tree(demo, moved).radial
    closed = demo.normally_open - {"T-01-4-02-4"}
    assert not tree(demo, closed).radial
    assert any("energised in two ways" in str(problem) for problem in check(demo, closed))


def test_an_open_switch_makes_an_island_that_is_told(demo):
    opened = demo.normally_open | {"Q01-3a"}
    live = dict(zip(demo.buses["bus"], energised(demo, opened), strict=True))
    assert [live[bus] for bus in ("01-2", "01-3", "01-4", "01-5")] == [True, False, False, False]
    island = dict(zip(demo.buses["bus"], islands(demo, opened), strict=True))
    assert island["01-3"] == island["01-5"] != island["01-2"]
    assert [str(problem) for problem in check(demo, opened)] == [
        "island with bus 01-3, 01-4, 01-5: no source; allowed: a closed way to a source. Close a switch, or join it."
    ]


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("buses.csv", "01-2,10,", "01-1,10,", "bus 01-1: there twice"),
        ("lines.csv", "L01-2,01-1,01-2,", "L01-2,01-1,01-22,", "line L01-2: its to_bus is no bus"),
        ("lines.csv", "cable-al-240", "cable-al-241", "type cable-al-241: no such type"),
        ("lines.csv", "cable-al-240,0.8", "cable-al-240,x", "row 4, r_ohm"),
        ("switches.csv", "Q01-2a,L01-2", "Q01-2a,L99", "switch Q01-2a: its branch is neither line nor transformer"),
        ("switches.csv", "Q01-2a,L01-2,01-1", "Q01-2a,L01-2,02-1", "switch Q01-2a: its bus is at neither end"),
        ("switches.csv", "01-1,true,load-break", "01-1,maybe,load-break", "'maybe'; allowed: true or false"),
        ("switches.csv", "01-1,true,load-break", "01-1,true,lever", "of no known kind"),
        ("transformers.csv", "N-T1,", "L01-1,", "branch L01-1: a line and a transformer"),
        ("loads.csv", "load,bus,p_kw", "load,bus,power", "no column p_kw"),
        ("sources.csv", "N-35,N-35,1.0", "N-35,N-36,1.0", "source N-35: its bus is no bus"),
        ("lines.csv", "L01-1,N-I,01-1", "L01-1,N-I,N-I", "branch L01-1: both ends at one bus"),
        ("loads.csv", "load,bus,p_kw", '"load,bus,p_kw', "loads.csv: cannot be read"),
    ],
)
def test_what_is_no_network_is_refused_with_every_reason(tmp_path, name, old, new, told):
    with pytest.raises(PenstockError, match=told.replace("(", r"\(")):
        load(copied(tmp_path, name, old, new))


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("line_types.csv", "busbar,0.01,0.1,0,1250", "busbar,0,0,0,1250", "line N-coupler, S-coupler: no impedance"),
        ("line_types.csv", "290", "0", "rating_a below what can be"),
        ("transformers.csv", "N-I,4000", "N-I,0", "transformer N-T1: no rating"),
        ("transformers.csv", "N-I,4000,35,10.5,7.0", "N-I,4000,35,10.5,0", "transformer N-T1: no impedance"),
        ("transformers.csv", "N-I,4000,35,10.5,7.0,27.4", "N-I,4000,35,10.5,7.0,27400", "load loss above what its impedance allows"),
        ("transformers.csv", "N-I,4000,35,10.5", "N-I,4000,35,0.4", "low side is rated for another voltage than its bus"),
        ("buses.csv", "01-2,10,", "01-2,20,", "its two buses have different nominal voltages"),
        ("sources.csv", "N-35,N-35,1.0", "N-35,N-35,35", "a voltage far from 1 per unit"),
        ("lines.csv", "L01-2,01-1,01-2", "L01-2,01-2,01-2", "its bus is at neither end"),
        ("switches.csv", "Q01-2b,L01-2,01-2", "Q01-2b,L01-2,01-1", "a second switch at the same end"),
    ],
)
def test_what_can_be_read_but_misleads_is_told(tmp_path, name, old, new, told):
    try:
        found = " ".join(map(str, check(load(copied(tmp_path, name, old, new)))))
    except PenstockError as error:
        found = str(error)
    assert told in found


def test_a_folder_that_is_not_there_and_one_without_tables_are_told(tmp_path):
    with pytest.raises(PenstockError, match="not there"):
        load(tmp_path / "nowhere")
    with pytest.raises(PenstockError, match=r"(?s)buses.csv.*lines.csv.*sources.csv.*loads.csv"):
        load(tmp_path)


def test_the_tidy_layout_gives_every_bus_a_place_of_its_own_in_which_no_branch_of_the_tree_crosses(demo):
    places = layout(demo)
    assert not places.duplicated(["x", "y"]).any()
    at = places.set_index("bus")
    spanned, names = tree(demo, demo.normally_open), demo.buses["bus"]
    for bus in spanned.order:
        if spanned.parent[bus] >= 0:
            assert at["x"][names[bus]] == at["x"][names[spanned.parent[bus]]] + 1
    rows = [(spanned.parent[b], b) for b in spanned.order if spanned.parent[b] >= 0]
    for a, b in rows:  # two branches between the same columns keep their order
        for c, d in rows:
            if at["x"].iloc[a] == at["x"].iloc[c] and at["y"].iloc[a] < at["y"].iloc[c]:
                assert at["y"].iloc[b] < at["y"].iloc[d]
    assert at["distance_km"]["01-3"] == pytest.approx(0.8 + 0.6 + 0.5)
    own = as_network({**{n: getattr(demo, n) for n in ("lines", "transformers", "switches", "sources", "loads")},
                      "buses": demo.buses.assign(x=np.arange(len(demo.buses)), y=1.0)}, "drawn")  # fmt: skip
    assert layout(own)["x"].tolist() == list(range(len(demo.buses)))


@pytest.mark.data
def test_simbench_is_read_whole_with_its_switches_at_the_ends_of_its_branches():
    try:
        folder = data_folder("grid/simbench")
    except PenstockError as error:
        pytest.skip(str(error))
    network = load(folder)
    assert (len(network.transformers), len(network.sources)) == (7, 2)
    assert energised(network, network.normally_open).all()
    # its two 25 MVA transformers feed one busbar together: the one loop it has
    assert [problem.observed for problem in check(network)] == ["energised in two ways"]
    p, q = next(year(folder, network))
    assert p.shape == q.shape == (2976, len(network.loads))
    assert np.isfinite(p).all()
    first = network.loads.index[network.loads["load"] == "LV1.101 Load 1"][0]
    profile = pd.read_parquet(folder / "LoadProfile.parquet", columns=["L2-A_pload"])["L2-A_pload"]
    assert p[:, first] == pytest.approx(6.0 * profile.iloc[:2976].to_numpy())
