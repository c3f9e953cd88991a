"""The README and the pages of the site, and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def page_id(page: Path) -> str:
    """Of a test: the page's path from the root."""
    return str(page.relative_to(ROOT))


def blocks(language: str) -> list[tuple[str, str]]:
    """(page, content) of every block of code in that language, without the block's indentation."""
    return [
        (page_id(page), re.sub(rf"^{indent}", "", content, flags=re.MULTILINE))
        for page in PAGES
        for indent, of, content in _BLOCK.findall(page.read_text())
        if of == language
    ]


def commands() -> Iterator[tuple[str, str]]:
    """(page, command) of every line of a shell block, with those that a backslash appends; and of an indented block."""
    for page, content in blocks("bash"):
        for line in content.replace("\\\n", " ").splitlines():
            if line.strip() and not line.startswith("#"):
                yield page, line
    for path in PAGES:
        for command in re.findall(r"^    (gridrt (?:.*\\\n)*.*)$", path.read_text(), re.MULTILINE):
            yield page_id(path), command.replace("\\\n", " ")


def mentions() -> Iterator[tuple[str, str]]:
    """(page, command) of every verb within a sentence or a table, often without what it needs to run."""
    for page in PAGES:
        for command in re.findall(r"`gridrt ([a-z][^`]*)`", page.read_text()):
            yield page_id(page), command
