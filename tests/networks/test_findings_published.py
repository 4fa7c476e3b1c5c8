"""Published networks are taken for what they are: no wrong unit, no fault of the text; what is told of them is true."""

import gzip
import os
from collections import Counter
from pathlib import Path

import pytest

from networks.checks import check, inspect
from networks.network import Network

DATA = Path(os.environ.get("PENSTOCK_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
FILES = [*sorted((DATA / "networks").glob("*.inp.gz")), *sorted(DATA.glob("pumps/*.inp")), *sorted(DATA.glob("leak/*/L-TOWN.inp"))]

# Warnings and errors of the published files. Anytown, Balerma, Hanoi, ky4, L-TOWN, Net1, Net2 and Net3 have none.
KNOWN = {
    "BWSN_Network_1": {"elevation-odd": 4},  # elevation 0 between 258 m and 262 m
    "BWSN_Network_2": {"diameter-absurd": 3},  # one inch between 16 and 18 inches
    "KL": {"length-not-drawn": 1},
    "MICROPOLIS_v1": {"length-not-drawn": 24, "roughness-absurd": 1},  # a Hazen-Williams C of 100 left in a D-W file
    "Net6": {"elevation-odd": 2},
    "exnet-3": {"pressure-negative": 1},
    "ky10": {"elevation-odd": 1, "pressure-negative": 1},  # elevation 0 in the Appalachians; pump intakes below 0 m
    "ky3": {"pressure-negative": 1},
    "ky9": {"pressure-negative": 1},
    "van_zyl_watermodels": {"place-missing": 1, "elevation-odd": 3, "pressure-negative": 1},
}


@pytest.mark.parametrize("name", ["Net1", "Net2", "Net3", pytest.param("ky4", marks=pytest.mark.slow)])
def test_wntrs_networks_have_nothing_wrong(name: str) -> None:
    assert [str(finding) for finding in check(Network.named(name)) if finding.meaning.severity != "note"] == []


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("path", FILES or [None], ids=lambda path: path.name if path else "none")
def test_a_published_file_is_read_and_called_right(path: Path | None, tmp_path: Path) -> None:
    if path is None:
        pytest.skip("no measuring data (PENSTOCK_DATA)")
    name = path.name.partition(".")[0]
    file = tmp_path / f"{name}.inp"
    file.write_bytes(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
    network, found = inspect(file)
    assert network is not None
    assert Counter(finding.kind for finding in found if finding.meaning.severity != "note") == KNOWN.get(name, {})
