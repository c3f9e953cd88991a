"""Float32 that is float32: PyTorch lets cuDNN round the factors of convolutions to 10 bits (TF32) unless told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import torch

_SETTINGS: tuple[tuple[Any, str, object], ...] = (
    (torch.backends.cudnn.conv, "fp32_precision", "ieee"),  # type: ignore[attr-defined] # its stub has no such name
    (torch.backends.cuda.matmul, "fp32_precision", "ieee"),
    # Partial sums of float16 products in float16 would cost the long sums of fully connected layers their last bits.
    (torch.backends.cuda.matmul, "allow_fp16_reduced_precision_reduction", False),
)
_turn = Lock()
_before: list[list[object]] = []
"""The settings of the process, once for each thread that is within `full_float32`."""


@contextmanager
def full_float32() -> Iterator[None]:
    """Have products of float32 in float32, and sums of float16 products in float32.

    The settings are the process's: they stay until the last thread is out again.
    """
    with _turn:
        _before.append(_before[0] if _before else [getattr(owner, name) for owner, name, _ in _SETTINGS])
        for owner, name, value in _SETTINGS:
            setattr(owner, name, value)
    try:
        yield
    finally:
        with _turn:
            before = _before.pop()
            if not _before:
                for (owner, name, _), value in zip(_SETTINGS, before, strict=True):
                    setattr(owner, name, value)
