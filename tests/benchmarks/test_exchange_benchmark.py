"""The benchmark of export and import gives its figures."""

from benchmarks.__main__ import measured


def test_readings_go_out_and_in_again_and_the_figures_are_told() -> None:
    told, _ = measured("exchange", ["--quick"])
    assert told["rows"] == 2_000
    for form in ("csv", "parquet"):
        assert told[form]["export_rows_per_cpu_s"] > 0
        assert told[form]["import_rows_per_cpu_s"] > 0
        assert told[form]["import"]["peak_rss_mb"] > 0
