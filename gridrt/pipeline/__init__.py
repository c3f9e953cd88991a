"""Many images through a detector: read ahead and written behind by threads, run in batches, in order."""

from __future__ import annotations

from gridrt.pipeline.batches import Outcome, batch_size, detect_in_order
from gridrt.pipeline.workers import Workers, in_order

__all__ = ["Outcome", "Workers", "batch_size", "detect_in_order", "in_order"]
