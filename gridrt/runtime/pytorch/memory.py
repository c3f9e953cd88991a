"""Report a batch for which PyTorch has no memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gridrt.errors import GridRTError
from gridrt.types import UInt8Array


@contextmanager
def in_memory(images: UInt8Array, device: torch.device) -> Iterator[None]:
    """Run a batch within it.

    Raises:
        GridRTError: there is not enough memory.
    """
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):  # a CPU's
            raise
        raise GridRTError(
            "the batch must fit into memory",
            place="images",
            value=f"{list(images.shape)} on {device}",
            remedy="Detect in fewer or smaller images (`scale`) at a time.",
        ) from error
