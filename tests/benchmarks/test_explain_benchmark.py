"""The benchmark of explanations runs and counts the entries it adds up."""

from benchmarks.__main__ import measured


def test_a_small_ledger_is_explained_whole():
    figures, _ = measured("explain", ["--quick"])
    assert figures["explain_ledger_entries"] == figures["explain_city_year_entries"] == 20 * 8760
    assert figures["explain_account_month_entries"] == 720
    assert figures["explain_city_year_cpu_s"] < 1
