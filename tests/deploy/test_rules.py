"""The alert rules: every name and label in them is told, each has its cases, and promtool finds that it fires on those alone."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.metrics.kinds import METRICS

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
LABELS = {metric.name: set(metric.labels) for metric in METRICS}


def read(name: str) -> Any:
    return yaml.safe_load((PROMETHEUS / name).read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    return [rule for group in read("rules.yml")["groups"] for rule in group["rules"]]


def scrape_config() -> str:
    """The YAML that the page of operations shows."""
    (found,) = re.findall(r"^```yaml\n(scrape_configs:.*?)^```", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8"), re.M | re.S)
    return found


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed; Debian has it in the package prometheus")
    return subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=60, check=False)


def test_alert_rules_use_only_metrics_and_labels_that_are_told() -> None:
    for rule in rules():
        used = re.findall(r"(penstock_\w+)(?:{([^}]*)})?", rule["expr"])
        assert used
        for name, selector in used:
            assert name in LABELS, rule["alert"]
            assert set(re.findall(r"(\w+)\s*[=!]", selector)) <= LABELS[name], rule["alert"]
        told = set.union(*(LABELS[name] for name, _ in used))
        spoken = re.findall(r"(?:by|without|on|ignoring)\s*\(([^)]*)\)", rule["expr"])
        assert {word for words in spoken for word in re.findall(r"\w+", words)} <= told, rule["alert"]
        assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= told, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_a_rate_is_taken_of_counters_alone_and_a_difference_of_gauges() -> None:
    """A gauge that falls is a counter that began anew, to `rate` and `increase`: they would tell of a rise."""
    kinds = {metric.name: metric.kind for metric in METRICS}
    for rule in rules():
        for function, name in re.findall(r"(\w+)\((penstock_\w+)(?:{[^}]*})?\[", rule["expr"]):
            assert function in {"counter": ("rate", "increase"), "gauge": ("delta",)}[kinds[name]], rule["alert"]


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_quiet() -> None:
    cases = [(one["alertname"], bool(one.get("exp_alerts"))) for test in read("rules_test.yml")["tests"] for one in test["alert_rule_test"]]
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    assert set(cases) == {(name, fires) for name in names for fires in (True, False)}


def test_the_cases_tell_figures_with_the_labels_that_they_have() -> None:
    """Beside the label that Prometheus adds: a case about two processes needs it."""
    for test in read("rules_test.yml")["tests"]:
        for one in test["input_series"]:
            name, labels = re.fullmatch(r"(\w+)(?:{(.*)})?", one["series"]).groups()  # type: ignore[union-attr]
            assert set(re.findall(r"(\w+)=", labels or "")) - {"instance"} == LABELS[name], test["name"]


def test_promtool_reads_the_rules_and_the_configuration_of_the_page(tmp_path: Path) -> None:
    done = promtool("check", "rules", str(PROMETHEUS / "rules.yml"))
    assert (done.returncode, f"{len(rules())} rules found" in done.stdout) == (0, True), done.stderr
    shutil.copy(PROMETHEUS / "rules.yml", tmp_path / "rules.yml")
    (tmp_path / "prometheus.yml").write_text(scrape_config(), encoding="utf-8")
    done = promtool("check", "config", str(tmp_path / "prometheus.yml"))
    assert (done.returncode, "1 rule files found" in done.stdout) == (0, True), done.stderr


@pytest.mark.slow
def test_each_alert_fires_when_it_should_and_only_then() -> None:
    done = promtool("test", "rules", str(PROMETHEUS / "rules_test.yml"))
    assert (done.returncode, "SUCCESS" in done.stdout) == (0, True), done.stdout + done.stderr


@pytest.mark.slow
def test_promtool_tells_of_an_alert_that_fires_where_it_should_not(tmp_path: Path) -> None:
    spoiled = (PROMETHEUS / "rules.yml").read_text(encoding="utf-8").replace("delta(penstock_dead", "increase(penstock_dead")
    (tmp_path / "rules.yml").write_text(spoiled, encoding="utf-8")
    shutil.copy(PROMETHEUS / "rules_test.yml", tmp_path / "rules_test.yml")
    done = promtool("test", "rules", str(tmp_path / "rules_test.yml"))
    assert done.returncode != 0
    assert "PenstockDeadLetters" in done.stdout + done.stderr
