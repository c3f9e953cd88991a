"""Run the detector with PyTorch, eagerly: the reference that other sessions are measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gridrt.config import DEFAULT_SCALE
from gridrt.errors import DependencyError, GridRTError
from gridrt.types import Int32Array, RawDetections, UInt8Array

if TYPE_CHECKING:
    from gridrt.model.grid_rcnn import GridRCNN


class TorchSession:
    """A model in eval mode on one device.

    Args:
        model: moved to `device` and kept.
        device: such as "cpu" or "cuda:1"; None takes the GPU where there is one.
        threads: CPU threads, for PyTorch as a whole; None leaves its setting.

    Attributes:
        device: that it is on.
        model: the one that was given.

    Raises:
        DependencyError: `device` is not on this machine.
    """

    def __init__(self, model: GridRCNN, device: str | None = None, threads: int | None = None) -> None:
        self.device = device_named(device)
        if threads is not None:
            torch.set_num_threads(threads)
        self.model = model.eval().to(self.device)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the labels."""
        return self.model.class_names

    @property
    def scale(self) -> tuple[int, int]:
        """The scale of the images that the model learned from."""
        return self.model.scale or DEFAULT_SCALE

    @property
    def scale_is_noted(self) -> bool:
        """Whether the model knows `scale`."""
        return self.model.scale is not None

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        """Detect in a batch; shapes as in `gridrt.types.Session`.

        Raises:
            GridRTError: there is not enough memory.
        """
        try:
            return self._run(images, image_sizes)
        except RuntimeError as error:
            if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):  # a CPU's
                raise
            rule, found = "a batch has to fit into memory", f"{list(images.shape)} on {self.device}"
            remedy = "Detect in fewer or smaller images (--scale) at a time."
            raise GridRTError(rule, place="images", value=found, remedy=remedy) from error

    @torch.inference_mode()
    def _run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        outputs = self.model(
            torch.from_numpy(images).to(self.device),
            torch.from_numpy(image_sizes).to(self.device),
        )
        boxes, scores, labels = (output.cpu().numpy() for output in outputs)
        return RawDetections(boxes, scores, labels)


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
