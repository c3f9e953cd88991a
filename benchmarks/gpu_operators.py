"""The launches of one run of R-50 on a GPU, by PyTorch's profiler, beside the count of `benchmarks.operators`.

    python -m benchmarks.gpu_operators

Which kernels take how long is listed too, such as the up-sampling of 64 channels to 1 in 9 groups, for which cuDNN may
have a slow way only. It has not run on a GPU yet.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
import torch

from benchmarks.gpu_report import RESULTS, Report, run_part
from benchmarks.operators import SHAPE, recorded
from benchmarks.photograph import PHOTO, filling
from gridrt.config import DEFAULT_SCALE
from gridrt.data.image import load_image
from gridrt.model.untrained import untrained_model
from gridrt.runtime.pytorch_cuda.session import TorchCudaSession

LISTED = 25
"""Kernels, those that take longest."""
MOST_OFF = 0.25
"""Share by which the count may be off: rules are estimates."""


@click.command
@click.option(
    "--out", type=click.Path(path_type=Path), default=RESULTS / "gpu_operators.json", help="JSON file to write."
)
def command(*, out: Path) -> None:
    """Count and time the kernels of one run."""
    run_part(out, measure, variant="r50", shape=list(SHAPE), precision="float16", weights="deterministic, untrained")


def measure(report: Report) -> None:
    """A row for the count, one for each of the slowest kernels, and one for copies from and to the host."""
    counted = sum(call.launches for call in recorded("r50", SHAPE, fused=True))
    batch = filling(load_image(PHOTO), DEFAULT_SCALE)
    session = TorchCudaSession(untrained_model("r50"), cuda_graphs=False)
    launch = session.resident(batch.images, batch.image_sizes)
    launch()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
        launch()
        torch.cuda.synchronize()
    microseconds, launches = Counter[str](), Counter[str]()
    for event in profiler.events():
        if event.device_type.name == "CUDA" and not event.name.startswith("Mem"):
            microseconds[event.name] += event.device_time_total
            launches[event.name] += 1
    found = launches.total()
    report.add("launches", f"{found} by the profiler, {counted} by the rules", found=found, counted=counted)
    if abs(found - counted) > MOST_OFF * found:
        report.problem("launches", f"the rules are off by more than {MOST_OFF:.0%}")
    for name, time in microseconds.most_common(LISTED):
        report.add(name[:44], f"{time:.0f} us in {launches[name]} launches", kernel=name, microseconds=time)


if __name__ == "__main__":
    command()
