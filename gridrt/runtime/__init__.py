"""Ways to run a detector: one backend a folder, chosen by what the file is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gridrt.errors import GraphError, GridRTError
from gridrt.runtime.backend import (
    AUTO,
    Backend,
    SessionOptions,
    backend_named,
    backends_for,
    files_with_backend,
    open_session,
    weights_files,
)
from gridrt.runtime.info import ModelInfo, made_from
from gridrt.unchanged import sha256_of_all

if TYPE_CHECKING:  # onnx takes half a second to import
    from gridrt.graph.graph import Graph

__all__ = ["graph_in", "models_in", "only_float_graph_in", "only_model_in", "open_session"]


def models_in(folder: Path) -> list[Path]:
    """Every model file in `folder`, by name.

    Raises:
        GridRTError: there is none.
    """
    found = files_with_backend(folder)
    if not found:
        raise GridRTError("the folder has no model file", place=folder, remedy="Name some, such as tiny_bccd.")
    return found


def only_model_in(folder: Path, backend: str = AUTO) -> Path:
    """The one model file in `folder`, for a command that names none.

    Of a checkpoint and the graph that was made from it, the graph. A file that few machines run, such as an engine, is
    taken only where nothing else lies.

    Args:
        folder: that is looked through.
        backend: the name of one, which goes before those that only others open; `AUTO` for those that any opens.

    Raises:
        GridRTError: there is none, or more than one.
    """
    named = None if backend == AUTO else backend_named(backend)
    models = files_with_backend(folder, lambda *_: True)
    # Where the named one opens none, the error of opening says which backend does.
    able = [path for path in models if named is None or named in backends_for(path)] or models
    found = [path for path in able if backends_for(path)[0].portable] or able
    if len(found) == 2:
        for parent, child in (found, found[::-1]):
            info = _info(child)
            if info is not None and made_from(info, sha256_of_all(weights_files(parent))):
                found = [child]
                break
    return _only(found, "model file", folder, "such as tiny_bccd, which ships with GridRT")


def only_float_graph_in(folder: Path) -> Path:
    """The one graph in FP32 in `folder`, for a command that rewrites it in another precision.

    Raises:
        GridRTError: there is none, or more than one.
    """

    def is_float_graph(path: Path, backend: Backend) -> bool:
        if ".onnx" not in backend.suffixes:
            return False
        info = _info(path, backend)
        return info is None or info.recipe is None

    return _only(files_with_backend(folder, is_float_graph), "ONNX file in FP32", folder, "made by gridrt export")


def graph_in(path: Path) -> Graph:
    """The graph in an ONNX file, for a command that rewrites it or builds from it.

    Raises:
        GraphError: the file is missing, damaged, or another model file, such as a checkpoint.
    """
    from gridrt.graph.graph import load_graph
    from gridrt.runtime.backend import backends

    try:
        return load_graph(path)
    except GraphError as error:
        others = [each for each in backends() if each.faithful and ".onnx" not in each.suffixes]
        others = [each for each in others if path.is_file() and each.opens(path)]
        if not others:
            raise
        raise GraphError(
            f"expected an ONNX graph, got a file that {others[0].title} runs",
            place=path,
            remedy="Run gridrt export first, and name the ONNX file that it writes.",
        ) from error


def _info(path: Path, backend: Backend | None = None) -> ModelInfo | None:
    """None if it cannot be read; opening it reports the error."""
    try:
        return (backend or backends_for(path)[0]).info(path, SessionOptions())
    except GridRTError:
        return None


def _only(found: Sequence[Path], what: str, folder: Path, example: str) -> Path:
    if len(found) == 1:
        return found[0]
    if not found:
        raise GridRTError(f"the folder has no {what}", place=folder, remedy=f"Name one, {example}.")
    names = ", ".join(path.name for path in found)
    raise GridRTError(f"cannot choose one {what} of several", place=folder, value=names, remedy="Name one of them.")
