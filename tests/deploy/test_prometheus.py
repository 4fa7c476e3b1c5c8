"""A real Prometheus scrapes a real `penstock metrics`: queries find every name of rules and docs, and every rule is evaluated."""

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import yaml

from service.metrics.kinds import METRICS
from tests.commands import Penstock, free_port
from tests.deploy.test_rules import PROMETHEUS, ROOT, rules, scrape_config
from tests.metrics.figures import filled

BEGAN = "2022-06-15T23:55+00:00"  # before the hour in which the town's readings came has ended: counters begin with the process
WAIT_S = 40

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed; Debian has it in the package of that name"),
]


@contextmanager
def running(process: "subprocess.Popen[str]") -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def eventually(url: str, enough: Any = lambda _found: True) -> Any:
    """What the address answers as JSON, as soon as it is enough."""
    until, found = time.monotonic() + WAIT_S, None
    while time.monotonic() < until:
        with suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
            found = json.loads(answer.read())
            if enough(found):
                return found
        time.sleep(0.3)
    raise AssertionError(f"{url}: {found}")


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server that reads the rules and the configuration of the page, with the ports and the pace of this test."""
    folder = tmp_path_factory.mktemp("prometheus")
    _, city = filled(folder)
    figures, own = free_port(), free_port()
    config = yaml.safe_load(scrape_config())
    assert config["scrape_configs"][0]["static_configs"][0]["targets"] == ["127.0.0.1:9464"]
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{figures}"]
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    shutil.copy(PROMETHEUS / "rules.yml", folder / "rules.yml")
    penstock = Penstock(city.environment.city_file, city.folder)
    words = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{own}",
    ]
    with running(penstock.start("metrics", "--port", str(figures), "--now", BEGAN)):
        assert eventually(f"http://127.0.0.1:{figures}/health/live")["live"] is True
        log = folder / "log"
        with log.open("w") as said, running(subprocess.Popen(["prometheus", *words], stdout=said, stderr=said, text=True)):
            yield f"http://127.0.0.1:{own}"


def test_every_figure_of_rules_and_docs_is_found(prometheus: str) -> None:
    docs = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    wanted = {name for rule in rules() for name in re.findall(r"penstock_\w+", rule["expr"])} | set(re.findall(r"`(penstock_\w+)`", docs))
    assert wanted == {metric.name for metric in METRICS}
    for name in sorted(wanted - {"penstock_backup_missing_seconds"}):  # it has a backup
        asked = f"{prometheus}/api/v1/query?query={urllib.parse.quote(name)}"
        (first, *_) = eventually(asked, lambda found: found["data"]["result"])["data"]["result"]
        labels = next(set(metric.labels) for metric in METRICS if metric.name == name)
        assert set(first["metric"]) == {"__name__", "instance", "job", *labels}, name
        assert first["metric"]["job"] == "penstock"


def test_every_rule_is_evaluated_without_a_fault(prometheus: str) -> None:
    def of_each(found: Any) -> dict[str, dict[str, Any]]:
        return {rule["name"]: rule for group in found["data"]["groups"] for rule in group["rules"]}

    firing = {"PenstockZonesOut", "PenstockNoticesLost"}  # this town has a zone left out and a notice given up, and no alert waits for them
    asked = f"{prometheus}/api/v1/rules"
    found = of_each(eventually(asked, lambda found: all(of_each(found)[name]["state"] == "firing" for name in firing)))
    assert {name: rule["health"] for name, rule in found.items()} == {rule["alert"]: "ok" for rule in rules()}
