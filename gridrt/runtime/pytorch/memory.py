"""What becomes of a batch that PyTorch has no memory for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gridrt.errors import GridRTError
from gridrt.types import UInt8Array


@contextmanager
def in_memory(images: UInt8Array, device: torch.device) -> Iterator[None]:
    """Within it a batch is detected in.

    Raises:
        GridRTError: there is not enough memory.
    """
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):  # a CPU's
            raise
        rule, found = "a batch has to fit into memory", f"{list(images.shape)} on {device}"
        remedy = "Detect in fewer or smaller images (--scale) at a time."
        raise GridRTError(rule, place="images", value=found, remedy=remedy) from error
