"""The kernels on an NVIDIA GPU, beside what PyTorch would launch in their place, and beside the roofline.

    python -m benchmarks.gpu_kernels OP

Times are of CUDA events: of a CUDA graph of launches over inputs that rotate, or, where what is compared with cannot be
captured, of single calls with an emptied cache. The peaks of the GPU, which bound a kernel's time, are measured in the
same run. It has not run on a GPU yet.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from benchmarks.gpu_case import IMAGE_SIZE, Baseline, Case
from benchmarks.gpu_kernel import on_gpu, prepared
from benchmarks.gpu_launches import KERNELS_BY_NAME
from benchmarks.gpu_peaks import Peaks, measured_peaks
from benchmarks.gpu_report import RESULTS, Report, run_part
from benchmarks.gpu_timing import (
    LAUNCHES,
    cache_flush,
    input_sets,
    interleaved_milliseconds,
    replayed,
    summary,
)
from gridrt.plugins.kernel import Kernel

WARM_UP, RUNS, SECONDS = 5, 50, 1.0
LEAST_TIMES_FASTER = 5.0
"""Than what PyTorch launches, replayed from a graph as the kernel is. NMS is told only."""


@click.command
@click.argument("op", type=click.Choice(list(KERNELS_BY_NAME)))
@click.option("--out", type=click.Path(path_type=Path), help="JSON file to write. [default: in benchmarks/results]")
def command(*, op: str, out: Path | None) -> None:
    """Time the kernel of OP at the shapes of R-50, 800 x 1344 pixels."""
    conditions = {"image_size": list(IMAGE_SIZE), "batch": 1, "cache": "inputs rotate, or emptied before each call"}
    counts = {"warm_up": WARM_UP, "runs": RUNS, "launches_in_a_graph": LAUNCHES}
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
    sets = input_sets(sum(tensor.nbytes for tensor in case.inputs))
    launches = [prepared(case.kernel, case.variant, case.attributes, case.inputs)[0] for _ in range(sets)]
    graph = replayed(launches)
    kernel = _timed(graph, LAUNCHES)
    bound: dict[str, Any] = {}
    limit = "bound by latency"
    if case.cost is not None:
        share, bound_by = peaks.share(case.cost, kernel["median_ms"] / 1000)
        bound = {
            "share_of_bound": share,
            "bound_by": bound_by,
            "bytes": case.cost.bytes,
            "flops": dict(case.cost.flops),
        }
        limit = f"{share:.0%} of the bound by {bound_by}"
    report.add(
        case.name,
        f"{1000 * kernel['median_ms']:.1f} us, {limit}",
        op=case.kernel.contract.name,
        variant=case.variant.name,
        attributes=dict(case.attributes),
        shapes=[list(tensor.shape) for tensor in case.inputs],
        inputs=case.origin,
        **kernel,
        **bound,
    )
    for baseline in case.baselines(on_gpu(case.kernel, case.variant, case.inputs)):
        with report.attempt(f"  beside {baseline.name}"):
            _add_baseline(case, baseline, kernel["median_ms"], report)


def _add_baseline(case: Case, baseline: Baseline, kernel_ms: float, report: Report) -> None:
    """How much longer it takes, and, for the first one of a kernel that is bound, whether that is enough."""
    found = _timed(replayed([baseline.call]), LAUNCHES) if baseline.is_captured else _timed(baseline.call, 1)
    ratio, name = found["median_ms"] / kernel_ms, f"  beside {baseline.name}"
    how = "replayed" if baseline.is_captured else "launched from Python"
    report.add(
        name,
        f"{1000 * found['median_ms']:.1f} us {how}: the kernel is {ratio:.1f} x as fast",
        case=case.name,
        times_faster=ratio,
        captured=baseline.is_captured,
        **found,
    )
    if case.cost is not None and baseline.is_captured and ratio < LEAST_TIMES_FASTER:
        report.problem(name, f"the kernel is {ratio:.1f} x as fast, at least {LEAST_TIMES_FASTER:g} x is wanted")


def _timed(call: Callable[[], object], launches: int) -> dict[str, Any]:
    """Milliseconds of one of the launches of a call."""
    flush = cache_flush() if launches == 1 else lambda: None
    times = interleaved_milliseconds({"": call}, warm_up=WARM_UP, runs=RUNS, seconds=SECONDS, before=flush)[""]
    return summary([each / launches for each in times])


if __name__ == "__main__":
    command()
