"""Errors say what failed or what must be, so that nobody takes the law for what was found."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from inspect import signature
from pathlib import Path

import pytest

import gridrt
from gridrt.export.engine.options import EngineOptions

ROOT = Path(__file__).parents[1]
WORDS = "cannot|must|failed|is not|has no|is missing|differ|was built for"
SAYS_SO = re.compile(rf"\b({WORDS})\b|\bexpected\b.*\bgot\b")
# At most five, each with why no such word fits.
ALLOWED: Mapping[str, str] = {}


def sources() -> Iterator[Path]:
    for folder, _, names in os.walk(ROOT / "gridrt", followlinks=True):
        yield from (Path(folder, name) for name in names if name.endswith(".py"))


SOURCES = sorted(source.relative_to(ROOT) for source in sources())
FLAG = re.compile(r"(^|[ (`])--[a-z]")
COMMAND = re.compile(r"\b(gridrt|pip) ")


@cache
def tree_of(source: Path) -> ast.Module:
    return ast.parse((ROOT / source).read_text())


@cache
def nodes_of(tree: ast.AST) -> Sequence[ast.AST]:
    return list(ast.walk(tree))


@cache
def error_classes() -> frozenset[str]:
    """`GridRTError` and all that derive from it, wherever they are defined."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for source in SOURCES
        for node in nodes_of(tree_of(source))
        if isinstance(node, ast.ClassDef)
    }
    found = {"GridRTError"}
    while more := {name for name, of in bases.items() if of & found} - found:
        found |= more
    return frozenset(found)


def rules(tree: ast.AST) -> Iterator[tuple[int, str | None]]:
    """Line and text of each rule; None where it is neither a literal nor an f-string."""
    makers = error_classes() | passed_classes(tree)
    for node in nodes_of(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in makers and node.args:
            yield node.lineno, text_of(node.args[0])


@cache
def passed_classes(tree: ast.AST) -> frozenset[str]:
    """The parameters that are a class of errors, such as `error`, and what keeps one, such as `self._error`."""
    wanted = {f"type[{each}]" for each in error_classes()}
    found = {
        node.arg
        for node in nodes_of(tree)
        if isinstance(node, ast.arg) and node.annotation is not None and ast.unparse(node.annotation) in wanted
    }
    for node in nodes_of(tree):
        if isinstance(node, ast.Assign):
            targets, values = (getattr(side, "elts", [side]) for side in (node.targets[0], node.value))
            pairs = zip(targets, values, strict=False)
            found |= {ast.unparse(target) for target, value in pairs if ast.unparse(value) in found}
    return frozenset(found)


def text_of(rule: ast.expr) -> str | None:
    if isinstance(rule, ast.Constant):
        return str(rule.value)
    if isinstance(rule, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "..." for part in rule.values)  # type: ignore[misc]
    return None


def messages(tree: ast.AST) -> Iterator[str]:
    """The literal parts of errors, warnings and remedies."""
    makers = error_classes() | {"warn", "warn_once"} | {name.rpartition(".")[2] for name in passed_classes(tree)}
    for node in nodes_of(tree):
        function = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
        is_remedy = isinstance(node, ast.Assign) and "remedy" in ast.unparse(node.targets[0])
        if function in makers or is_remedy:
            yield from (str(each.value) for each in ast.walk(node) if isinstance(each, ast.Constant))


def flags(tree: ast.AST) -> list[str]:
    """Messages that name a flag of the command line, which Python users lack, and not a whole command."""
    return [text for text in messages(tree) if FLAG.search(text) and not COMMAND.search(text)]


def test_there_are_rules_to_look_at() -> None:
    assert sum(1 for source in SOURCES for _ in rules(tree_of(source))) > 100
    assert {"GridRTError", "GraphError", "RecipeError", "EndToEndOnlyError"} <= error_classes()


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_rules_say_what_failed_or_what_must_be(source: Path) -> None:
    found = list(rules(tree_of(source)))

    assert [line for line, rule in found if rule is None] == [], "write the rule as a literal where it is raised"
    assert [rule for _, rule in found if rule and rule not in ALLOWED and not SAYS_SO.search(rule)] == []


def test_the_exceptions_are_few_and_still_needed() -> None:
    assert len(ALLOWED) <= 5
    assert ALLOWED.keys() <= {rule for source in SOURCES for _, rule in rules(tree_of(source))}


@pytest.mark.parametrize(
    ("rule", "says_so"),
    [
        ("the engine fits the GPU", False),
        ("a network has an output", False),
        ("expected FP32", False),
        ("expected an FP32 graph, got int8", True),
        ("cannot read the file", True),
        ("this graph has no class names", True),
        ("the answer differs", False),
        ("there is no such file", False),
    ],
)
def test_a_law_that_is_stated_as_if_it_held_is_found(rule: str, says_so: bool) -> None:  # noqa: FBT001 - a table
    assert bool(SAYS_SO.search(rule)) is says_so


def test_a_rule_that_comes_by_a_variable_is_found() -> None:
    tree = ast.parse('rule = "must be a file"\nraise GridRTError(rule, place=path)')

    assert list(rules(tree)) == [(2, None)]


@pytest.mark.parametrize(
    "planted",
    [
        'def check(error: type[GridRTError]) -> None:\n    raise error("there is no such file", place=path)',
        """
def check(error: type[GraphError] = GraphError) -> None:
    raise error("there is no such file") from None
""",
        """
class States:
    def __init__(self, files: Sequence[Path], error: type[GridRTError]) -> None:
        self._files, self._error = files, error

    def check(self) -> None:
        raise self._error("there is no such file")
""",
    ],
)
def test_a_rule_of_an_error_whose_class_is_passed_is_found(planted: str) -> None:
    assert [text for _, text in rules(ast.parse(planted))] == ["there is no such file"]


@pytest.mark.parametrize("source", [source for source in SOURCES if source.parts[1] != "cli"], ids=str)
def test_the_library_names_options_as_python_does(source: Path) -> None:
    assert flags(tree_of(source)) == []


@pytest.mark.parametrize(
    ("planted", "count"),
    [
        ('raise GridRTError("must be at least 1", place="--threads")', 1),
        ('raise GridRTError("is missing", remedy=f"Choose another folder with --out, not {out}.")', 1),
        ('warnings.warn("the scale is assumed (--scale)")', 1),
        ('remedy = "Leave out --backend."', 1),
        ('def check(error: type[GridRTError]) -> None:\n    raise error("must be one: --backend")', 1),
        ('raise GridRTError("is missing", remedy="Leave out `backend`.")', 0),
        ('raise GridRTError("is missing", remedy="gridrt export --class-names gives others.")', 0),
        ('command = ["nvcc", "--version"]', 0),
    ],
)
def test_a_flag_in_an_error_of_the_library_is_found(planted: str, count: int) -> None:
    assert len(flags(ast.parse(planted))) == count


def test_options_in_errors_are_parameters_of_the_library() -> None:
    """Between backquotes, where the command line writes its flags."""
    functions = [function for each in gridrt.__all__ if callable(function := getattr(gridrt, each))]
    parameters = {name for function in functions for name in signature(function).parameters}
    parameters |= {field.name for field in fields(EngineOptions)}
    named = {
        name
        for source in SOURCES
        if source.parts[1] != "cli"
        for text in messages(tree_of(source))
        for name in re.findall(r"`(\w+)`", text)
    }

    assert len(named) > 10
    assert named - parameters == set()
