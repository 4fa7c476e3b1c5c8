"""What the documents tell the reader to type exists, and what they link to is there."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import names
from meters.maps.registers import load_model
from service.cli import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "demo" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def code(page: Path) -> str:
    """Code blocks and inline code of a page."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    return "\n".join(blocks + re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_a_page_names_exists(page: Path) -> None:
    for target in set(re.findall(r"^make ([\w-]+)", code(page), re.MULTILINE)):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"make {target}: {done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_penstock_command_a_page_names_takes_those_options(page: Path) -> None:
    groups = (
        "account|meters|forecast|weather|event|response|plan|water|grid|carbon|factors|certificates|household|audit|case|shift|alarms"
        "|api|cluster|exchange|notices"
    )
    for name, rest in set(re.findall(rf"^penstock ((?:(?:{groups}) )*[a-z][a-z-]*)([^\n#]*)", code(page), re.MULTILINE)):
        told = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "200"})
        assert told.exit_code == 0, f"penstock {name}"
        plain = re.sub(r"\x1b\[[0-9;]*m", "", told.output)
        assert [option for option in re.findall(r"--[a-z]+", rest) if option not in plain] == [], f"penstock {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_benchmark_a_page_names_exists(page: Path) -> None:
    for name in set(re.findall(r"python -m benchmarks (\w+)", page.read_text(encoding="utf-8"))):
        assert name in [*names(), "NAME"], name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_no_file_names_a_registry_a_mirror_or_a_path_of_a_machine() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    hosts = ("pypi" + ".org", "files.python" + "hosted", "/work" + "/main", "/opt" + "/pypi", "index" + "-url =")
    for name in listed.stdout.split():
        path = ROOT / name
        if path.suffix in {".py", ".toml", ".md", ".lock", ".yml", ".txt", ""} and path.is_file():
            text = path.read_text(encoding="utf-8", errors="ignore")
            assert [host for host in hosts if host in text] == [], name


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_toml_examples_are_toml_and_register_maps_load(page: Path, tmp_path: Path) -> None:
    for number, text in enumerate(re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)):
        if "registers" in tomllib.loads(text):
            (tmp_path / f"{page.stem}-{number}.toml").write_text(text, encoding="utf-8")
            assert load_model(f"{page.stem}-{number}", [tmp_path]).registers
