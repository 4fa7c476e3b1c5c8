"""The console starts nothing heavy."""

import subprocess
import sys

HEAVY = {"pyomo", "highspy", "numba", "wntr", "power_grid_model", "lightgbm", "statsmodels", "xlsxwriter", "dask"}


def test_the_pages_import_no_solver_no_model_and_no_writer_of_files() -> None:
    code = "import sys\nimport console.pages\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()
