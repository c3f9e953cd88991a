"""Run the detector with PyTorch and GridRT's kernels on an NVIDIA GPU: fast where there is no TensorRT.

Tested with the kernels compiled for a CPU, and with stand-ins for the GPU; it has not run on a GPU yet.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from gridrt.plugins.adapters.cuda_kernel import cuda_core
from gridrt.plugins.adapters.torch_ops import KERNEL_OPS
from gridrt.runtime.pytorch.memory import in_memory
from gridrt.runtime.pytorch.session import model_info
from gridrt.runtime.pytorch_cuda.fold_batch_norms import fold_batch_norms
from gridrt.runtime.pytorch_cuda.fused_layers import fuse_layers
from gridrt.runtime.pytorch_cuda.graphs import TorchGraphs
from gridrt.runtime.pytorch_cuda.half_precision import halve
from gridrt.runtime.pytorch_cuda.torch_gpu import TorchGpu
from gridrt.runtime.static_grid_rcnn import StaticGridRCNN
from gridrt.types import Int32Array, RawDetections, UInt8Array

if TYPE_CHECKING:
    from gridrt.model.grid_rcnn import GridRCNN
    from gridrt.plugins.contract import FeatureType


class TorchCudaSession:
    """A Grid R-CNN in half precision, its custom ops by kernels, and a CUDA graph for each shape of images.

    Args:
        model: in float32; it stays as it is.
        feature_type: of weights and features; coordinates, scores and the decode are always float32.
        cuda_graphs: capture the launches of a shape of images when it first comes, and replay them from then on.
        source: the file that the model came from, if any.

    Attributes:
        info: what it runs, and on what.
        device: that it is on.

    Raises:
        GridRTError: the model has no grid.
        DependencyError: there is no GPU, or kernels cannot be compiled.
    """

    def __init__(
        self,
        model: GridRCNN,
        *,
        feature_type: FeatureType = "float16",
        cuda_graphs: bool = True,
        source: Path | None = None,
    ) -> None:
        gpu = TorchGpu()
        cuda_core()  # without it, kernels would fail during a run
        self.device = gpu.device
        narrowest: Literal["fp16", "fp32"] = "fp16" if feature_type == "float16" else "fp32"
        self.info = model_info(model, source, device=str(self.device), precision=narrowest)
        with gpu.on_stream():
            detect = StaticGridRCNN(prepared(model, feature_type, gpu.device), KERNEL_OPS)
        self._graphs = TorchGraphs(gpu, detect, cuda_graphs=cuda_graphs)

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        """Detect in a batch; shapes as in `gridrt.runtime.backend.Session`.

        Raises:
            DependencyError: on the first run, kernels cannot be compiled.
            GridRTError: there is not enough memory, or CUDA cannot capture the launches.
        """
        with in_memory(images, self.device):
            return self._graphs(images, image_sizes)

    @property
    def stream(self) -> int:
        """Handle of the CUDA stream that all work is put on."""
        return self._graphs.stream

    def resident(self, images: UInt8Array, image_sizes: Int32Array) -> Callable[[], None]:
        """Detect in a batch and keep it on the GPU; see `TorchGraphs.resident`. For measurements."""
        return self._graphs.resident(images, image_sizes)


def prepared(model: GridRCNN, feature_type: FeatureType, device: torch.device, *, fused: bool = True) -> GridRCNN:
    """A copy of a model in the type and the memory layout of tensor cores and kernels.

    Args:
        model: with a grid, in float32.
        feature_type: of weights and features.
        device: to move it to.
        fused: with layers fused (see `fuse_layers`); without, to compare.

    Raises:
        GridRTError: the model has no grid.
    """
    own = copy.deepcopy(model).eval()
    fold_batch_norms(own)
    if feature_type == "float16":
        halve(own)
    if fused:
        fuse_layers(own)
    # The typing of `to` knows no layout.
    moved: GridRCNN = own.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved
