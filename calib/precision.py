"""The precisions that a node can be planned in."""

from __future__ import annotations

from enum import Enum


class Precision(str, Enum):
    """By the names that recipes use."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"
