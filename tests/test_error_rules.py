"""Errors say what failed or what must be, so that nobody takes the law for what was found."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WORDS = "cannot|must|failed|is not|are not|has no|have no|is missing|are missing|differs?|was built for"
SAYS_SO = re.compile(rf"\b({WORDS})\b|\bexpected\b.*\bgot\b")
# At most five, each with why no such word fits.
ALLOWED: Mapping[str, str] = {}


def sources() -> Iterator[Path]:
    for folder, _, names in os.walk(ROOT / "gridrt", followlinks=True):
        yield from (Path(folder, name) for name in names if name.endswith(".py"))


TREES = {source.relative_to(ROOT): ast.parse(source.read_text()) for source in sorted(sources())}


def error_classes() -> set[str]:
    """`GridRTError` and all that derive from it, wherever they are defined."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"GridRTError"}
    while more := {name for name, of in bases.items() if of & found} - found:
        found |= more
    return found


def rules(tree: ast.AST, classes: set[str]) -> Iterator[tuple[int, str | None]]:
    """Line and text of each rule; None where it is neither a literal nor an f-string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in classes and node.args:
            yield node.lineno, text_of(node.args[0])


def text_of(rule: ast.expr) -> str | None:
    if isinstance(rule, ast.Constant):
        return str(rule.value)
    if isinstance(rule, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "..." for part in rule.values)  # type: ignore[misc]
    return None


CLASSES = error_classes()
RULES = [(f"{source}:{line}", text) for source, tree in TREES.items() for line, text in rules(tree, CLASSES)]


def test_there_are_rules_to_look_at() -> None:
    assert len(RULES) > 100
    assert {"GridRTError", "GraphError", "RecipeError", "EndToEndOnlyError"} <= CLASSES


@pytest.mark.parametrize(("place", "rule"), RULES, ids=[place for place, _ in RULES])
def test_a_rule_says_what_failed_or_what_must_be(place: str, rule: str | None) -> None:
    assert rule is not None, f"{place}: write the rule as a literal where it is raised"
    assert SAYS_SO.search(rule) or rule in ALLOWED, rule


def test_the_exceptions_are_few_and_still_needed() -> None:
    assert len(ALLOWED) <= 5
    assert ALLOWED.keys() <= {rule for _, rule in RULES}


@pytest.mark.parametrize(
    ("rule", "says_so"),
    [
        ("the engine fits the GPU", False),
        ("a network has an output", False),
        ("expected FP32", False),
        ("expected an FP32 graph, got int8", True),
        ("cannot read the file", True),
        ("this graph has no class names", True),
    ],
)
def test_a_law_that_is_stated_as_if_it_held_is_found(rule: str, says_so: bool) -> None:  # noqa: FBT001 - a table
    assert bool(SAYS_SO.search(rule)) is says_so


def test_a_rule_that_comes_by_a_variable_is_found() -> None:
    tree = ast.parse('rule = "must be a file"\nraise GridRTError(rule, place=path)')

    assert list(rules(tree, CLASSES)) == [(2, None)]
