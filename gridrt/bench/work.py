"""The arithmetic and the memory traffic that each stage cannot do without, counted from shapes.

Shapes: B images, H x W padded pixels, K RoIs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.grid_roi_head import GridRoIHead
from gridrt.model.presets import build
from gridrt.stages import STAGES, Stage


@dataclass(frozen=True)
class Work:
    """Of one stage in one run.

    What is counted: of every convolution, transposed convolution and matrix product two operations for each product
    that is summed, and each element of its input, of its weights and bias, and of its output once. What works on single
    elements behind such a layer (normalisation, activation, addition) is free, as if it were fused. Of RoIAlign the
    output is counted, since the boxes tell what is read; of the input stage, pixels and output. Suppression and decode
    are small, and come out as nothing.

    Attributes:
        flops: floating-point operations, or integer ones.
        elements: of tensors, in the type that the network runs in, read or written.
        pixels: bytes of the images, in any type of the network.
    """

    flops: int = 0
    elements: int = 0
    pixels: int = 0

    def bytes_in(self, element_size: int) -> int:
        """Memory traffic where an element takes so many bytes: 4 in FP32, 2 in FP16, 1 in INT8."""
        return self.elements * element_size + self.pixels


class WorkCounter(TorchDispatchMode):
    """Counts the layers that multiply, while it is entered; on meta tensors nothing is computed.

    Attributes:
        flops: so far.
        elements: so far, as in `Work`.
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


def stage_work(
    variant: str, num_classes: int, image_shape: Sequence[int], *, proposals: int, detections: int
) -> dict[Stage, Work]:
    """The work of every stage of a detector in one run.

    Args:
        variant: name of the preset.
        num_classes: of the classifier.
        image_shape: B, H, W, or that of a batch of images, [B, H, W, 3].
        proposals: RoIs of the box head, in all images: 1000 each, used or not.
        detections: RoIs of the grid head, in all images: the rows that it works on.

    Raises:
        GridRTError: there is no such variant.
    """
    with torch.device("meta"), torch.no_grad():
        model = build(variant, num_classes).eval()
        return dict.fromkeys(STAGES, Work()) | _counted(model, image_shape, proposals, detections)


def _counted(model: GridRCNN, image_shape: Sequence[int], proposals: int, detections: int) -> dict[Stage, Work]:
    batch, height, width = image_shape[:3]
    pixels = torch.empty(batch, 3, height, width)
    features, backbone = _count(partial(model.backbone, pixels))
    pyramid, fpn = _count(partial(model.neck, features))
    _, rpn = _count(partial(model.rpn_head, pyramid))
    return {
        "input": Work(elements=pixels.numel(), pixels=pixels.numel()),
        "backbone": backbone,
        "fpn": fpn,
        "rpn": rpn,
        **_counted_heads(model, pyramid[0].shape[1], proposals, detections),
    }


def _counted_heads(model: GridRCNN, channels: int, proposals: int, detections: int) -> dict[Stage, Work]:
    head = model.roi_head
    features = torch.empty(proposals, channels, head.rois.classify_size, head.rois.classify_size)
    _, box_head = _count(partial(model.box_head, features, torch.ones(1, proposals, dtype=torch.bool)))
    if not isinstance(head, GridRoIHead):
        return {"roi_align": Work(elements=features.numel()), "box_head": box_head}
    grid_features = torch.empty(detections, channels, head.rois.grid_size, head.rois.grid_size)
    points, convs = _count(partial(model.grid_head, grid_features))
    fused, fusion = _count(partial(model.grid_fusion, points))
    _, heatmaps = _count(partial(model.heatmaps, fused))
    return {
        "roi_align": Work(elements=features.numel() + grid_features.numel()),
        "box_head": box_head,
        "grid_head": Work(convs.flops + heatmaps.flops, convs.elements + heatmaps.elements),
        "grid_fusion": fusion,
    }


def _count(run: Callable[[], Any]) -> tuple[Any, Work]:
    """What it returns, and its work."""
    with WorkCounter() as counter:
        result = run()
    return result, Work(counter.flops, counter.elements)
