"""The least time that a stage can take on a machine, from what it has to do and what the machine can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gridrt.bench.work import Work, stage_work
from gridrt.runtime.peaks import Peaks
from gridrt.stages import Stage


@dataclass(frozen=True)
class Floor:
    """Of one stage in one run.

    Attributes:
        work: that was counted.
        seconds: the longer of its arithmetic and its memory traffic, as if both went on at the same time; 0 where
            neither is counted.
        bound_by: which of both is the longer.
    """

    work: Work
    seconds: float
    bound_by: Literal["arithmetic", "memory"]


def stage_floors(
    variant: str, num_classes: int, image_shape: Sequence[int], limits: Peaks, *, proposals: int, detections: int
) -> dict[Stage, Floor]:
    """The floor of every stage of a detector whose network runs in the type that `limits` are of, all of it.

    Args:
        variant: name of the preset.
        num_classes: of the classifier.
        image_shape: B, H, W of the padded images, or more: that of a batch, [B, H, W, 3].
        limits: of the machine.
        proposals: RoIs of the box head, in all images: 1000 each, used or not.
        detections: RoIs of the grid head, in all images: the rows that it works on, which in PyTorch and ONNX Runtime
            are the most in any image, and at least one, and 100 in an engine.

    Raises:
        GridRTError: there is no such variant.
    """
    work = stage_work(variant, num_classes, image_shape, proposals=proposals, detections=detections)
    return floors(work, limits)


def floors(work: Mapping[Stage, Work], limits: Peaks) -> dict[Stage, Floor]:
    """The floor of every stage, from its work."""
    return {stage: _floor(each, limits) for stage, each in work.items()}


def _floor(work: Work, limits: Peaks) -> Floor:
    arithmetic, memory = work.flops / limits.flops, work.bytes_in(limits.element_size) / limits.bytes
    return Floor(work, max(arithmetic, memory), "arithmetic" if arithmetic >= memory else "memory")
