"""How far float32 results lie from the exact ones: the reference's own numbers and ours, beside float64.

    python -m benchmarks.golden_precision

The same weights and image in double precision give the exact result to many more digits. If the reference's numbers are
further from it than a tolerance, no other program can be asked to meet them within that tolerance.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import torch

from gridrt.data.image import load_image
from gridrt.data.transform import Batch, Transform
from gridrt.export.onnx_export import onnx_from_model, save_onnx
from gridrt.files import write_text
from gridrt.machine.conditions import machine
from gridrt.matched_detections import match_detections
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.untrained import untrained_model
from gridrt.runtime.in_memory import session_of_graph, session_of_model
from gridrt.types import Detections, RawDetections

DATA = Path(__file__).parents[1] / "tests" / "data"
RESULT = Path(__file__).parent / "results" / "golden_precision.json"
VARIANTS = ("r50", "r101", "x101_32x4d", "x101_64x4d")
CASE = "coffee_small"
FLIPPED = 0.1  # pixels; rounding moves boxes by less, and another cell of a heatmap by more


@click.command
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="CPU threads.")
@click.option("--out", type=click.Path(path_type=Path), default=RESULT, help="JSON file to write.")
@click.argument("variants", nargs=-1, type=click.Choice(VARIANTS))
def command(*, threads: int, out: Path, variants: tuple[str, ...]) -> None:
    """Compare the reference, PyTorch and ONNX Runtime in float32 with float64, for VARIANTS (all by default)."""
    torch.set_num_threads(threads)
    rows: list[dict[str, Any]] = []
    click.echo(f"{'':<12}{'':<14}{'detections':>11}{'px of a box':>13}{'of a score':>12}{'other cell':>12}")
    for variant in variants or VARIANTS:
        for row in compared(variant, threads):
            rows.append(row)
            click.echo(
                f"{variant:<12}{row['of']:<14}{row['detections']:>11}{row['box_error']:>13.1e}"
                f"{row['score_error']:>12.1e}{row['flipped']:>12}"
            )
    conditions = {**machine(), "threads": threads, "image": CASE, "weights": "deterministic, untrained"}
    write_text(out, json.dumps({"conditions": conditions, "rows": rows}, indent=2) + "\n")
    click.echo(f"largest differences from float64; written to {out}")


def compared(variant: str, threads: int) -> Iterator[dict[str, Any]]:
    """How far each float32 result is from float64."""
    with np.load(DATA / "golden" / f"infer_{variant}_{CASE}.npz") as arrays:
        golden: Mapping[str, Any] = dict(arrays)
    long, short = (int(side) for side in golden["scale_wh"])
    batch = Transform((long, short))([load_image(DATA / "photos" / "coffee.png")])
    model = untrained_model(variant).eval()
    to_resized = np.tile(batch.scale_factors[0], 2)
    results = {
        "reference": Detections(golden["boxes"] * to_resized, golden["scores"], golden["labels"]),
        **_float32_results(model, batch, threads),
    }
    with torch.inference_mode():
        outputs = model.double()(torch.from_numpy(batch.images), torch.from_numpy(batch.image_sizes))
    exact = _used(RawDetections(*(output.numpy() for output in outputs)))
    for name, found in results.items():
        agreed = match_detections(exact, found)
        flipped = agreed.box_errors > FLIPPED
        yield {
            "variant": variant,
            "of": name,
            "detections": agreed.matched,
            "unpaired": agreed.missing + agreed.extra,
            "flipped": int(flipped.sum()),
            "box_error": float(agreed.box_errors[~flipped].max()),
            "score_error": float(agreed.score_errors.max()),
        }


def _float32_results(model: GridRCNN, batch: Batch, threads: int) -> dict[str, Detections]:
    with TemporaryDirectory() as folder:
        graph = Path(folder) / "model.onnx"
        by_torch = session_of_model(model, "cpu", threads)
        by_onnxruntime = session_of_graph(save_onnx(onnx_from_model(model, "0" * 64), graph), threads)
        return {
            "PyTorch": _used(by_torch.run(batch.images, batch.image_sizes)),
            "ONNX Runtime": _used(by_onnxruntime.run(batch.images, batch.image_sizes)),
        }


def _used(raw: RawDetections) -> Detections:
    used = raw.labels[0] >= 0
    return Detections(raw.boxes[0][used], raw.scores[0][used], raw.labels[0][used])


if __name__ == "__main__":
    command()
