"""Who may import whom: one direction, so that a part can be read, tested and removed alone."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOUNDATION = {
    "types",
    "errors",
    "config",
    "classes",
    "files",
    "forks",
    "formatting",
    "json_files",
    "limits",
    "locks",
    "options",
    "partial_file",
    "printable",
    "signals",
    "unchanged",
    "work",
}
# Part of gridrt -> the parts it may import, beside itself and, for all but the foundation, the foundation.
ALLOWED: dict[str, set[str]] = {
    "types": set(),
    "printable": set(),
    "errors": {"printable"},
    "limits": set(),
    "config": {"limits"},
    "classes": {"errors", "printable"},
    "files": {"errors"},
    "forks": {"errors"},
    "unchanged": {"errors", "files"},
    "json_files": {"errors", "unchanged"},
    "formatting": {"config"},
    "options": {"errors"},
    "locks": {"errors", "files"},
    "partial_file": {"errors", "files", "locks"},
    "signals": set(),
    "work": set(),
    "machine": set(),
    "ops": set(),
    "data": set(),
    "plugins": {"ops"},
    "model": {"ops", "processes", "stages"},
    "stages": set(),
    "graph": {"plugins", "stages"},
    "runtime": {"data", "graph", "machine", "model", "ops", "plugins", "stages"},
    "detector": {"data", "runtime"},
    "tiling": {"data", "detector", "runtime"},
    "pipeline": {"data", "detector", "machine", "runtime"},
    "processes": set(),
    "eval": {"data", "detector", "pipeline", "processes"},
    "report": {"matched_detections", "bench", "data", "detector", "eval", "pipeline", "processes"},
    "training": {"data", "detector", "eval", "model", "ops", "processes", "report", "runtime"},
    "matched_detections": set(),
    "export": {
        "graph",
        "stages",
        "matched_detections",
        "data",
        "detector",
        "machine",
        "model",
        "ops",
        "plugins",
        "runtime",
    },
    "calib": {
        "graph",
        "stages",
        "matched_detections",
        "data",
        "detector",
        "eval",
        "export",
        "pipeline",
        "runtime",
    },
    "bench": {"matched_detections", "data", "detector", "eval", "machine", "model", "runtime", "stages"},
    "compare": {"matched_detections", "data", "export", "model", "runtime", "stages"},
    "demo": {"api", "data", "report"},
    "serving": {"data", "detector", "matched_detections", "runtime"},
    "api": {
        "bench",
        "calib",
        "compare",
        "data",
        "detector",
        "eval",
        "export",
        "machine",
        "graph",
        "model",
        "pipeline",
        "processes",
        "report",
        "runtime",
        "serving",
        "tiling",
        "training",
    },
}
# At the top of a verb's module; the rest is imported when the verb is called.
ALLOWED_AT_THE_TOP_OF_A_VERB = FOUNDATION | {"cli", "machine"}
FOUNDATION_PACKAGES = {"numpy", "torch"} | sys.stdlib_module_names


def sources() -> Iterator[Path]:
    for folder, _, names in os.walk(ROOT / "gridrt", followlinks=True):
        yield from (Path(folder, name).relative_to(ROOT) for name in names if name.endswith(".py"))


def imported(nodes: Iterable[ast.AST]) -> set[str]:
    """Full names of the modules that the statements import."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def parts(names: set[str]) -> set[str]:
    """Which parts of gridrt are among the modules."""
    return {name.split(".")[1] for name in names if name.startswith("gridrt.")} - {"__version__"}


def part_of(source: Path) -> str:
    return source.parts[1].removesuffix(".py")


def tree_of(source: Path) -> ast.Module:
    return ast.parse((ROOT / source).read_text(), str(source))


SOURCES = sorted(sources())
BELOW_THE_COMMAND_LINE = [source for source in SOURCES if part_of(source) not in {"cli", "__init__", "__main__"}]


def test_every_part_of_gridrt_has_its_place_in_the_table() -> None:
    assert {part_of(source) for source in BELOW_THE_COMMAND_LINE} - ALLOWED.keys() == set()


def test_the_picture_for_contributors_shows_every_part() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    picture = text[text.index("    cli  ") : text.index("A new part starts")]

    assert ALLOWED.keys() - set(re.findall(r"\w+", picture)) == set()


@pytest.mark.parametrize("source", BELOW_THE_COMMAND_LINE, ids=str)
def test_a_part_imports_only_the_parts_below_it(source: Path) -> None:
    part = part_of(source)
    allowed = ALLOWED[part] | {part} | (set() if part in FOUNDATION else FOUNDATION)

    assert parts(imported(ast.walk(tree_of(source)))) - allowed == set()


@pytest.mark.parametrize("source", [source for source in SOURCES if part_of(source) == "cli"], ids=str)
def test_a_verb_imports_the_heavy_parts_when_it_is_called(source: Path) -> None:
    assert parts(imported(tree_of(source).body)) - ALLOWED_AT_THE_TOP_OF_A_VERB == set()


@pytest.mark.parametrize("source", [source for source in SOURCES if part_of(source) in FOUNDATION], ids=str)
def test_the_foundation_needs_numpy_torch_and_python_alone(source: Path) -> None:
    packages = {name.split(".")[0] for name in imported(ast.walk(tree_of(source)))}

    assert packages - FOUNDATION_PACKAGES - {"gridrt"} == set()


def test_every_edge_of_the_table_is_used() -> None:
    used = {part: set[str]() for part in ALLOWED}
    for source in BELOW_THE_COMMAND_LINE:
        used[part_of(source)] |= parts(imported(ast.walk(tree_of(source))))

    assert {part: ALLOWED[part] - used[part] for part in ALLOWED if ALLOWED[part] - used[part]} == {}
