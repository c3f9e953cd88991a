"""What is timed on a GPU: R-50 by PyTorch, eager and compiled, and by engines, on batches that are there already.

A candidate is a line of `CANDIDATES`: its name, and the function that prepares it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol, TypeAlias

import torch

from benchmarks.gpu_engine import built
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.ops.custom_ops import DEFINITIONS
from gridrt.ops.grid_fusion import grid_fusion
from gridrt.runtime.backend import Session
from gridrt.runtime.pytorch_cuda.half_precision import halve
from gridrt.runtime.pytorch_cuda.session import TorchCudaSession
from gridrt.runtime.tensorrt.session import TensorRTSession
from gridrt.types import Int32Array, UInt8Array

BUILD_SECONDS = 100.0


@dataclass(frozen=True)
class Task:
    """What all candidates do.

    Attributes:
        model: in float32, on the CPU; to be copied.
        graphs: ONNX files of the same model, by precision.
        images: uint8 [B, H, W, 3].
        image_sizes: int32 [B, 2].
        folder: for engines, one for each batch size.
    """

    model: GridRCNN
    graphs: Mapping[str, Path]
    images: UInt8Array
    image_sizes: Int32Array
    folder: Path


@dataclass(frozen=True)
class Ready:
    """A candidate that has done the task once.

    Attributes:
        launch: does it again, on the current stream, without waiting.
        detections: number of detections.
    """

    launch: Callable[[], object]
    detections: int


Candidate: TypeAlias = Callable[[Task], Ready]


def eager(task: Task, *, tf32: bool = False, half: bool = False) -> Ready:
    """PyTorch, operation by operation.

    Args:
        task: to do.
        tf32: let convolutions round float32 factors to 10 bits, as PyTorch does by default.
        half: features in float16; coordinates, scores and the decode stay as they are.
    """
    model = copy.deepcopy(task.model).cuda()
    return _by_torch(in_half(model) if half else model, task, tf32=tf32)


def compiled(task: Task) -> Ready:
    """As `eager` in float16, with backbone, FPN, RPN and the heads compiled; what lies between them is not."""
    model = in_half(copy.deepcopy(task.model).cuda())
    grid = model.grid
    heads = (model.rpn_head, model.roi_head.bbox_head, grid.convs, grid.deconv1, grid.norm1, grid.deconv2)
    for part in (model.backbone, model.neck, *heads):
        part.compile()
    model.ops = replace(DEFINITIONS, grid_fusion=torch.compile(grid_fusion))
    return _by_torch(model, task, tf32=False)


def in_half(model: GridRCNN) -> GridRCNN:
    """The same model, features and weights in float16, channels last, as tensor cores want them."""
    halve(model)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return] # no layout in types


@torch.inference_mode()
def _by_torch(model: GridRCNN, task: Task, *, tf32: bool) -> Ready:
    images, sizes = torch.from_numpy(task.images).cuda(), torch.from_numpy(task.image_sizes).cuda()

    def launch() -> object:
        torch.backends.cudnn.allow_tf32 = tf32
        return model(images, sizes)

    labels = model(images, sizes)[2]
    return Ready(launch, int((labels >= 0).sum()))


def engine(task: Task, precision: str, *, cuda_graphs: bool = True) -> Ready:
    """TensorRT, or TensorRT for RTX; one engine for both ways of launching."""
    batch, height, width, _ = task.images.shape
    file = task.folder / f"{precision}.engine"
    if not file.exists():
        shape = ("--batch", str(batch), "--size", f"{height}x{width}")
        built(task.graphs[precision], file, *shape, seconds=BUILD_SECONDS)
    return _by_session(TensorRTSession(file, cuda_graphs=cuda_graphs), task)


def kernels(task: Task, *, cuda_graphs: bool = True) -> Ready:
    """PyTorch in float16 with GridRT's kernels, and no TensorRT."""
    return _by_session(TorchCudaSession(task.model, cuda_graphs=cuda_graphs), task)


class SessionOnGpu(Session, Protocol):
    """A session that can repeat a batch on its stream without copies."""

    @property
    def stream(self) -> int:
        """Handle of the stream."""

    def resident(self, images: UInt8Array, image_sizes: Int32Array) -> Callable[[], None]:
        """Detect in a batch; the returned function does it again."""


def _by_session(session: SessionOnGpu, task: Task) -> Ready:
    found = session.run(task.images, task.image_sizes)
    again = session.resident(task.images, task.image_sizes)
    stream = torch.cuda.ExternalStream(session.stream)

    def launch() -> None:
        stream.wait_stream(torch.cuda.current_stream())
        again()
        torch.cuda.current_stream().wait_stream(stream)

    return Ready(launch, int((found.labels >= 0).sum()))


BASELINE = "PyTorch FP32"
KERNELS = "PyTorch FP16, kernels, CUDA graph"
CANDIDATES: Mapping[str, Candidate] = {
    KERNELS: kernels,
    BASELINE: eager,
    "PyTorch FP16": partial(eager, half=True),
    "PyTorch FP16, kernels, no graph": partial(kernels, cuda_graphs=False),
    "PyTorch TF32": partial(eager, tf32=True),
    "engine FP16, CUDA graph": partial(engine, precision="fp16"),
    "engine FP16": partial(engine, precision="fp16", cuda_graphs=False),
    "engine INT8, CUDA graph": partial(engine, precision="int8"),
    "engine FP32, CUDA graph": partial(engine, precision="fp32"),
}
"""By name, the most important first: the last are left out if time is short."""
ENGINES = frozenset(name for name in CANDIDATES if name.startswith("engine"))
COMPILED: Mapping[str, Candidate] = {KERNELS: kernels, "PyTorch FP16, compiled": compiled}
"""In a process of their own: compiling takes long."""
