"""The roofline of each stage: flops and bytes counted from shapes, and the least time that a device's peaks allow.

Shapes: B images, H x W padded pixels, K RoIs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from gridrt.bench.result import StageRow
from gridrt.data.transform import Batch
from gridrt.model.grid_roi_head import GridRoIHead
from gridrt.model.presets import build
from gridrt.runtime.backend import Backend, Session
from gridrt.runtime.peaks import Peaks
from gridrt.stages import STAGES, Stage

WARM_UP, RUNS = 1, 3
"""Runs in which stages are timed."""


@dataclass(frozen=True)
class Cost:
    """Flops and memory traffic of one stage in one run.

    Counted are, for every convolution, transposed convolution and matrix product, two operations for each product that
    is summed, and each element of its input, weights, bias and output once. Elementwise operations behind such a layer
    (normalisation, activation, addition) are free, as if they were fused. RoIAlign counts its output only, because what
    it reads depends on the boxes; the input stage counts pixels and output. Suppression and decode are small and count
    as nothing.

    Attributes:
        flops: operations, floating-point or integer.
        elements: of tensors, read or written, in the type that the network runs in.
        pixels: bytes of the images, whatever type the network runs in.
    """

    flops: int = 0
    elements: int = 0
    pixels: int = 0

    def bytes_in(self, element_size: int) -> int:
        """Memory traffic where an element takes so many bytes: 4 in FP32, 2 in FP16, 1 in INT8."""
        return self.elements * element_size + self.pixels


@dataclass(frozen=True)
class Bound:
    """Roofline of one stage in one run.

    Attributes:
        cost: that was counted.
        seconds: the longer of its arithmetic and its memory traffic at the device's peaks; 0 where neither is counted.
        bound_by: which of the two is longer.
    """

    cost: Cost
    seconds: float
    bound_by: Literal["arithmetic", "memory"]


class CostCounter(TorchDispatchMode):
    """Counts the layers that multiply, while it is entered; on meta tensors nothing is computed.

    Attributes:
        flops: so far.
        elements: so far, as in `Cost`.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # PyTorch's has no types
        self.flops = self.elements = 0

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - an overload of an operator
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - what the operator returns
        """As PyTorch calls it for every operator."""
        result = func(*args, **(kwargs or {}))
        count = flop_registry.get(func.overloadpacket)
        if count is not None:
            self.flops += count(*args, **(kwargs or {}), out_val=result)
            self.elements += sum(each.numel() for each in (*args, result) if isinstance(each, Tensor))
        return result


def stage_costs(
    variant: str, num_classes: int, image_shape: Sequence[int], *, proposals: int, detections: int
) -> dict[Stage, Cost]:
    """Flops and memory traffic of every stage of a detector in one run.

    Args:
        variant: name of the preset.
        num_classes: of the classifier.
        image_shape: B, H, W, or that of a batch of images, [B, H, W, 3].
        proposals: RoIs of the box head, in all images: 1000 each, used or not.
        detections: RoIs of the grid head, in all images: the rows that it works on.

    Raises:
        GridRTError: there is no such variant.
    """
    counters = defaultdict[Stage, CostCounter](CostCounter)
    with torch.device("meta"), torch.no_grad():
        model = build(variant, num_classes).eval()
        head = model.roi_head
        batch, height, width = image_shape[:3]
        pixels = torch.empty(batch, 3, height, width)
        with model.observed(counters.__getitem__):
            pyramid = model.fpn(model.features(pixels))
            model.rpn(pyramid)
            channels = pyramid[0].shape[1]
            rois = torch.empty(proposals, channels, head.rois.classify_size, head.rois.classify_size)  # [K, C, 7, 7]
            pooled = rois.numel()
            model.box_head(rois, torch.ones(1, proposals, dtype=torch.bool))
            if isinstance(head, GridRoIHead):
                rois = torch.empty(detections, channels, head.rois.grid_size, head.rois.grid_size)  # [K, C, 14, 14]
                pooled += rois.numel()
                model.heatmaps(model.grid_fusion(model.grid_head(rois)))
    costs = {stage: Cost(counters[stage].flops, counters[stage].elements) for stage in STAGES}
    costs["input"] = Cost(elements=pixels.numel(), pixels=pixels.numel())
    costs["roi_align"] = Cost(elements=pooled)
    return costs


def stage_bounds(
    variant: str, num_classes: int, image_shape: Sequence[int], peaks: Peaks, *, proposals: int, detections: int
) -> dict[Stage, Bound]:
    """The roofline of every stage of a detector whose network runs entirely in the type of `peaks`.

    Args:
        variant: name of the preset.
        num_classes: of the classifier.
        image_shape: B, H, W of the padded images, or more: that of a batch, [B, H, W, 3].
        peaks: of the device.
        proposals: RoIs of the box head, in all images: 1000 each, used or not.
        detections: RoIs of the grid head, in all images: the rows that it works on. With dynamic shapes, that is the
            largest number in any image, and at least one; with static shapes, 100.

    Raises:
        GridRTError: there is no such variant.
    """
    costs = stage_costs(variant, num_classes, image_shape, proposals=proposals, detections=detections)
    return {stage: bound_of(cost, peaks) for stage, cost in costs.items()}


def bound_of(cost: Cost, peaks: Peaks) -> Bound:
    """The roofline of one stage."""
    arithmetic, memory = cost.flops / peaks.flops, cost.bytes_in(peaks.element_size) / peaks.bytes
    return Bound(cost, max(arithmetic, memory), "arithmetic" if arithmetic >= memory else "memory")


def stage_rows(
    backend: Backend, session: Session, batch: Batch, detections: int, threads: int | None
) -> list[StageRow]:
    """Time the stages on one image, beside their roofline where that is known.

    Args:
        backend: that opened the session.
        session: to time.
        batch: of the one image.
        detections: how many the session finds there: with dynamic shapes, the grid head runs on these only.
        threads: CPU threads, from now on PyTorch's too, by which a CPU's peaks are measured; None leaves the choice to
            the backend.

    Returns:
        Empty where the backend cannot time stages.

    Raises:
        GridRTError: as `Backend.stage_times`.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    times = backend.stage_times(session, batch.images, batch.image_sizes, warm_up=WARM_UP, runs=RUNS)
    if times is None:
        return []
    bounds: Mapping[Stage, Bound] = {}
    info = session.info
    if info.variant is not None and (peaks := backend.peaks(session)) is not None:
        classes = len(info.class_names)
        with torch.device("meta"):  # no memory, no numbers: only its configuration
            model = build(info.variant, classes)
        rows = model.roi_head.detections.max_detections if backend.static_shapes else max(detections, 1)
        proposals = model.rpn_head.proposals.max_proposals
        bounds = stage_bounds(info.variant, classes, batch.images.shape, peaks, proposals=proposals, detections=rows)
    return [
        StageRow(name, seconds, (bounds[name].seconds or None) if name in bounds else None)
        for name, seconds in times.seconds.items()
    ]
