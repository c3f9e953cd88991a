"""The site is built without a warning, loads nothing from elsewhere, and its search knows the words of users."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs_pages import ROOT

pytestmark = pytest.mark.slow  # `make docs` is the same build
WORDS = "tile resume VNNI opset GRIDRT_CACHE polygraphy trtexec recipe calibrate exit".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason='pip install ".[docs]"')
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)
    return folder


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"?(https?:[^\" >]*)", page.read_text())
        assert loaded == [], page


@pytest.mark.parametrize("word", WORDS)
def test_the_index_of_the_search_has_a_word(site: Path, word: str) -> None:
    pages = json.loads((site / "search" / "search_index.json").read_text())["docs"]

    assert [page["location"] for page in pages if word.lower() in (page["title"] + page["text"]).lower()]
