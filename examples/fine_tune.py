"""Train a detector further on a set of your own: python examples/fine_tune.py own.pth data.

`data` holds train/, val/, instances_train.json and instances_val.json. The classes are the categories of the
annotations, so a new class is a new category there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gridrt


def fine_tune(weights: str, data: Path, out: Path, epochs: int = 20) -> Path:
    """Train, and write the best weights as ONNX."""
    gridrt.train(
        data / "train",
        data / "instances_train.json",
        out,
        val_images=data / "val",
        val_annotations=data / "instances_val.json",
        weights=weights,
        schedule="short",
        scale=gridrt.load_model(weights).scale,
        epochs=epochs,
    )
    return gridrt.export_onnx(out / "best.pth", out / "best.onnx").file


if __name__ == "__main__":
    print(fine_tune(sys.argv[1], Path(sys.argv[2]), Path("training")))
