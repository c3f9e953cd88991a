"""The kernels on an NVIDIA GPU, beside what PyTorch would launch in their place, and beside the roofline.

    python -m benchmarks.gpu_kernels OP

Times are of CUDA events, medians of single calls, each with an emptied cache. The peaks of the GPU, which bound a
kernel's time, are measured in the same run. It has not run on a GPU yet.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import click

from benchmarks.gpu_case import IMAGE_SIZE, Case
from benchmarks.gpu_kernel import prepared
from benchmarks.gpu_launches import KERNELS_BY_NAME
from benchmarks.gpu_peaks import Peaks, measured_peaks
from benchmarks.gpu_report import RESULTS, Report, run_part
from benchmarks.gpu_timing import cache_flush, interleaved_milliseconds, summary
from gridrt.plugins.kernel import Kernel

WARM_UP, RUNS, SECONDS = 10, 50, 5.0


@click.command
@click.argument("op", type=click.Choice(list(KERNELS_BY_NAME)))
@click.option("--out", type=click.Path(path_type=Path), help="JSON file to write. [default: in benchmarks/results]")
def command(*, op: str, out: Path | None) -> None:
    """Time the kernel of OP at the shapes of R-50, 800 x 1344 pixels."""
    conditions = {"image_size": list(IMAGE_SIZE), "batch": 1, "inputs": "random", "cache": "emptied before each call"}
    counts = {"warm_up": WARM_UP, "runs": RUNS}
    run_part(out or RESULTS / f"gpu_kernel_{op}.json", lambda report: measure(op, report), **conditions, **counts)


def measure(op: str, report: Report) -> None:
    """The peaks of the GPU, then all variants and shapes of an op's kernel."""
    peaks = measured_peaks()
    rates = ", ".join(f"{precision} {rate / 1e12:.1f} TFLOP/s" for precision, rate in peaks.flops.items())
    figures = {"bytes_per_second": peaks.bytes_per_second, "flops": dict(peaks.flops)}
    report.add("peaks", f"copies {peaks.bytes_per_second / 1e9:.0f} GB/s, products {rates}", **figures)
    for case in cases_of(KERNELS_BY_NAME[op]):
        with report.attempt(case.name):
            _add_row(case, peaks, report)


def cases_of(kernel: Kernel) -> Iterator[Case]:
    """From `cases.py` of the op's folder."""
    cases: Iterator[Case] = importlib.import_module(f"benchmarks.ops.{kernel.contract.folder.name}.cases").cases()
    return cases


def _add_row(case: Case, peaks: Peaks, report: Report) -> None:
    launch, _ = prepared(case.kernel, case.variant, case.attributes, case.inputs)
    name, call = case.baseline()
    calls = {"kernel": launch, "baseline": call}
    times = interleaved_milliseconds(calls, warm_up=WARM_UP, runs=RUNS, seconds=SECONDS, before=cache_flush())
    kernel, baseline = summary(times["kernel"]), summary(times["baseline"])
    share, bound_by = peaks.share(case.cost, kernel["median_ms"] / 1000)
    ratio = baseline["median_ms"] / kernel["median_ms"]
    report.add(
        case.name,
        f"{kernel['median_ms']:.3f} ms, {share:.0%} of the bound by {bound_by}, {ratio:.1f} x as fast as {name}",
        op=case.kernel.contract.name,
        variant=case.variant.name,
        attributes=dict(case.attributes),
        shapes=[list(tensor.shape) for tensor in case.inputs],
        **kernel,
        bytes=case.cost.bytes,
        flops=dict(case.cost.flops),
        share_of_bound=share,
        bound_by=bound_by,
        baseline=name,
        baseline_ms=baseline,
        times_faster=ratio,
    )


if __name__ == "__main__":
    command()
