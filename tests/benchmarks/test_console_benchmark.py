"""The console's benchmark runs small: a real console, real sessions that sign in and click, and no click that goes wrong."""

from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks import console


@pytest.mark.slow
def test_sessions_sign_in_click_and_get_whole_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CACHE", str(tmp_path))
    found = console.run(Namespace(quick=True, seed=1, demo=None))
    (scale,) = found["scales"]
    assert scale["faults"] == []
    assert (scale["sessions"], scale["errors"], found["tracebacks"]) == (2, 0, 0)
    assert {"now", "tonight", "water", "carbon", "meters", "runs"} <= {page["name"] for page in found["first_opening"]}
    assert scale["clicks"] >= 4
    assert all(page["kb"] > 1 for page in found["pages"])
