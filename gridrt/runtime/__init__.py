"""Ways to run a detector: one session per backend, opened by what the file is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gridrt.errors import GridRTError
from gridrt.model.kinds import (
    CHECKPOINT_SUFFIXES,
    GRAPH_SUFFIX,
    MODEL_SUFFIXES,
    is_graph,
    refuse_trust_in_graph,
    suffix_of,
)
from gridrt.model.zoo import NAMES
from gridrt.types import Session


def open_session(model: str | Path, *, threads: int | None = None, trust_checkpoint: bool = False) -> Session:
    """Open a model file with the backend that runs its kind.

    Args:
        model: a checkpoint (.pth, .pt, .safetensors), an ONNX graph (.onnx), or a name (r50, tiny_bccd, ...).
        threads: CPU threads; None leaves the choice to the backend.
        trust_checkpoint: allow a checkpoint that needs unpickling of arbitrary classes, which can run code.

    Raises:
        GridRTError: neither a known kind of file nor a name, or a graph that is to be trusted.
        CheckpointError: weights that cannot be read, trusted, or fitted to a model.
        GraphError: an ONNX file that is not a GridRT graph.
    """
    refuse_trust_in_graph(model, trust_checkpoint=trust_checkpoint)
    if is_graph(model):
        from gridrt.runtime.onnxruntime_session import OnnxRuntimeSession

        return OnnxRuntimeSession(model, threads=threads)
    if suffix_of(model) in CHECKPOINT_SUFFIXES or str(model) in NAMES:
        from gridrt.model.checkpoint import load_model
        from gridrt.runtime.torch_session import TorchSession

        return TorchSession(load_model(model, trust_checkpoint=trust_checkpoint), threads=threads)
    raise GridRTError(
        f"a model is a file that ends in {', '.join(MODEL_SUFFIXES)}, or one of {', '.join(NAMES)}",
        place=model,
    )


def only_model_in(folder: Path) -> Path:
    """The one checkpoint or graph in `folder`, for a command that was not told which model to take.

    Raises:
        GridRTError: there is none, or more than one.
    """
    return _only(_files_in(folder, MODEL_SUFFIXES), "model", folder)


def only_float_graph_in(folder: Path) -> Path:
    """The one graph in FP32 in `folder`, for a command that rewrites it in another precision.

    Raises:
        GridRTError: there is none, or more than one.
    """
    graphs = _files_in(folder, (GRAPH_SUFFIX,))
    return _only([path for path in graphs if not _is_rewritten(path)], "ONNX file in FP32", folder)


def _files_in(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    visible = (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return sorted(path for path in visible if suffix_of(path) in suffixes)


def _is_rewritten(path: Path) -> bool:
    """Whether a file says that it is in another precision; one that is no graph is for others to refuse."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    from gridrt.runtime.graph_metadata import PRECISION_KEY

    try:
        entries = onnx.load(path, load_external_data=False).metadata_props
    except DecodeError:
        return False
    return any(entry.key == PRECISION_KEY for entry in entries)


def _only(found: Sequence[Path], what: str, folder: Path) -> Path:
    if len(found) == 1:
        return found[0]
    raise GridRTError(
        f"more than one {what} lies here" if found else f"no {what} lies here",
        place=folder,
        value=", ".join(path.name for path in found) or None,
        remedy="Name one with --model.",
    )
