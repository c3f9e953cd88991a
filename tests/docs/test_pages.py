"""Links of the README and the site lead somewhere, snippets use what is there, and the README is short."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

from tests.docs_pages import PAGES, ROOT, blocks, page_id

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDERS = "gridrt|export|calib|plugins|tests|benchmarks|docs|examples|tools|findings"


def test_the_readme_has_at_most_900_words() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= 900


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]*)\)", page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """As Markdown renderers make them of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_files_that_are_named_are_there(page: Path) -> None:
    for path in re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", page.read_text()):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize(("page", "code"), blocks("python"))
def test_a_snippet_uses_what_is_there(page: str, code: str) -> None:
    for node in ast.walk(ast.parse(code, page)):
        if isinstance(node, ast.Import):
            assert all(importlib.util.find_spec(alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("gridrt"):
            module = importlib.import_module(node.module)
            assert all(hasattr(module, alias.name) for alias in node.names)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "gridrt":
            assert node.attr in importlib.import_module("gridrt").__all__


@pytest.mark.parametrize(("page", "content"), [*blocks("toml"), *blocks("json")])
def test_data_in_a_page_can_be_read(page: str, content: str) -> None:
    if included := re.findall(r'^--8<-- "(.*)"$', content, re.MULTILINE):
        assert (ROOT / included[0]).is_file(), page
    elif content.startswith("{"):
        json.loads(content)
    else:
        tomllib.loads(content)
