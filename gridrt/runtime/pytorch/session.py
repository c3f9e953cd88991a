"""Run the detector with PyTorch, eagerly: the reference that other sessions are measured against."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from gridrt.errors import DependencyError
from gridrt.machine.cpus import thread_count
from gridrt.model.checkpoint import weights_sha256
from gridrt.runtime.info import ModelInfo, Precision
from gridrt.runtime.pytorch.float32 import full_float32
from gridrt.runtime.pytorch.memory import in_memory
from gridrt.types import Int32Array, RawDetections, UInt8Array

if TYPE_CHECKING:
    from gridrt.model.grid_rcnn import GridRCNN


class TorchSession:
    """A model in eval mode on one device, in float32 without TF32.

    Args:
        model: moved to `device` and kept.
        device: such as "cpu" or "cuda:1"; None takes the GPU where there is one.
        threads: CPU threads, for PyTorch as a whole; None leaves its setting, unless that is more than
            the process may use.
        source: the file that the model came from; None where it came from none.

    Attributes:
        info: what it runs, and on what.
        device: that it is on.
        model: the one that was given.

    Raises:
        DependencyError: `device` is not on this machine.
    """

    def __init__(
        self,
        model: GridRCNN,
        device: str | None = None,
        threads: int | None = None,
        *,
        source: Path | None = None,
    ) -> None:
        self.device = device_named(device)
        if threads is not None:
            torch.set_num_threads(thread_count(threads))
        self.info = model_info(model, source, device=str(self.device))
        self.model = model.eval().to(self.device)

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        """Detect in a batch; shapes as in `gridrt.runtime.backend.Session`.

        Raises:
            GridRTError: there is not enough memory.
        """
        with in_memory(images, self.device), full_float32():
            return self._run(images, image_sizes)

    @torch.inference_mode()
    def _run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        outputs = self.model(
            torch.from_numpy(images).to(self.device),
            torch.from_numpy(image_sizes).to(self.device),
        )
        boxes, scores, labels = (output.cpu().numpy() for output in outputs)
        return RawDetections(boxes, scores, labels)


def model_info(model: GridRCNN, source: Path | None, *, device: str = "", precision: Precision = "fp32") -> ModelInfo:
    """What a model tells, and the hash of the file that it came from."""
    return ModelInfo(
        class_names=model.class_names,
        noted_scale=model.scale,
        format="PyTorch",
        precision=precision,
        backend=f"torch {torch.__version__}" + (" without TF32" if device.startswith("cuda") else ""),
        device=device,
        variant=model.variant,
        weights_sha256=None if source is None else weights_sha256(model),
        max_detections=model.roi_head.detections.max_detections,
    )


def device_named(name: str | None) -> torch.device:
    """A device by its name; None takes the GPU where there is one.

    Raises:
        DependencyError: it is not on this machine.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # AssertionError: PyTorch was built without CUDA
        reason = str(error).splitlines()[0]
        raise DependencyError("the device cannot be used here", place=name, value=reason) from error
    return device
