"""AP on a GPU of the small detector that ships: PyTorch in float32 without TF32, and with GridRT's kernels.

    python -m benchmarks.gpu_accuracy

The set is BCCD, in the folder that GRIDRT_DATA names; without it, synthetic images with the weights for those. The AP
in float16 with kernels must be within 0.1 of the AP in float32. It has not run on a GPU yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from benchmarks.gpu_images import reported_set
from benchmarks.gpu_report import RESULTS, Report, run_part

if TYPE_CHECKING:
    from gridrt.eval import AveragePrecision
    from gridrt.model.grid_rcnn import GridRCNN
    from gridrt.runtime.backend import Session

MOST_LOST = 0.001
"""AP that float16 may cost: 0.1 points of 100."""
REFERENCE = "PyTorch fp32 without TF32"


@click.command
@click.option(
    "--out", type=click.Path(path_type=Path), default=RESULTS / "gpu_accuracy.json", help="JSON file to write."
)
def command(*, out: Path) -> None:
    """Measure the AP of `tiny` by PyTorch, eager and with kernels."""
    with TemporaryDirectory() as folder:
        run_part(out, lambda report: measure(Path(folder), report))


def measure(folder: Path, report: Report) -> None:
    """A row for each session; the first one is the reference."""
    from gridrt.detector import Detector
    from gridrt.eval import evaluate
    from gridrt.model.checkpoint import load_model

    _, _, weights, dataset = reported_set(folder, report)
    reference: float | None = None
    for title, opened in SESSIONS.items():
        with report.attempt(title):
            found = evaluate(Detector(opened(load_model(weights))), dataset).overall
            lost = 0.0 if reference is None else reference - (found.ap or 0)
            reference = found.ap if title == REFERENCE else reference
            report.add(f"{title}, AP", format_ap(found), overall=asdict(found), lost=lost)
            if lost > MOST_LOST:
                report.problem(title, f"AP is {100 * lost:.2f} below {REFERENCE}; at most {100 * MOST_LOST:.2f}")


def _eager(model: GridRCNN) -> Session:
    from gridrt.runtime.pytorch.session import TorchSession

    return TorchSession(model, "cuda")


def _kernels_fp32(model: GridRCNN) -> Session:
    from gridrt.runtime.pytorch_cuda.session import TorchCudaSession

    return TorchCudaSession(model, feature_type="float32")


def _kernels_fp16(model: GridRCNN) -> Session:
    from gridrt.runtime.pytorch_cuda.session import TorchCudaSession

    return TorchCudaSession(model)


SESSIONS: Mapping[str, Callable[[GridRCNN], Session]] = {
    REFERENCE: _eager,
    "PyTorch fp16, kernels": _kernels_fp16,
    "PyTorch fp32, kernels": _kernels_fp32,
}


def format_ap(found: AveragePrecision) -> str:
    """In points of 100."""
    figures = {"AP": found.ap, "AP50": found.ap50, "AP75": found.ap75, "AP90": found.ap90}
    return ", ".join(f"{name} {100 * (value or 0):.2f}" for name, value in figures.items())


if __name__ == "__main__":
    command()
