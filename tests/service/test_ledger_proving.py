"""One entry is proved to somebody who has nothing but Python, a small file and a root."""

import subprocess
import sys
from pathlib import Path

from carbon.ledger import standalone_entry
from tests.service.ledger_town import book, night, town


def test_the_proof_of_an_entry_is_a_file_that_python_alone_checks(tmp_path: Path) -> None:
    made = town(tmp_path / "town", days=2)
    night(made)
    file = tmp_path / "entry.json"
    said = made.penstock("carbon", "prove", "0-3", str(file))
    root = book(made).root
    assert (said.code, said.out) == (0, f"python verify_entry.py {file} {root}\n")
    words = [sys.executable, "-I", "-S", str(standalone_entry.__file__), str(file), root]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.startswith("entry: 0-3\n")) == (0, True), done
    again = made.penstock("carbon", "prove", "0-3", str(file))
    assert (again.code, again.foreseen) == (1, True)
    assert "File exists" in again.err
    assert "not in the ledger" in made.penstock("carbon", "prove", "7-0", str(tmp_path / "none.json")).err
    assert not (tmp_path / "none.json").exists()
