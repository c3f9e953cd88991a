"""FP16 and INT8 files of a detector of full size: their sizes, and their detections beside FP32.

python -m benchmarks.real_size
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import onnx
from onnx import ModelProto, TensorProto

from benchmarks.photograph import PHOTOGRAPHS, photograph
from gridrt.calib.affine import Range
from gridrt.calib.fidelity import cpu_detector, detect_in, fidelity
from gridrt.calib.observe import observable_session, observe
from gridrt.calib.range_methods import METHODS, ranges_of
from gridrt.calib.recipe import load_recipe
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.config import DEFAULT_SCALE
from gridrt.data.image import save_image
from gridrt.detector import Detector
from gridrt.export.onnx_export import onnx_from_model, save_onnx
from gridrt.files import check_writable, write_text
from gridrt.graph.graph import Graph
from gridrt.machine.conditions import machine
from gridrt.model.untrained import untrained_model
from gridrt.types import Detections

RESULT = Path(__file__).parent / "results" / "real_size.json"
METHOD = "mse"
CALIBRATED_ON, COMPARED_IN = PHOTOGRAPHS[:2], PHOTOGRAPHS[2:]
WRITTEN = (("fp16", "tensorrt"), ("int8", "tensorrt"), ("int8", "cpu"))


@dataclass(frozen=True)
class Exported:
    """An R-50 detector with untrained weights, and its detections in the photographs.

    Attributes:
        model: in FP32.
        size: of its file, in bytes.
        ranges: of its activations, on other photographs.
        found: in each photograph that is compared.
    """

    model: ModelProto
    size: int
    ranges: Mapping[str, Range]
    found: list[Detections]


@click.command
@click.option("--threads", type=click.IntRange(min=1), default=2, show_default=True, help="CPU threads.")
@click.option("--out", type=click.Path(path_type=Path), default=RESULT, show_default=True, help="JSON file to write.")
def command(*, threads: int, out: Path) -> None:
    """Write R-50 in FP16 and INT8, and compare what the files detect in photographs with FP32."""
    check_writable(out)
    with TemporaryDirectory() as folder:
        rows = list(measure(Path(folder), threads))
    conditions = {**machine(), "weights": "deterministic, untrained", "scale": list(DEFAULT_SCALE)}
    conditions |= {"photographs": list(COMPARED_IN), "calibration": {"method": METHOD, "of": list(CALIBRATED_ON)}}
    write_text(out, json.dumps({"rows": rows, "conditions": conditions}, indent=2) + "\n")
    click.echo("\n".join(map(_line, rows)))
    click.echo(f"Untrained weights enlarge every error: this measures numerics, not AP. In {', '.join(COMPARED_IN)}.")
    click.echo(f"Written to {out}")


def measure(folder: Path, threads: int) -> Iterator[dict[str, Any]]:
    """Size, types of weights and matched detections of each file."""
    exported = _export(folder, threads)
    for recipe, target in WRITTEN:
        rewritten = apply_recipe(exported.model, load_recipe(recipe), TARGETS[target], exported.ranges)
        file = folder / f"r50.{recipe}.{target}.onnx"
        onnx.save(rewritten, file)
        detector = cpu_detector(Graph(rewritten, file), DEFAULT_SCALE, threads)
        found = fidelity(exported.found, detect_in(detector, [photograph(name) for name in COMPARED_IN]))
        yield {
            "recipe": recipe,
            "target": target,
            "bytes": file.stat().st_size,
            "share_of_fp32": file.stat().st_size / exported.size,
            "int8_weights": _int8_weights(rewritten),
            "against_fp32": found.to_json(),
        }


def _export(folder: Path, threads: int) -> Exported:
    graph, images = folder / "r50.onnx", []
    exported = save_onnx(onnx_from_model(untrained_model("r50").eval(), parent_sha256="0" * 64), graph)
    for name in CALIBRATED_ON:
        images.append(folder / f"{name}.png")
        save_image(images[-1], photograph(name))
    session = observable_session(exported, threads)
    observers = observe(exported, session, images, DEFAULT_SCALE, folder / "cache.npz").observers
    found = detect_in(Detector(session, DEFAULT_SCALE), [photograph(name) for name in COMPARED_IN])
    return Exported(exported.model, graph.stat().st_size, ranges_of(observers, METHODS[METHOD]), found)


def _int8_weights(model: ModelProto) -> dict[str, int]:
    """How many tensors of rank 2 and more are stored as int8, and how many numbers they hold."""
    stored = [tensor for tensor in model.graph.initializer if tensor.data_type == TensorProto.INT8]
    weights = [tensor for tensor in stored if len(tensor.dims) > 1]
    return {"tensors": len(weights), "numbers": sum(int(np.prod(tensor.dims)) for tensor in weights)}


def _line(row: Mapping[str, Any]) -> str:
    found, weights = row["against_fp32"], row["int8_weights"]
    kept = found["detections"] - found["missing"]
    return (
        f"{row['recipe']:<6}{row['target']:<10}{row['bytes'] / 1e6:>7.1f} MB ({row['share_of_fp32']:.3f} of FP32), "
        f"{weights['tensors']} int8 weights; {kept} of {found['detections']} detections kept, {found['extra']} extra, "
        f"boxes within {found['box_px_median']:.2g} px (median), scores within {found['score_median']:.1e} (median)"
    )


if __name__ == "__main__":
    command()
