"""The list of all kernels."""

from __future__ import annotations

from gridrt.plugins.batched_nms.kernel import BATCHED_NMS_KERNEL
from gridrt.plugins.grid_fusion.kernel import GRID_FUSION_KERNEL
from gridrt.plugins.group_norm_relu.kernel import GROUP_NORM_RELU_KERNEL
from gridrt.plugins.multi_level_roi_align.kernel import MULTI_LEVEL_ROI_ALIGN_KERNEL

KERNELS = (BATCHED_NMS_KERNEL, GRID_FUSION_KERNEL, MULTI_LEVEL_ROI_ALIGN_KERNEL)
"""Of the ops that are nodes of a graph, and so plugins of TensorRT."""

ALL_KERNELS = (*KERNELS, GROUP_NORM_RELU_KERNEL)
"""Those, and one that only PyTorch launches: TensorRT fuses a normalisation itself."""
