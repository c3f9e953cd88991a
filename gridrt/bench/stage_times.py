"""Where the milliseconds of any model file go, by the backend that runs its kind."""

from __future__ import annotations

from pathlib import Path

from gridrt.bench.engine_stages import engine_stage_times
from gridrt.bench.graph_stages import graph_stage_times
from gridrt.bench.stages import StageTimes
from gridrt.bench.torch_stages import torch_stage_times
from gridrt.errors import GridRTError
from gridrt.runtime.onnxruntime_session import OnnxRuntimeSession
from gridrt.runtime.tensorrt_session import TensorRTSession
from gridrt.runtime.torch_session import TorchSession
from gridrt.types import Int32Array, Session, UInt8Array


def stage_times(
    session: Session,
    path: Path,
    images: UInt8Array,
    image_sizes: Int32Array,
    *,
    threads: int | None = None,
    warm_up: int = 2,
    runs: int = 5,
) -> StageTimes:
    """Time the stages of a checkpoint, a graph or an engine in a batch, in runs of their own.

    A checkpoint runs where its session does, an engine on its GPU, and a graph on the CPU.

    Args:
        session: of that file, open.
        path: of the checkpoint, graph or engine.
        images: uint8 [B, H, W, 3], padded, as in `gridrt.types.Session`.
        image_sizes: int32 [B, 2].
        threads: CPU threads of a graph; None leaves the choice to the backend.
        warm_up: runs before those that count.
        runs: of which the one in the middle is told.

    Raises:
        GridRTError: a graph is open on a GPU; and what is derived from it, as `Session.run` does.
    """
    if isinstance(session, TorchSession):
        return torch_stage_times(session, images, image_sizes, warm_up=warm_up, runs=runs)
    if isinstance(session, OnnxRuntimeSession):
        _require_cpu(session)
        return graph_stage_times(path, images, image_sizes, threads=threads, warm_up=warm_up, runs=runs)
    if isinstance(session, TensorRTSession):
        return engine_stage_times(session, images, image_sizes, warm_up=warm_up, runs=runs)
    raise TypeError(f"no stages are known of a {type(session).__name__}")


def _require_cpu(session: OnnxRuntimeSession) -> None:
    """On a GPU, the profile tells when work was launched, not when it was done."""
    if session.providers[0] != "CPUExecutionProvider":
        rule = "ONNX Runtime tells the times of a graph's nodes on the CPU alone"
        raise GridRTError(rule, value=session.providers[0])
