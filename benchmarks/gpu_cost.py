"""Bytes and FLOP of a launch, for the roofline: each tensor is read or written once, whatever a cache does.

One multiplication and one addition are 2 FLOP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gridrt.plugins.contract import FeatureType

ELEMENT_SIZES: Mapping[FeatureType, int] = {"float32": 4, "float16": 2}
"""Bytes."""


@dataclass(frozen=True)
class Cost:
    """Of one launch.

    Attributes:
        bytes: read from memory and written to it.
        flops: by the precision of the factors; sums are in float32. Empty where they depend on the data.
    """

    bytes: int
    flops: Mapping[FeatureType, int]
