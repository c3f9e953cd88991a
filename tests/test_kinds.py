"""No module outside gridrt/runtime asks what kind of file a model is, or which session runs it: the registry does.

The suffix of a model file may build a name, and nothing else. The format of a file and the name of its backend may be
shown, and never decided on. A session is known by its protocol alone.
"""

from __future__ import annotations

import ast
import builtins
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from gridrt.model.weights_format import CHECKPOINT_SUFFIXES, Format
from gridrt.runtime.backend import backends

ROOT = Path(__file__).parents[1]
OUTSIDE = sorted(
    Path(folder, name).relative_to(ROOT)
    for folder, _, names in os.walk(ROOT / "gridrt", followlinks=True)
    for name in names
    if name.endswith(".py") and Path(folder).relative_to(ROOT).parts[1:2] not in {("runtime",), ("plugins",)}
)
SUFFIXES = "onnx|engine|plan|pth|pt|ckpt|bin|safetensors"
# As it is, or behind the wildcards of a pattern or the escape of a regular expression.
SUFFIX = re.compile(rf"(^|[*?\])\\])\.({SUFFIXES})\b", re.IGNORECASE)
# What a suffix, a format or the name of a backend is compared with.
KIND = re.compile(rf"({SUFFIXES}|pytorch|tensorrt|{'|'.join(each.name for each in backends())})", re.IGNORECASE)
OTHER_FILES = ("IMAGE", "VIDEO", "FONT", "HEIC", "JPEG", "RECIPE")
SAY_WHAT_THEY_ARE = {"info": {"format", "backend"}, "backend": {"name", "title", "suffixes"}}
BUILD_NAMES = {"with_suffix", "with_name", "require_suffix"}
LOOK_UP = {"get", "pop", "index", "startswith", "endswith", "removeprefix", "removesuffix", "partition", "split"}
LOOK_INSIDE = {"hasattr", "getattr", "isinstance", "issubclass", "type", "vars", "dir"}

OF_BACKENDS = [ROOT / "gridrt/runtime/graph_stages.py", *(ROOT / "gridrt/runtime").glob("*/*.py")]
NODES = {file: list(ast.walk(ast.parse(file.read_text()))) for file in OF_BACKENDS}
CLASSES = {node.name for nodes in NODES.values() for node in nodes if isinstance(node, ast.ClassDef)}
# What the sessions of single backends have beyond the protocol.
OF_ONE_SESSION = {
    node.attr
    for file, nodes in NODES.items()
    for node in nodes
    if file.name == "session.py" and isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
} - {"info"}
OPENED = "session|backend|subgraph|stages"
MODULES = r"(?!backend\.)\w+\.(\w*(session|backend|subgraph)|stage_runner)(\.[A-Z]\w*)?|graph_stages(\.\w+)?"
CLASS = re.compile(rf"\b({'|'.join(sorted(CLASSES))})\b")

OUTPUT = "names a file that is written"
PACKAGE = "names Python packages"
READER = "reads checkpoints, for the backends that run them"
# (file, what) -> why it may.
ALLOWED: Mapping[tuple[str, str], str] = {
    ("gridrt/files.py", "decides on a kind: out.suffix.lower() != suffix"): OUTPUT,
    ("gridrt/model/zoo.py", r"asks for a suffix: re.sub('_\\d{8}-[0-9a-f]{8}\\.pth$', '', self.file)"): OUTPUT,
    ("gridrt/model/weights_format.py", f"asks for a suffix: {CHECKPOINT_SUFFIXES}"): READER,
    ("gridrt/model/weights_format.py", f"asks for a suffix: CHECKPOINT_SUFFIXES = {CHECKPOINT_SUFFIXES}"): READER,
    ("gridrt/model/weights_format.py", f"decides on a kind: {get_args(Format)}"): READER,
    ("gridrt/model/checkpoint/read.py", "decides on a kind: format_ == 'safetensors'"): READER,
    ("gridrt/model/checkpoint/read.py", "asks for a suffix: ', '.join(CHECKPOINT_SUFFIXES)"): READER,
    ("gridrt/model/shards.py", "decides on a kind: format_ == 'safetensors'"): READER,
    (
        "gridrt/model/shards.py",
        "asks for a suffix: path.parent.glob('*.safetensors.index.json')",
    ): READER,
    ("gridrt/machine/packages.py", "decides on a kind: name == 'onnxruntime'"): PACKAGE,
    ("gridrt/machine/packages.py", "decides on a kind: build != 'onnxruntime'"): PACKAGE,
    (
        "gridrt/machine/packages.py",
        "decides on a kind: 'onnxruntime' in (each.read_text('top_level.txt') or '').split()",
    ): PACKAGE,
    ("gridrt/export/engine/build.py", "decides on a kind: name.lower().startswith('tensorrt')"): PACKAGE,
}


