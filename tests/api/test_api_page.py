"""The examples of docs/api.md do what the page says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.api_town import SECRET
from tests.api.test_serving import served
from tests.town import Town

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def test_the_examples_in_python_and_curl_tell_what_was_stored(api_town: Town) -> None:
    python = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    curl = re.search(r"^curl .*$", PAGE, re.MULTILINE)
    assert python
    assert curl
    with served(api_town) as server:
        environment = {**os.environ, "TOKEN": f"all.{SECRET}", "SERVER": f"http://127.0.0.1:{server.port}"}
        said = subprocess.run([sys.executable, "-c", python[1]], env=environment, capture_output=True, text=True, check=True).stdout
        assert said.splitlines()[0] == "2022-06-15T20:00:00Z 100.0 ['valid']"
        assert len(said.splitlines()) == 10
        if shutil.which("curl") is None:
            pytest.skip("curl is not installed")
        command = curl[0].replace("http://127.0.0.1:8600", environment["SERVER"])
        told = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=True).stdout
        assert '"value":101.5' in told
