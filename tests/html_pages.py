"""HTML as a tree, by Python's own parser, which refuses what is not well nested."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from gridrt.report.bench_report.markup import VOID

HOLLOW = VOID | {"meta"}


@dataclass
class Node:
    """An element; `parts` are its texts and children in order."""

    tag: str
    attributes: dict[str, str]
    parts: list[Node | str] = field(default_factory=list)

    def all(self, tag: str, **attributes: str) -> list[Node]:
        """Elements below of this tag with these attributes; `class_` asks for one of several."""
        return [node for node in self.below() if node.tag == tag and node._has(attributes)]

    def one(self, tag: str, **attributes: str) -> Node:
        """The only such element."""
        (node,) = self.all(tag, **attributes)
        return node

    def below(self) -> Iterator[Node]:
        """Every element below."""
        for part in self.parts:
            if isinstance(part, Node):
                yield part
                yield from part.below()

    @property
    def text(self) -> str:
        """All text below, with single blanks."""
        return " ".join(self._raw().split())

    def _raw(self) -> str:
        return "".join(part if isinstance(part, str) else part._raw() for part in self.parts)

    def _has(self, wanted: dict[str, str]) -> bool:
        named = {name.rstrip("_").replace("_", "-"): value for name, value in wanted.items()}
        return all(value in self.attributes.get(name, "").split(" ") for name, value in named.items())


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), attrs
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].parts.append(node)
        if tag not in HOLLOW:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in HOLLOW, tag
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].parts.append(data)


def parsed(page: str) -> Node:
    """The tree of a page or a part of one."""
    builder = _Builder()
    builder.feed(page)
    builder.close()
    assert len(builder.open) == 1, [node.tag for node in builder.open]
    return builder.open[0]


def numbers_in(way: str) -> list[float]:
    """Those of an SVG path."""
    return [float(number) for number in re.findall(r"-?[\d.]+", way)]
