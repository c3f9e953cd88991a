"""The list of all kernels."""

from __future__ import annotations

from gridrt.plugins.batched_nms.kernel import BATCHED_NMS_KERNEL
from gridrt.plugins.grid_fusion.kernel import GRID_FUSION_KERNEL
from gridrt.plugins.multi_level_roi_align.kernel import MULTI_LEVEL_ROI_ALIGN_KERNEL

KERNELS = (BATCHED_NMS_KERNEL, GRID_FUSION_KERNEL, MULTI_LEVEL_ROI_ALIGN_KERNEL)
