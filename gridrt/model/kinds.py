"""What a model file is, told by its suffix."""

from __future__ import annotations

from pathlib import Path

from gridrt.errors import GridRTError, OutputError

CHECKPOINT_SUFFIXES = (".pth", ".pt", ".safetensors")
GRAPH_SUFFIX = ".onnx"
ENGINE_SUFFIX = ".engine"
PORTABLE_SUFFIXES = (*CHECKPOINT_SUFFIXES, GRAPH_SUFFIX)
"""Of files that any machine runs."""
MODEL_SUFFIXES = (*PORTABLE_SUFFIXES, ENGINE_SUFFIX)


def suffix_of(path: str | Path) -> str:
    """What a path ends in, in lower case: `R50.ONNX` is a graph as well."""
    return Path(path).suffix.lower()


def is_graph(path: str | Path) -> bool:
    """Whether the path is that of an ONNX file."""
    return suffix_of(path) == GRAPH_SUFFIX


def is_engine(path: str | Path) -> bool:
    """Whether the path is that of a TensorRT engine."""
    return suffix_of(path) == ENGINE_SUFFIX


def require_graph_suffix(out: Path) -> None:
    """By its suffix the verbs know a graph; this also keeps a checkpoint from being overwritten.

    Raises:
        OutputError: `out` is not that of an ONNX file.
    """
    if not is_graph(out):
        raise OutputError(f"an ONNX file must end in {GRAPH_SUFFIX}", place=out, remedy="Give --out that suffix.")


def require_engine_suffix(out: Path) -> None:
    """By its suffix the verbs know an engine; its graph takes the same name with that of a graph.

    Raises:
        OutputError: `out` is not that of an engine.
    """
    if not is_engine(out):
        raise OutputError(f"an engine ends in {ENGINE_SUFFIX}", place=out, remedy="Give --out that suffix.")


def refuse_needless_trust(path: str | Path, *, trust_checkpoint: bool) -> None:
    """Refuse a trust that a graph or an engine has no use for, which would be ignored silently.

    Raises:
        GridRTError: `path` is that of a graph or an engine, and `trust_checkpoint` is set.
    """
    if trust_checkpoint and (is_graph(path) or is_engine(path)):
        raise GridRTError(
            "only a checkpoint can be trusted: nothing in a graph or an engine is unpickled",
            place=path,
            remedy="Leave out --trust-checkpoint.",
        )
