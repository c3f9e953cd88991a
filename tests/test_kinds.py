"""No module outside gridrt/runtime asks what kind of file a model is, or which session runs it: the registry does."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODEL_SUFFIXES = {".onnx", ".engine", ".plan", ".pth", ".pt", ".ckpt", ".pth.tar", ".bin", ".safetensors"}
SESSIONS = {"OnnxRuntimeSession", "OpenVinoSession", "TorchSession", "TorchCudaSession", "TensorRTSession"}

# (file, what) -> why it may.
ALLOWED: dict[tuple[str, str], str] = {}


def findings(source: str) -> Iterator[str]:
    """What asks for a kind, in the order of the lines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            if any(_names_a_suffix(operand) for operand in operands):
                yield f"compares a suffix: {ast.unparse(node)}"
        elif isinstance(node, ast.Call):
            yield from _call(node)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"imports {alias.name}" for alias in node.names if alias.name in SESSIONS)
        elif isinstance(node, ast.match_case) and _names_a_suffix(node.pattern):
            yield f"matches a suffix: {ast.unparse(node.pattern)}"


def _call(node: ast.Call) -> Iterator[str]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in {"endswith", "fnmatch", "fnmatchcase", "match"} and any(map(_names_a_suffix, node.args)):
        yield f"compares a suffix: {ast.unparse(node)}"
    if name == "isinstance" and any(session in ast.unparse(node.args[1]) for session in SESSIONS):
        yield f"asks for a session's kind: {ast.unparse(node)}"
    if name in {"hasattr", "getattr", "isinstance", "type"} and "session" in ast.unparse(node.args[0]).lower():
        yield f"asks for a session's kind: {ast.unparse(node)}"


def _names_a_suffix(node: ast.AST) -> bool:
    """Whether an expression has a model's suffix in it, or a constant that is called after suffixes."""
    return any(
        (isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value.lower() in MODEL_SUFFIXES)
        or (isinstance(each, ast.Name) and "SUFFIX" in each.id and not each.id.startswith(("IMAGE", "VIDEO", "FONT")))
        for each in ast.walk(node)
    )


def sources() -> Iterator[Path]:
    for folder, _, names in os.walk(ROOT / "gridrt", followlinks=True):
        yield from (Path(folder, name).relative_to(ROOT) for name in names if name.endswith(".py"))


OUTSIDE = sorted(source for source in sources() if source.parts[1] not in {"runtime", "plugins"})


@pytest.mark.parametrize("source", OUTSIDE, ids=str)
def test_no_module_outside_the_backends_asks_for_a_kind(source: Path) -> None:
    found = {what for what in findings((ROOT / source).read_text()) if (str(source), what) not in ALLOWED}

    assert found == set()


def test_every_allowed_place_is_still_there() -> None:
    there = {(str(source), what) for source in OUTSIDE for what in findings((ROOT / source).read_text())}

    assert ALLOWED.keys() - there == set()


@pytest.mark.parametrize(
    "planted",
    [
        "if path.suffix == '.onnx': pass",
        "if path.suffix.lower() in ('.pth', '.pt'): pass",
        "if suffix in CHECKPOINT_SUFFIXES: pass",
        "kind = str(path).endswith('.engine')",
        "match path.suffix:\n    case '.onnx': pass",
        "from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession",
        "if isinstance(opened, TorchSession): pass",
        "if hasattr(session, 'providers'): pass",
        "providers = getattr(self._session, 'providers', ())",
        "if type(session).__name__ == 'Toy': pass",
    ],
)
def test_a_planted_violation_of_each_kind_is_found(planted: str) -> None:
    assert list(findings(planted))


@pytest.mark.parametrize(
    "sound",
    ["out = path.with_suffix('.onnx')", "if image.suffix in IMAGE_SUFFIXES: pass", "session.run(images, sizes)"],
)
def test_names_of_results_and_other_suffixes_are_no_violation(sound: str) -> None:
    assert list(findings(sound)) == []
