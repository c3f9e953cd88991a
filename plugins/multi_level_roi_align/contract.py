"""`gridrt::MultiLevelRoiAlign`: what it takes and gives. Defined by `gridrt.ops.roi_align.multi_level_roi_align`."""

from __future__ import annotations

from gridrt.plugins.contract import Contract

MULTI_LEVEL_ROI_ALIGN = Contract(
    name="MultiLevelRoiAlign",
    inputs=(
        "p2",  # float32 or float16 [B, C, H_l, W_l] per level, finest first
        "p3",
        "p4",
        "p5",
        "rois",  # float32 [K, 5], image index and xyxy in pixels
    ),
    outputs=("pooled",),  # of the features' type [K, C, S, S]
    attributes=("output_size", "strides"),  # S; pixels per cell of each level
)
