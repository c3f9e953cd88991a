"""`gridrt::MultiLevelRoiAlign`: what it takes and gives. Defined by `gridrt.ops.roi_align.multi_level_roi_align`."""

from __future__ import annotations

from gridrt.plugins.contract import Attribute, Contract, Input, Output, Tolerance
from gridrt.plugins.sizes import as_size

LEVELS = tuple(Input(name, "feature", 4, is_map=True) for name in ("p2", "p3", "p4", "p5"))
"""[B, C, H_l, W_l] per level, finest first."""
ROIS = Input("rois", "float32", 2)
"""[K, 5], image index and xyxy in pixels."""


MULTI_LEVEL_ROI_ALIGN = Contract(
    name="MultiLevelRoiAlign",
    input_tensors=(*LEVELS, ROIS),
    output_tensors=(
        Output(
            "pooled",  # [K, C, S, S]
            "feature",
            lambda attributes: (ROIS.dim(0), LEVELS[0].dim(1), *(as_size(attributes["output_size"]),) * 2),
            is_map=True,
        ),
    ),
    node_constants=(
        Attribute("output_size", "int"),  # S
        Attribute("strides", "ints"),  # pixels per cell of each level
    ),
    tolerances={"float32": Tolerance(1e-5, 1e-5), "float16": Tolerance(1e-4, 1e-3)},
)