def findings(source: str) -> Iterator[str]:
    """What asks for a kind."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if is_a_suffix(node) and not builds_a_name(parents[node]):
            yield f"asks for a suffix: {ast.unparse(parents[node])}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (
                f"imports {name}" for name in imported(node) if re.fullmatch(rf"gridrt\.runtime\.({MODULES})", name)
            )
        if asks_for_a_class(node):
            yield f"asks for a session's kind: {ast.unparse(node)}"
    yield from (f"decides on a kind: {ast.unparse(each)}" for each in decisions(tree) if asks_for_a_kind(each))


def is_a_suffix(node: ast.AST) -> bool:
    """Whether it is a model's suffix, a pattern with one, or a constant that is called after suffixes."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and bool(SUFFIX.search(node.value))
    name = name_of(node)
    return "SUFFIX" in name and not name.startswith(OTHER_FILES)


def builds_a_name(parent: ast.AST) -> bool:
    """Whether a suffix within it becomes part of a name, or of a sentence."""
    return isinstance(parent, ast.BinOp | ast.JoinedStr | ast.Expr) or called(parent) in BUILD_NAMES


def decisions(tree: ast.AST) -> Iterator[ast.AST]:
    """Comparisons, what is matched and with what, keys that are looked up, and methods that compare texts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare | ast.match_case) or called(node) in LOOK_UP:
            yield node
        elif isinstance(node, ast.Match):
            yield node.subject
        elif isinstance(node, ast.Subscript):
            yield node.slice


def asks_for_a_kind(decision: ast.AST) -> bool:
    """Whether it is about what a model's file or its backend says that it is."""
    inside = list(ast.walk(decision.pattern if isinstance(decision, ast.match_case) else decision))
    texts = [node.value for node in inside if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    if any(KIND.fullmatch(text) for text in texts) or any(map(says_what_it_is, inside)):
        return True
    if compares_a_class(decision):
        return True
    of_a_path = any(name_of(node) in {"suffix", "suffixes"} or called(node) == "splitext" for node in inside)
    return of_a_path and not texts and not any(name_of(node).startswith(OTHER_FILES) for node in inside)


def compares_a_class(decision: ast.AST) -> bool:
    """Whether the class of an object is compared or looked up, other than with one of Python's own, such as `int`."""
    sides: list[ast.AST] = [decision]
    if isinstance(decision, ast.Compare):
        sides = [decision.left, *decision.comparators]
    elif isinstance(decision, ast.Call) and called(decision) in LOOK_UP:
        sides = [*decision.args]
    sides = [side.value if isinstance(side, ast.Attribute) and side.attr == "__name__" else side for side in sides]
    asks = any(name_of(side) == "__class__" or called(side) == "type" for side in sides)
    return asks and not any(isinstance(side, ast.Name) and hasattr(builtins, side.id) for side in sides)


def says_what_it_is(node: ast.AST) -> bool:
    """Whether it is the format of a model, or the name of a backend."""
    if not isinstance(node, ast.Attribute):
        return False
    owner = ast.unparse(node.value).lower()
    return any(owner.endswith(what) and node.attr in attributes for what, attributes in SAY_WHAT_THEY_ARE.items())


def asks_for_a_class(node: ast.AST) -> bool:
    """Whether it looks into a session or a backend, or tries what only one kind of them has."""
    text = ast.unparse(node)
    if called(node) in LOOK_INSIDE:
        return is_opened(text) or any(repr(each) in text for each in OF_ONE_SESSION)
    if isinstance(node, ast.Match):
        kinds = [each for each in ast.walk(node) if isinstance(each, ast.MatchClass)]
        return bool(kinds) and (is_opened(ast.unparse(node.subject)) or any(map(is_opened, map(ast.unparse, kinds))))
    if isinstance(node, ast.Try | ast.With) and "AttributeError" in text:
        tried = [each for step in node.body for each in ast.walk(step) if isinstance(each, ast.Attribute)]
        return any(is_opened(ast.unparse(each.value)) or each.attr in OF_ONE_SESSION for each in tried)
    return False


def is_opened(text: str) -> bool:
    """Whether a text names a session, a backend, or a class of one backend."""
    return bool(re.search(OPENED, text, re.IGNORECASE) or CLASS.search(text))


def called(node: ast.AST) -> str:
    """The name of the function or the method that a node calls."""
    return name_of(node.func) if isinstance(node, ast.Call) else ""


def name_of(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """The modules, and the names that are taken from them, whatever they are called here."""
    for alias in node.names:
        yield alias.name
        if isinstance(node, ast.ImportFrom):
            yield f"{node.module}.{alias.name}"


@cache
def found_in(source: str) -> set[str]:
    return set(findings((ROOT / source).read_text()))


@pytest.mark.parametrize("source", [str(source) for source in OUTSIDE])
def test_no_module_outside_the_backends_asks_for_a_kind(source: str) -> None:
    assert {what for what in found_in(source) if (source, what) not in ALLOWED} == set()


def test_every_allowed_place_is_still_there() -> None:
    assert ALLOWED.keys() - {(source, what) for source in map(str, OUTSIDE) for what in found_in(source)} == set()


@pytest.mark.parametrize(
    "planted",
    [
        "if path.suffix == '.onnx': pass",
        "if path.suffix.lower() in ('.pth', '.pt'): pass",
        "if path.suffix == wanted: pass",
        "if path.suffix[1:] == 'onnx': pass",
        "if 'onnx' in path.name.split('.'): pass",
        "if suffix in CHECKPOINT_SUFFIXES: pass",
        "if path.name.endswith(weights_format.CHECKPOINT_SUFFIXES): pass",
        "kind = str(path).endswith('.engine')",
        "stem = path.name.removesuffix('.onnx')",
        "graphs = folder.glob('*.onnx')",
        "graphs = folder.rglob('**/*.onnx')",
        "is_graph = re.search(r'\\.onnx$', path.name)",
        "is_graph = fnmatch(path.name, '*.onnx')",
        "GRAPH = '.onnx'",
        "handler = {'.onnx': run_graph, '.engine': run_engine}[suffix]",
        "handler = handlers[path.suffix]",
        "handler = handlers.get(path.suffix.lower())",
        "match path.suffix:\n    case '.onnx': pass",
        "match path.suffix:\n    case _ if wanted: pass",
        "if info.format == 'ONNX': pass",
        "if detector.info.format in FORMATS: pass",
        "if session.info.backend.startswith('torch'): pass",
        "handler = handlers[info.format]",
        "match model.info.format:\n    case 'Toy': pass",
        "if backend.name == 'toy': pass",
        "if candidate.backend.title != title: pass",
        "if chosen == 'onnxruntime': pass",
        "match chosen:\n    case 'tensorrt' | 'other': pass",
        "match opened:\n    case OnnxRuntimeSession(): pass",
        "from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession as Any",
        "from gridrt.runtime.onnxruntime import session as module",
        "import gridrt.runtime.pytorch.session as module",
        "from gridrt.runtime.tensorrt.backend import BACKEND as ENGINES",
        "from gridrt.runtime.openvino.bf16_backend import BACKEND",
        "from gridrt.runtime.onnxruntime.subgraph import SubgraphSession",
        "from gridrt.runtime.openvino.subgraph import SubgraphSession",
        "from gridrt.runtime.openvino import subgraph",
        "from gridrt.runtime.graph_stages import GraphStages",
        "from gridrt.runtime.pytorch.stage_runner import TorchStages as Any",
        "if isinstance(opened, TorchSession): pass",
        "if isinstance(opened, module.TorchSession): pass",
        "if hasattr(session, 'anything'): pass",
        "if hasattr(opened, 'providers'): pass",
        "providers = getattr(self._session, name, ())",
        "if type(session).__name__ == 'Toy': pass",
        "names = vars(detector.session)",
        "if isinstance(x, GraphStages): pass",
        "if isinstance(x, TensorRTBackend): pass",
        "if isinstance(backend, Kind): pass",
        "if hasattr(backend, 'anything'): pass",
        "order = getattr(candidate.backend, name, 0)",
        "if session.__class__ is Kind: pass",
        "if type(opened) is Kind: pass",
        "run = runs[type(opened)]",
        "match session:\n    case Kind(): pass",
        "if os.path.splitext(path)[1] == ending: pass",
        "handler = handlers[splitext(path)[1]]",
        "try:\n    session.providers\nexcept AttributeError: pass",
        "try:\n    names = opened.providers\nexcept (TypeError, AttributeError): pass",
        "with suppress(AttributeError):\n    backend.anything()",
    ],
)
def test_a_planted_violation_of_each_kind_is_found(planted: str) -> None:
    assert list(findings(planted))


@pytest.mark.parametrize(
    "sound",
    [
        "out = path.with_suffix('.onnx')",
        "out = path.stem + '.onnx'",
        "out = f'{path.stem}.onnx'",
        "require_suffix(out, '.engine', 'an engine')",
        "'A model file, such as r50.onnx.'",
        "if image.suffix in IMAGE_SUFFIXES: pass",
        "if path.suffix == '.mp4': pass",
        "row['format'] = info.format",
        "if backend in able: pass",
        "if name in {each.name for each in classes}: pass",
        "from gridrt.runtime.pytorch.session import device_named",
        "session.run(images, sizes)",
        "try:\n    session.run(images, sizes)\nexcept RuntimeError: pass",
        "found = type(image).__name__",
        "if type(side) is int: pass",
        "if os.path.splitext(path)[1] == '.mp4': pass",
        "from gridrt.runtime.backend import Session",
        "from gridrt.runtime.tensorrt.library import TensorRT",
        "match box:\n    case Rows(): pass",
    ],
)
def test_names_of_results_other_suffixes_and_what_is_shown_are_no_violation(sound: str) -> None:
    assert list(findings(sound)) == []
