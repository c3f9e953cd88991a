"""The kernels on an NVIDIA GPU, beside what PyTorch would launch in their place, and beside what the GPU can do at all.

    python -m benchmarks.gpu_kernels GridFusion

Times are of CUDA events, medians of single calls, each with a cache that has forgotten the inputs. The limits that a
kernel is held against are measured in the same run. It has not run on a GPU yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor

from benchmarks.gpu_inputs import candidates, fusion_inputs, pyramid_and_rois
from benchmarks.gpu_kernel import prepared
from benchmarks.gpu_limits import Peaks, measured_peaks
from benchmarks.gpu_report import RESULTS, Report, run_part
from benchmarks.gpu_rivals import Rival, convolution_pairs, nms_of_torch, roi_align_by_level
from benchmarks.gpu_timing import cache_flush, milliseconds_in_turns, summary
from benchmarks.gpu_work import Work, batched_nms_work, grid_fusion_work, roi_align_work
from gridrt.ops.grid_fusion import FusionWeights
from gridrt.plugins.batched_nms.kernel import BATCHED_NMS_KERNEL
from gridrt.plugins.grid_fusion.kernel import GRID_FUSION_KERNEL
from gridrt.plugins.kernel import Kernel, Variant
from gridrt.plugins.multi_level_roi_align.kernel import MULTI_LEVEL_ROI_ALIGN_KERNEL, STRIDES

SIZE = (800, 1344)
WARM_UP, RUNS, SECONDS = 10, 50, 5.0


@dataclass(frozen=True)
class Case:
    """A kernel at one of the shapes of R-50.

    Attributes:
        kernel: it.
        variant: one of its variants.
        attributes: of the node.
        inputs: on the CPU.
        work: what it needs at least.
        rival: made once the case has its turn.
    """

    kernel: Kernel
    variant: Variant
    attributes: Mapping[str, Any]
    inputs: Sequence[Tensor]
    work: Work
    rival: Callable[[], Rival]

    @property
    def name(self) -> str:
        """Such as `GridFusion float16 [100, 576, 7, 7]`."""
        shape = list(self.inputs[-1 if self.kernel is MULTI_LEVEL_ROI_ALIGN_KERNEL else 0].shape)
        return f"{self.kernel.contract.name} {self.variant.name} {shape}"


@click.command
@click.argument("op", type=click.Choice(["MultiLevelRoiAlign", "GridFusion", "BatchedNms"]))
@click.option("--out", type=click.Path(path_type=Path), help="JSON file to write. [default: in benchmarks/results]")
def command(*, op: str, out: Path | None) -> None:
    """Time the kernel of OP at the shapes of R-50, 800 x 1344 pixels."""
    conditions = {"picture": list(SIZE), "batch": 1, "inputs": "random", "cache": "emptied before each call"}
    counts = {"warm_up": WARM_UP, "runs": RUNS}
    run_part(out or RESULTS / f"gpu_kernel_{op}.json", lambda report: measure(op, report), **conditions, **counts)


def measure(op: str, report: Report) -> None:
    """The limits of the GPU, then all variants and shapes of an op's kernel."""
    limits = measured_peaks()
    told = ", ".join(f"{precision} {rate / 1e12:.1f} TFLOP/s" for precision, rate in limits.flops.items())
    figures = {"bytes_per_second": limits.bytes_per_second, "flops": dict(limits.flops)}
    report.add("limits", f"copies {limits.bytes_per_second / 1e9:.0f} GB/s, products {told}", **figures)
    for case in CASES[op]():
        with report.attempt(case.name):
            _add_row(case, limits, report)


def roi_align_cases() -> Iterator[Case]:
    """Proposals, then detections."""
    for bins, rois in ((7, 1000), (14, 100)):
        maps, table = pyramid_and_rois(rois, 256, SIZE)
        for variant in MULTI_LEVEL_ROI_ALIGN_KERNEL.variants:
            yield Case(
                MULTI_LEVEL_ROI_ALIGN_KERNEL,
                variant,
                {"output_size": bins, "strides": STRIDES},
                [*maps, table],
                roi_align_work(maps, table, STRIDES, bins, variant.precision),
                partial(_roi_align_rival, maps, table, variant, bins),
            )


