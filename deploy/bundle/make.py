"""`make bundle`: everything that an installation without a network needs, in one tar file that says of each of its files what it must be.

| in the bundle | what |
|---|---|
| install.sh | checks every file, makes an environment, installs with hashes and no index |
| SHA256SUMS, RELEASE, manifest.json | the hash of every other file; the release; what is in it and for which machines |
| wheels/, install.lock | every package with all extras but the developers', and Penstock's own wheel; the lock they are held against |
| fonts/ | a font with Chinese for the machine that shows the console, with its licence |
| docs/, deploy/, city/ | the pages, units and examples of service, the demo city's file |
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).resolve().parent))

from needed import locked, part  # noqa: E402 - beside this file, which is no package

SUMS = "SHA256SUMS"
CJK = (  # of Debian's fonts-noto-cjk, and its licence
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
    Path("/usr/share/doc/fonts-noto-cjk/copyright"),
)


def make(out: Path, wheelhouse: Path | None) -> Path:
    """Write the bundle to the folder `out`; packages come from `wheelhouse`, or are downloaded. Returns the tar file."""
    from service.releases import RELEASE, REVISIONS

    name = f"penstock-{RELEASE}"
    with tempfile.TemporaryDirectory(dir=_folder(out)) as work:
        folder = Path(work) / name
        wheels = folder / "wheels"
        wheels.mkdir(parents=True)
        lock = part(ROOT / "pyproject.toml", (ROOT / "requirements.lock").read_text(encoding="utf-8"))
        packages(lock, wheels, wheelhouse)
        own = own_wheel(wheels)
        (folder / "install.lock").write_text(f"{lock}penstock=={RELEASE} --hash=sha256:{digest(own)}\n", encoding="utf-8")
        (folder / "RELEASE").write_text(f"{RELEASE}\n", encoding="ascii")
        shutil.copy(ROOT / "deploy" / "bundle" / "install.sh", folder)
        fonts = take_fonts(folder / "fonts")
        for tree in ("docs", "deploy"):
            shutil.copytree(ROOT / tree, folder / tree, ignore=shutil.ignore_patterns("__pycache__", "pictures"))
        shutil.copytree(ROOT / "demo", folder / "city", ignore=shutil.ignore_patterns("__pycache__", "*.py"))
        manifest = {"release": RELEASE, "revision": REVISIONS[RELEASE], "python": "3.11", "packages": len(locked(lock)) + 1, "fonts": fonts}
        manifest["machines"] = sorted({path.stem.rsplit("-", 1)[1] for path in wheels.iterdir()})
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        seal(folder)
        return packed(folder, out / f"{name}-bundle.tar")


def _folder(out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    return out


def packages(lock: str, wheels: Path, wheelhouse: Path | None) -> None:
    """Every package of the lock as a wheel, held against its hash by pip. Ends the program where one cannot be had."""
    (wheels.parent / "packages.lock").write_text(lock, encoding="utf-8")
    source = ["--no-index", "--find-links", str(wheelhouse)] if wheelhouse else []
    words = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(wheels.parent / "packages.lock")]
    subprocess.run([sys.executable, "-m", "pip", *words, *source, "-d", str(wheels)], check=True)  # noqa: S603 - our own words
    (wheels.parent / "packages.lock").unlink()


def own_wheel(wheels: Path) -> Path:
    """Penstock's own wheel, of what git has: no build folder and no data get into it. Ends the program where git lacks something."""
    loose = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S607
    if loose.strip():
        raise SystemExit(f"not committed, so it would not be in the bundle: {', '.join(loose.split()[1::2])[:200]}")
    with tempfile.TemporaryDirectory() as work:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout.decode()  # noqa: S607
        for name in listed.split("\0"):
            if name and (ROOT / name).is_file():
                (Path(work) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, Path(work) / name)
        words = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), work]
        subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words
    (own,) = wheels.glob("penstock-*.whl")
    return own


def take_fonts(target: Path) -> list[str]:
    """A font that has Chinese, and its licence: Debian's where it is installed, else the one that statements carry."""
    target.mkdir()
    embedded = ROOT / "carbon" / "statements" / "fonts"
    for path in CJK if all(path.exists() for path in CJK) else (embedded / "penstock-sans-sc.ttf", embedded / "OFL.txt"):
        shutil.copy(path, target)
    return sorted(path.name for path in target.iterdir())


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(folder: Path) -> None:
    """Write SHA256SUMS of every file, as `sha256sum --check` reads it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    lines = [f"{digest(path)}  ./{path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def packed(folder: Path, file: Path) -> Path:
    """The folder as a tar file whose bytes follow from its content: names in order, no owner, no time."""

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = info.mtime = 0
        info.uname = info.gname = ""
        return info

    half = file.with_suffix(".part")
    with tarfile.open(half, "w") as tar:
        for path in [folder, *sorted(folder.rglob("*"))]:
            tar.add(path, f"{folder.name}/{path.relative_to(folder).as_posix()}".rstrip("/."), recursive=False, filter=plain)
    half.replace(file)
    return file


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    parser = argparse.ArgumentParser(description="Write dist/penstock-RELEASE-bundle.tar")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--wheelhouse", type=Path, help="folder of wheels that were downloaded before")
    asked = parser.parse_args()
    written = make(asked.out, asked.wheelhouse)
    sys.stdout.write(f"{written}: {written.stat().st_size / 1e6:,.0f} MB, SHA-256 {digest(written)}\n")
