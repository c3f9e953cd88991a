"""The kernels on an NVIDIA GPU, beside what PyTorch would launch in their place.

    python -m benchmarks.gpu_kernels

Times are of CUDA events, medians of single calls. It has not run on a GPU yet.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.gpu_inputs import candidates, fusion_inputs, pyramid_and_rois
from benchmarks.gpu_kernel import KernelOnTensors
from gridrt.errors import DependencyError, GridRTError
from gridrt.files import check_writable, write_text
from gridrt.machine.conditions import machine
from gridrt.machine.devices import find_gpus
from gridrt.ops.grid import EDGES, POINTS
from gridrt.ops.grid_fusion import FusionWeights
from gridrt.ops.nms import batched_nms
from gridrt.ops.roi_align import roi_levels
from gridrt.plugins.batched_nms.kernel import BATCHED_NMS_KERNEL
from gridrt.plugins.grid_fusion.kernel import GRID_FUSION_KERNEL
from gridrt.plugins.kernel import Kernel, Variant
from gridrt.plugins.multi_level_roi_align.kernel import MULTI_LEVEL_ROI_ALIGN_KERNEL, STRIDES

RESULT = Path(__file__).parent / "results" / "gpu_kernels.json"
SIZE = (800, 1344)
WARM_UP, RUNS = 10, 50


@click.command
@click.option("--out", type=click.Path(path_type=Path), default=RESULT, show_default=True, help="JSON file to write.")
def command(*, out: Path) -> None:
    """Time each kernel at the shapes of R-50, 800 x 1344 pixels."""
    try:
        if not torch.cuda.is_available():
            rule = "kernels are timed on an NVIDIA GPU, with a PyTorch that can use it"
            raise DependencyError(rule, place="CUDA", value="none", remedy="gridrt doctor tells what is missing.")
        check_writable(out)
        rows = list(measured())
        write_text(out, json.dumps({"rows": rows, "conditions": conditions()}, indent=2) + "\n")
    except GridRTError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Written to {out}")


def conditions() -> dict[str, Any]:
    """What the figures depend on."""
    gpu = torch.cuda.get_device_properties(0)
    return machine() | {
        "gpu": gpu.name,
        "driver": next((found.driver for found in find_gpus()), "unknown"),
        "cuda_of_torch": torch.version.cuda,
        "tf32": torch.backends.cudnn.allow_tf32,
        "torchvision": importlib.util.find_spec("torchvision") is not None,
        "picture": list(SIZE),
        "batch": 1,
        "inputs": "random",
        "warm_up": WARM_UP,
        "runs": RUNS,
    }


def measured() -> Iterator[dict[str, Any]]:
    """All kernels, variants and examples, each beside its rival."""
    for variant in MULTI_LEVEL_ROI_ALIGN_KERNEL.variants:
        for bins, rois in ((7, 1000), (14, 100)):
            maps, table = pyramid_and_rois(rois, 256, SIZE)
            attributes = {"output_size": bins, "strides": STRIDES}
            rival = _roi_align_by_level(_on_gpu(maps, variant), table.cuda(), bins)
            yield _row(MULTI_LEVEL_ROI_ALIGN_KERNEL, variant, attributes, [*maps, table], rival)
    for variant in GRID_FUSION_KERNEL.variants:
        features, first, second = fusion_inputs(100, 64, 7)
        orders = [FusionWeights(*_on_gpu(order, variant)) for order in (first, second)]
        rival = _convolution_pairs(_on_gpu([features], variant)[0], orders)
        yield _row(GRID_FUSION_KERNEL, variant, {}, [features, *first, *second], rival)
    for rows, columns, groups, iou, score, kept in ((5000, 1, 5, 0.7, -1.0, 1000), (1000, 80, 1, 0.3, 0.03, 100)):
        inputs = candidates(rows, columns, groups)
        attributes = {"iou_threshold": iou, "score_threshold": score, "max_output": kept}
        rival = _nms_of_torch([tensor.cuda() for tensor in inputs], attributes)
        yield _row(BATCHED_NMS_KERNEL, Variant("float32"), attributes, list(inputs), rival)


def _on_gpu(tensors: Any, variant: Variant) -> list[Tensor]:  # noqa: ANN401 - a list or a named tuple of tensors
    return [tensor.to("cuda", getattr(torch, variant.precision)) for tensor in tensors]


Rival = tuple[str, Callable[[], object]]


def _roi_align_by_level(maps: list[Tensor], rois: Tensor, bins: int) -> Rival | None:
    """One call of torchvision for each level, and the results in one tensor; None without torchvision."""
    if importlib.util.find_spec("torchvision") is None:
        return None
    roi_align = importlib.import_module("torchvision.ops").roi_align

    def call() -> Tensor:
        levels = roi_levels(rois[:, 1:], len(maps))
        pooled = maps[0].new_zeros((len(rois), maps[0].shape[1], bins, bins))
        for index, (feature, stride) in enumerate(zip(maps, STRIDES, strict=True)):
            chosen = (levels == index).nonzero()[:, 0]
            pooled[chosen] = roi_align(feature, rois[chosen].to(feature.dtype), bins, 1 / stride, aligned=True)
        return pooled

    return "torchvision roi_align by level", call


def _convolution_pairs(features: Tensor, orders: list[FusionWeights]) -> Rival:
    """A depth-wise and a point-wise convolution for each edge and order, as the reference has them: 48 pairs."""

    def call() -> Tensor:
        points = unfused = list(features.chunk(POINTS, 1))
        for weights in orders:
            parts = list(zip(*(tensor.chunk(len(EDGES)) for tensor in weights), strict=True))
            points = _fused_once(unfused, points, parts)
        return torch.cat(points, 1)

    return "48 convolution pairs", call


def _fused_once(unfused: list[Tensor], points: list[Tensor], parts: list[tuple[Tensor, ...]]) -> list[Tensor]:
    fused = list(unfused)
    for (source, target), (depthwise, depthwise_bias, pointwise, pointwise_bias) in zip(EDGES, parts, strict=True):
        sent = F.conv2d(points[source], depthwise, depthwise_bias, padding=2, groups=depthwise.shape[0])
        fused[target] = fused[target] + F.conv2d(sent, pointwise, pointwise_bias)
    return fused


def _nms_of_torch(inputs: list[Tensor], attributes: dict[str, Any]) -> Rival:
    """Torchvision's where it is installed, else the definition in torch."""
    boxes, scores, groups = inputs
    if importlib.util.find_spec("torchvision") is None:
        return "gridrt.ops.nms.batched_nms", lambda: batched_nms(boxes, scores, groups, **attributes)
    by_group = importlib.import_module("torchvision.ops").batched_nms

    def call() -> Tensor:
        row, column = (scores[0] > attributes["score_threshold"]).nonzero(as_tuple=True)
        kept: Tensor = by_group(
            boxes[0, row], scores[0, row, column], groups[row] + column, attributes["iou_threshold"]
        )
        return kept[: attributes["max_output"]]

    return "torchvision batched_nms", call


