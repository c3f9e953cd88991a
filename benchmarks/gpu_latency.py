"""R-50 on an NVIDIA GPU, 800 x 1344 pixels: kernels, PyTorch and engines, interleaved, in one process.

    python -m benchmarks.gpu_latency
    python -m benchmarks.gpu_latency --compiled    what torch.compile makes of it, which takes long and may fail

Times are of CUDA events, from images on the GPU to detections on the GPU. Weights are untrained, and ranges of INT8
made up: this changes only the time of the few steps that depend on the number of detections, which is in the report. It
has not run on a GPU yet.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import click
import numpy as np
import torch

from benchmarks.gpu_candidates import BASELINE, CANDIDATES, COMPILED, ENGINES, Candidate, Ready, Task
from benchmarks.gpu_conditions import tensorrt_here
from benchmarks.gpu_report import RESULTS, Report, run_part
from benchmarks.gpu_timing import interleaved_milliseconds, summary
from benchmarks.photograph import PHOTO, filling
from gridrt.config import DEFAULT_SCALE
from gridrt.data.image import load_image
from gridrt.errors import DependencyError
from gridrt.model.untrained import untrained_model

VARIANT = "r50"
BATCHES = (1, 8)
WARM_UP, RUNS = 5, 100
TIMING_SECONDS = 20.0
MADE_READY_IN = 120.0
"""Seconds for one candidate."""


@click.command
@click.option("--seconds", type=float, default=280.0, show_default=True, help="Candidates are left out to keep to it.")
@click.option("--compiled", is_flag=True, help="Time what torch.compile makes, beside the kernels.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=RESULTS / "gpu_latency.json", help="JSON file to write."
)
def command(*, seconds: float, compiled: bool, out: Path) -> None:
    """Time R-50 by PyTorch and by engines, with 1 and with 8 images at a time."""
    conditions = {
        "variant": VARIANT,
        "weights": "deterministic, untrained",
        "ranges_of_int8": "made up, the same for all",
        "image": f"{PHOTO.name}, cut to shape; in a batch the same again",
        "warm_up": WARM_UP,
        "runs_at_most": RUNS,
    }
    ends = time.monotonic() + seconds
    with TemporaryDirectory() as folder:
        candidates = COMPILED if compiled else CANDIDATES
        run_part(out, lambda report: measure(Path(folder), report, ends, candidates), **conditions)


def measure(folder: Path, report: Report, ends: float, candidates: Mapping[str, Candidate]) -> None:
    """A row for each batch and candidate.

    Args:
        folder: for graphs and engines.
        report: gets the rows.
        ends: time limit, of `time.monotonic`.
        candidates: the most important first.
    """
    torch.backends.cudnn.benchmark = True  # PyTorch at its best: the shapes stay the same
    model = untrained_model(VARIANT).eval()
    graphs: dict[str, Path] = {}
    if not ENGINES.isdisjoint(candidates):
        candidates = _with_engines(candidates, graphs, folder, report)
    image = filling(load_image(PHOTO), DEFAULT_SCALE)
    for index, batch in enumerate(BATCHES):
        images, sizes = np.repeat(image.images, batch, 0), np.repeat(image.image_sizes, batch, 0)
        own = folder / str(batch)
        own.mkdir()
        left = (ends - time.monotonic()) / (len(BATCHES) - index)
        _add_rows(Task(model, graphs, images, sizes, own), candidates, report, time.monotonic() + left)
        torch.cuda.empty_cache()


def _with_engines(
    candidates: Mapping[str, Candidate], graphs: dict[str, Path], folder: Path, report: Report
) -> Mapping[str, Candidate]:
    """The candidates, without engines where no TensorRT loads: graphs are exported only if something reads them."""
    try:
        tensorrt_here()
    except DependencyError as error:
        report.inapplicable("engines", error)
        return {name: each for name, each in candidates.items() if name not in ENGINES}
    from benchmarks.engine_builds import graphs_of

    with report.attempt("graphs"):
        graphs.update(graphs_of(VARIANT, folder))
    return candidates


def _add_rows(task: Task, candidates: Mapping[str, Candidate], report: Report, ends: float) -> None:
    timing = min(TIMING_SECONDS, (ends - time.monotonic()) / 4)
    ready = _made_ready(task, candidates, report, ends - timing)
    launches = {name: each.launch for name, each in ready.items()}
    times = interleaved_milliseconds(launches, warm_up=WARM_UP, runs=RUNS, seconds=timing)
    figures = {name: summary(each) for name, each in times.items()}
    for name, found in figures.items():
        ratio = figures[BASELINE]["median_ms"] / found["median_ms"] if BASELINE in figures else None
        result = f"{found['median_ms']:.2f} ms (p95 {found['p95_ms']:.2f}, {found['count']} runs)"
        report.add(
            _title(name, task),
            result + (f", {ratio:.1f} x as fast as {BASELINE}" if ratio else ""),
            candidate=name,
            shape=list(task.images.shape),
            **found,
            times_faster=ratio,
            detections=ready[name].detections,
            milliseconds=times[name],
        )


def _made_ready(task: Task, candidates: Mapping[str, Candidate], report: Report, ends: float) -> Mapping[str, Ready]:
    """The candidates that are ready in time."""
    ready: dict[str, Ready] = {}
    for name, candidate in candidates.items():
        with report.attempt(_title(name, task)), limited(min(MADE_READY_IN, ends - time.monotonic())):
            made = candidate(task)
            torch.cuda.synchronize()  # what fails on the GPU fails here, and not while all are timed
            ready[name] = made
    return ready


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in a block that takes longer, as soon as it is back in Python."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"the candidate is not ready in {seconds:.0f} s")

    if seconds <= 0:
        raise TimeoutError("the candidate is not begun: no time was left")
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _title(name: str, task: Task) -> str:
    return f"batch {len(task.images)}, {name}"


if __name__ == "__main__":
    command()
