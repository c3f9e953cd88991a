"""How an exported detector selects its detections, where that is not as its checkpoint states."""

from __future__ import annotations

from dataclasses import replace

from gridrt.errors import GridRTError
from gridrt.model.grid_rcnn import GridRCNN


def change_detections(
    model: GridRCNN,
    *,
    max_detections: int | None = None,
    score_threshold: float | None = None,
    iou_threshold: float | None = None,
) -> None:
    """Change how `model` selects detections; None leaves a field of its `DetectionConfig` as it is.

    Args:
        model: changed in place.
        max_detections: in an image, from 1 to the number of proposals.
        score_threshold: class probabilities must exceed it, 0 to 1.
        iou_threshold: a box is suppressed if its IoU with a better one of its class exceeds it, 0 to 1.

    Raises:
        GridRTError: a value is out of range.
    """
    most = model.rpn_head.proposals.max_proposals
    if max_detections is not None and not 1 <= max_detections <= most:
        raise GridRTError(
            f"must be from 1 to {most}, the number of proposals", place="`max_detections`", value=max_detections
        )
    thresholds = {"score_threshold": score_threshold, "iou_threshold": iou_threshold}
    for name, value in thresholds.items():
        if value is not None and not 0 <= value <= 1:
            raise GridRTError("a threshold must be from 0 to 1", place=f"`{name}`", value=value)
    given = {
        name: value for name, value in {"max_detections": max_detections, **thresholds}.items() if value is not None
    }
    model.roi_head.detections = replace(model.roi_head.detections, **given)  # type: ignore[arg-type]
