"""Ways to run a detector: one session per backend, opened by what the file is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gridrt.errors import GraphError, GridRTError
from gridrt.files import check_is_file, sha256_of
from gridrt.model.kinds import (
    CHECKPOINT_SUFFIXES,
    ENGINE_SUFFIX,
    GRAPH_SUFFIX,
    MODEL_SUFFIXES,
    PORTABLE_SUFFIXES,
    is_engine,
    is_graph,
    refuse_needless_trust,
    suffix_of,
)
from gridrt.model.zoo import NAMES, PATH_OR_NAME
from gridrt.runtime.graph_metadata import PARENT_KEY, PRECISION_KEY, metadata_in
from gridrt.types import Session


def open_session(
    model: str | Path, *, threads: int | None = None, trust_checkpoint: bool = False, fp16: bool = False
) -> Session:
    """Open a model file with the backend that runs its kind.

    Args:
        model: a checkpoint (.pth, .pt, .safetensors), an ONNX graph (.onnx), a TensorRT engine (.engine) with its
            manifest beside it, or a name (r50, tiny_bccd, ...).
        threads: CPU threads, which an engine has no use for; None leaves the choice to the backend.
        trust_checkpoint: allow a checkpoint that needs unpickling of arbitrary classes, which can run code.
        fp16: run a checkpoint in half precision with kernels, on an NVIDIA GPU; without it, PyTorch's eager float32,
            the reference. Graphs and engines have their precision written into them.

    Raises:
        GridRTError: neither a known kind of file nor a name, a graph or an engine that is to be trusted or to run in
            half precision, or threads for what runs on a GPU.
        CheckpointError: weights that cannot be read, trusted, or fitted to a model.
        GraphError: an ONNX file that is not a GridRT graph.
        EngineError: an engine that was built for something other than what is here, or is without its manifest.
        DependencyError: an engine or half precision, and its TensorRT, what compiles kernels or a GPU is missing.
    """
    refuse_needless_trust(model, trust_checkpoint=trust_checkpoint)
    if fp16:
        _refuse_rounding(model)
        _refuse_threads(model, threads)
    if is_graph(model):
        from gridrt.runtime.onnxruntime_session import OnnxRuntimeSession

        return OnnxRuntimeSession(model, threads=threads)
    if is_engine(model):
        from gridrt.runtime.tensorrt_session import TensorRTSession

        _refuse_threads(model, threads)
        return TensorRTSession(model)
    if suffix_of(model) in CHECKPOINT_SUFFIXES or str(model) in NAMES:
        from gridrt.model.checkpoint import load_model

        loaded = load_model(model, trust_checkpoint=trust_checkpoint)
        if fp16:
            from gridrt.runtime.torch_cuda_session import TorchCudaSession

            return TorchCudaSession(loaded)
        from gridrt.runtime.torch_session import TorchSession

        return TorchSession(loaded, threads=threads)
    check_is_file(Path(model), GridRTError, PATH_OR_NAME)
    raise GridRTError(f"a model must be a file that ends in {', '.join(MODEL_SUFFIXES)}", place=model)


def _refuse_rounding(model: str | Path) -> None:
    if is_graph(model) or is_engine(model):
        rule, remedy = "its precision is written into the file", "Leave out fp16, and open r50.fp16.onnx or its engine."
        raise GridRTError(rule, place=model, remedy=remedy)


def _refuse_threads(model: str | Path, threads: int | None) -> None:
    if threads is not None:
        rule = "this runs on a GPU, where CPU threads have no effect"
        raise GridRTError(rule, place=model, remedy="Leave out --threads.")


def models_in(folder: Path) -> list[Path]:
    """Every model file in `folder`, by name.

    Raises:
        GridRTError: there is none.
    """
    found = _files_in(folder, MODEL_SUFFIXES)
    if not found:
        raise GridRTError("no model lies here", place=folder, remedy="Name some, such as tiny_bccd.")
    return found


def only_model_in(folder: Path) -> Path:
    """The one model file in `folder`, for a command that was not told which model to take.

    Of a checkpoint and the graph that was made from it, the graph. An engine, which runs on few machines, is taken only
    where nothing else lies.

    Raises:
        GridRTError: there is none, or more than one.
    """
    found = _files_in(folder, PORTABLE_SUFFIXES) or _files_in(folder, (ENGINE_SUFFIX,))
    return _only(
        _graph_beside_its_parent(found) or found, "model", folder, "such as tiny_bccd, which ships with GridRT"
    )


def only_float_graph_in(folder: Path) -> Path:
    """The one graph in FP32 in `folder`, for a command that rewrites it in another precision.

    Raises:
        GridRTError: there is none, or more than one.
    """
    graphs = _files_in(folder, (GRAPH_SUFFIX,))
    found = [path for path in graphs if PRECISION_KEY not in _metadata(path)]
    return _only(found, "ONNX file in FP32", folder, "made by gridrt export")


def _files_in(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    visible = (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return sorted(path for path in visible if suffix_of(path) in suffixes)


def _graph_beside_its_parent(found: Sequence[Path]) -> list[Path]:
    """The graph, if `found` is one graph and the checkpoint that it names as its parent; else nothing."""
    graphs = [path for path in found if is_graph(path)]
    checkpoints = [path for path in found if not is_graph(path)]
    if len(graphs) != 1 or len(checkpoints) != 1:
        return []
    return graphs if _metadata(graphs[0]).get(PARENT_KEY) == sha256_of(checkpoints[0]) else []


def _metadata(path: Path) -> dict[str, str]:
    """What a graph says about itself; nothing of a file that is none, which is for others to refuse."""
    try:
        return metadata_in(path)
    except GraphError:
        return {}


def _only(found: Sequence[Path], what: str, folder: Path, example: str) -> Path:
    if len(found) == 1:
        return found[0]
    raise GridRTError(
        f"more than one {what} lies here" if found else f"no {what} lies here",
        place=folder,
        value=", ".join(path.name for path in found) or None,
        remedy="Name one with --model." if found else f"Name one with --model, {example}.",
    )
