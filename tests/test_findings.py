"""The scripts in `findings/` have the form that CONTRIBUTING describes; nobody runs them here."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "findings").iterdir())
HEADER = ("# Refutes the guess", "# Versions: ", "Date: ", "# Behaviour: ", "# Output seen", "Exits 0 ")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_finding_has_the_parts_of_its_form(script: Path) -> None:
    text = script.read_text()
    header, body = text.split("set -euo pipefail\n")

    assert script.suffix == ".sh"
    assert os.access(script, os.X_OK)
    assert not [part for part in HEADER if part not in header]
    assert "trap 'rm -rf \"$work\"' EXIT" in body
    assert "gridrt" not in text.lower()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_finding_installs_exact_versions(script: Path) -> None:
    lines = re.search(r"pip\" install (.*?)[^\\]\n", script.read_text(), re.DOTALL)

    assert lines
    packages = [word for word in re.split(r"[\s\\\"]+", lines[0]) if re.match(r"[a-z]", word) and word != "install"]
    assert packages[0] == "pip"
    assert not [package for package in packages[1:] if "==" not in package]


def test_the_docs_say_what_follows_from_each_finding() -> None:
    listed = re.findall(r"^\| `(\w+)` \| \S", (ROOT / "docs" / "findings.md").read_text(), re.MULTILINE)

    assert sorted(listed) == [script.stem for script in SCRIPTS]
