"""The benchmark of alarms: a smoke run, in which what was silenced is what is annunciated."""

import pytest

from benchmarks.__main__ import measured


@pytest.mark.slow
def test_what_falls_silent_is_annunciated_once_and_a_dead_link_is_one_line() -> None:
    figures, _ = measured("alarms", ["--quick"])
    told = {one["when"]: one for one in figures["refreshes"]}
    assert 50 < figures["bad"] < 150  # 5 % of 2000
    assert told["came"]["changes"] == told["gone"]["changes"] == figures["bad"]
    assert told["unchanged"]["changes"] == told["all_well"]["annunciated"] == 0
    assert told["one_link_down"]["annunciated"] == 247 + 1  # its meters and the link itself
    assert figures["lines"] <= 4
