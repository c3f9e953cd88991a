"""The kernels as ops of PyTorch on CUDA: `torch.ops.gridrt.multi_level_roi_align`, `.grid_fusion`, `.batched_nms`, ...

They are for inference: there is no gradient. `torch.compile` and `torch.export` see each as one node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from torch import Tensor
from torch.library import custom_op

from gridrt.ops.custom_ops import CustomOps
from gridrt.ops.grid_fusion import FusionWeights
from gridrt.plugins.adapters.torch_kernel import TorchKernel
from gridrt.plugins.batched_nms.kernel import BATCHED_NMS_KERNEL
from gridrt.plugins.contract import DOMAIN, Contract
from gridrt.plugins.grid_fusion.kernel import GRID_FUSION_KERNEL
from gridrt.plugins.kernel import Kernel
from gridrt.plugins.kernels import ALL_KERNELS
from gridrt.plugins.multi_level_roi_align.kernel import MULTI_LEVEL_ROI_ALIGN_KERNEL

if TYPE_CHECKING:
    from torch._library.custom_ops import CustomOpDef

Call: TypeAlias = Callable[..., Any]
"""Computes an op from inputs and attributes in the contract's order."""

_TYPES: Mapping[str, str] = {"int": "int", "float": "float", "ints": "int[]"}


def schema_of(contract: Contract) -> str:
    """An op's signature in PyTorch's syntax: `(Tensor boxes, ..., int max_output) -> (Tensor, Tensor, Tensor)`."""
    tensors = [f"Tensor {name}" for name in contract.inputs]
    attributes = [f"{_TYPES[constant.kind]} {constant.name}" for constant in contract.node_constants]
    results = ", ".join("Tensor" for _ in contract.outputs)
    return f"({', '.join([*tensors, *attributes])}) -> {results if len(contract.outputs) == 1 else f'({results})'}"


def _registered(kernel: Kernel) -> CustomOpDef:
    run, contract = TorchKernel(kernel), kernel.contract
    name, schema = f"{DOMAIN}::{contract.folder.name}", schema_of(contract)
    op = custom_op(name, run, mutates_args=(), device_types="cuda", schema=schema)
    op.register_fake(run.fake)
    return op


TORCH_OPS: Mapping[str, CustomOpDef] = {kernel.contract.name: _registered(kernel) for kernel in ALL_KERNELS}
"""By the names of the contracts; they accept implementations for other devices."""


def custom_ops(call_of: Callable[[Kernel], Call]) -> CustomOps:
    """The ops with the signatures of their definitions, from calls with the arguments of their contracts."""
    pool, fuse, select = (call_of(k) for k in (MULTI_LEVEL_ROI_ALIGN_KERNEL, GRID_FUSION_KERNEL, BATCHED_NMS_KERNEL))

    def multi_level_roi_align(
        features: Sequence[Tensor], rois: Tensor, strides: Sequence[int], output_size: int
    ) -> Tensor:
        pooled: Tensor = pool(*features, rois, output_size, list(strides))
        return pooled

    def grid_fusion(features: Tensor, first: FusionWeights, second: FusionWeights) -> Tensor:
        fused: Tensor = fuse(features, *first, *second)
        return fused

    def batched_nms(
        boxes: Tensor, scores: Tensor, groups: Tensor, *, iou_threshold: float, score_threshold: float, max_output: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        kept_boxes, kept_scores, kept_groups = select(boxes, scores, groups, iou_threshold, score_threshold, max_output)
        return kept_boxes, kept_scores, kept_groups

    return CustomOps(multi_level_roi_align, grid_fusion, batched_nms)


KERNEL_OPS = custom_ops(lambda kernel: TORCH_OPS[kernel.contract.name])
"""The ops computed by their kernels, for tensors on a GPU."""
