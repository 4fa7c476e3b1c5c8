"""The audit of dependencies finds what is planted, and finds nothing today."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from tests.security import dependencies as d

HASH = f"--hash=sha256:{'0' * 64}"
JINJA: Mapping[str, Any] = {"id": "CVE-2025-27516", "package": "jinja2", "fixed_in": "3.1.6", "text": "sandbox escape"}


def test_the_lock_and_what_is_installed_pass_the_audit() -> None:
    faults, told = d.audit()
    assert faults == []
    assert "last looked at on" in told[1]


@pytest.mark.parametrize(("version", "faults"), [("3.1.5", 1), ("3.1.6", 0), ("3.1.10", 0), ("3.0.99", 1)])
def test_a_release_before_the_mended_one_is_found(version: str, faults: int) -> None:
    packages, _ = d.locked(f"Jinja2=={version} \\\n    {HASH}\n")
    found = list(d.affected(packages, [JINJA]))
    assert len(found) == faults
    assert all(part in sentence for sentence in found for part in ("CVE-2025-27516", version, "3.1.6"))


@pytest.mark.parametrize(
    "line",
    [
        "six==1.17.0",  # no hash
        "six>=1.17 " + HASH,
        "six==1.* " + HASH,
        "six @ https://elsewhere.example/six.whl " + HASH,
        "git+https://elsewhere.example/six " + HASH,
        "--extra-index-url https://elsewhere.example/simple",
        "-r other.txt",
        "--find-links ./wheels",
        f"six==1.17.0 {HASH}\nSix==1.16.0 {HASH}",
    ],
)
def test_a_line_that_another_index_a_file_or_a_new_release_could_answer_is_refused(line: str) -> None:
    """Dependency confusion: pip takes only what is pinned, by its hash, from the one index its user has set."""
    assert d.locked(line)[1] != []


def test_a_package_beside_the_lock_and_one_of_another_release_are_found() -> None:
    packages, _ = d.locked(f"six==1.17.0 {HASH}")
    assert list(d.differing(packages, {"six": "1.17.0", "pip": "1", "penstock": "1"})) == []
    assert "sixx 1.0 is installed" in next(d.differing(packages, {"sixx": "1.0"}))
    assert "says 1.17.0" in next(d.differing(packages, {"six": "1.16.0"}))


@pytest.mark.parametrize(
    ("licence", "may"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("MIT AND GPL-2.0-only", False),
        ("EPL-2.0 OR BSD-3-Clause", True),
        ("(MIT OR GPL-2.0-only) AND MIT", True),
        ("Mozilla Public License 2.0 (MPL 2.0)", True),
        ("MIT License; Other/Proprietary License", False),
        ("none stated", False),
        ("All rights reserved", False),
    ],
)
def test_a_licence_that_binds_those_who_run_it_is_refused(licence: str, may: bool) -> None:
    assert d.acceptable(licence) is may


def test_each_advisory_is_whole_and_about_a_package_that_is_locked() -> None:
    known = d.tomllib.loads(d.ADVISORIES.read_text(encoding="utf-8"))
    names = {one.name for one in d.locked(d.LOCK.read_text(encoding="utf-8"))[0]}
    assert len(known["advisory"]) >= 30
    assert len({one["id"] for one in known["advisory"]}) == len(known["advisory"])
    for one in known["advisory"]:
        assert set(one) == {"id", "package", "fixed_in", "text", "checked_on"}
        assert one["package"] in names, f"{one['package']} is not locked any more: take {one['id']} out"
        assert date(2026, 1, 1) <= one["checked_on"] <= known["looked_at_on"]


def test_make_lint_runs_the_audit() -> None:
    lint = (d.ROOT / "Makefile").read_text(encoding="utf-8").split("\nlint:")[1].split("\n\n")[0]
    assert "-m tests.security.dependencies" in lint