def _row(
    kernel: Kernel, variant: Variant, attributes: dict[str, Any], inputs: list[Tensor], rival: Rival | None
) -> dict[str, Any]:
    """One comparison; printed, too."""
    launch, _ = KernelOnTensors(kernel, variant, attributes).prepared(*inputs)
    row: dict[str, Any] = {"op": kernel.contract.name, "variant": variant.name, "attributes": attributes}
    row |= {"shapes": [list(tensor.shape) for tensor in inputs], "milliseconds": _milliseconds(launch)}
    if rival is not None:
        name, call = rival
        row |= {"rival": name, "rival_milliseconds": _milliseconds(call)}
        row["times_faster"] = row["rival_milliseconds"] / row["milliseconds"]
    beside = f"{row['rival']} {row['rival_milliseconds']:.3f} ms" if rival else "no torchvision"
    click.echo(f"{row['op']:<20}{row['variant']:<23}{row['milliseconds']:>8.3f} ms   {beside}")
    return row


@torch.inference_mode()
def _milliseconds(call: Callable[[], object]) -> float:
    """The median of a call, between two events on the stream."""
    for _ in range(WARM_UP):
        call()
    times: list[float] = []
    for _ in range(RUNS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        end.record()
        end.synchronize()
        times.append(float(start.elapsed_time(end)))
    return statistics.median(times)


if __name__ == "__main__":
    command()
