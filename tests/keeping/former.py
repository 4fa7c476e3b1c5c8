"""The release before, as it was: its own code, taken from the history of this repository, run in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.town import Said

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "3c99da73fee70e0276631132462cf2d7e98acfdb"
RELEASE, REVISION = "0.1.0", "0011"
_COMMANDS = """
import sys
from service.cli import run
for words in sys.argv[1:]:
    if words.startswith("!"):
        exec(words[1:])
        print("<0>", flush=True)
        continue
    sys.argv = ["penstock", *words.split("|")]
    try:
        run()
    except SystemExit as ended:
        print(f"<{ended.code or 0}>", flush=True)
"""


def release(folder: Path) -> Path:
    """The code of the release in `folder`; skips where the clone does not have its commit."""
    packed = subprocess.run(["git", "archive", COMMIT], cwd=ROOT, capture_output=True, check=False)
    if packed.returncode:
        pytest.skip(f"no history here: git archive {COMMIT[:7]}, of release {RELEASE}, says {packed.stderr.decode().strip()[:80]}")
    folder.mkdir(parents=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    return folder


def commands(code: Path, home: Path, *words: str, url: str = "") -> list[Said]:
    """What the former release answers to commands (words joined by |; behind ! lines of Python), all in one process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    environment |= {"PYTHONPATH": str(code), "PENSTOCK_CITY": str(home / "city.toml"), "PENSTOCK_HOME": str(home), "OMP_NUM_THREADS": "1"}
    environment |= {"PENSTOCK_DATABASE_URL": url} if url else {}
    said = subprocess.run(
        [sys.executable, "-c", _COMMANDS, *words], cwd=code, env=environment, capture_output=True, text=True, check=True, timeout=280
    )
    assert "Traceback" not in said.stderr
    found, left = [], said.stdout
    for _ in words:
        out, _, left = left.partition("<")
        code_, _, left = left.partition(">\n")
        found.append(Said(int(code_), out, said.stderr))
    return found