def grid_fusion_cases() -> Iterator[Case]:
    """Of 100 detections."""
    features, first, second = fusion_inputs(100, 64, 7)
    for variant in GRID_FUSION_KERNEL.variants:
        yield Case(
            GRID_FUSION_KERNEL,
            variant,
            {},
            [features, *first, *second],
            grid_fusion_work(100, 64, 7, variant.precision),
            partial(_fusion_rival, features, (first, second), variant),
        )


def nms_cases() -> Iterator[Case]:
    """Of proposals, then of detections."""
    for rows, columns, groups, iou, score, kept in ((5000, 1, 5, 0.7, -1.0, 1000), (1000, 80, 1, 0.3, 0.03, 100)):
        inputs = candidates(rows, columns, groups)
        attributes = {"iou_threshold": iou, "score_threshold": score, "max_output": kept}
        yield Case(
            BATCHED_NMS_KERNEL,
            Variant("float32"),
            attributes,
            inputs,
            batched_nms_work(inputs[0].shape, inputs[1].shape, kept),
            partial(_nms_rival, inputs, attributes),
        )


CASES: Mapping[str, Callable[[], Iterator[Case]]] = {
    "MultiLevelRoiAlign": roi_align_cases,
    "GridFusion": grid_fusion_cases,
    "BatchedNms": nms_cases,
}


def _roi_align_rival(maps: Sequence[Tensor], rois: Tensor, variant: Variant, bins: int) -> Rival:
    return roi_align_by_level(_on_gpu(maps, variant), rois.cuda(), STRIDES, bins)


def _fusion_rival(features: Tensor, orders: Sequence[FusionWeights], variant: Variant) -> Rival:
    weights = [FusionWeights(*_on_gpu(order, variant)) for order in orders]
    return convolution_pairs(_on_gpu([features], variant)[0], weights)


def _nms_rival(inputs: Sequence[Tensor], attributes: Mapping[str, Any]) -> Rival:
    return nms_of_torch([tensor.cuda() for tensor in inputs], attributes)


def _on_gpu(tensors: Sequence[Tensor], variant: Variant) -> list[Tensor]:
    """As the rival takes them, in the variant's layout."""
    layout = torch.channels_last if variant.channels_last else torch.contiguous_format
    return [
        tensor.to("cuda", getattr(torch, variant.precision)).contiguous(
            memory_format=layout if tensor.dim() == 4 else torch.contiguous_format
        )
        for tensor in tensors
    ]


def _add_row(case: Case, limits: Peaks, report: Report) -> None:
    launch, _ = prepared(case.kernel, case.variant, case.attributes, case.inputs)
    rival, call = case.rival()
    calls = {"kernel": launch, "rival": call}
    times = milliseconds_in_turns(calls, warm_up=WARM_UP, runs=RUNS, seconds=SECONDS, before=cache_flush())
    kernel, other = summary(times["kernel"]), summary(times["rival"])
    share, limit = limits.share(case.work, kernel["median_ms"] / 1000)
    ratio = other["median_ms"] / kernel["median_ms"]
    report.add(
        case.name,
        f"{kernel['median_ms']:.3f} ms, {share:.0%} of the limit by {limit}, {ratio:.1f} x as fast as {rival}",
        op=case.kernel.contract.name,
        variant=case.variant.name,
        attributes=dict(case.attributes),
        shapes=[list(tensor.shape) for tensor in case.inputs],
        **kernel,
        bytes=case.work.bytes,
        flops=dict(case.work.flops),
        share_of_limit=share,
        limit=limit,
        rival=rival,
        rival_ms=other,
        times_faster=ratio,
    )


if __name__ == "__main__":
    command()
