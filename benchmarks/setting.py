"""How a measurement is made, and all that its figures depend on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridrt.data.transform import Batch
from gridrt.files import sha256_of
from gridrt.machine.conditions import machine


@dataclass(frozen=True)
class Setting:
    """How to measure.

    Attributes:
        variant: name of the preset.
        scale: most pixels on the long and on the short side of the picture.
        threads: CPU threads of each side.
        warm_up: runs before those that count.
        runs: those that count.
    """

    variant: str
    scale: tuple[int, int]
    threads: int
    warm_up: int
    runs: int


def conditions(setting: Setting, graph: Path, batch: Batch, detections: int) -> dict[str, Any]:
    """The machine, the versions and the work, ready for JSON.

    Args:
        setting: how it was measured.
        graph: the ONNX file that ran.
        batch: the picture.
        detections: how many are in it; the time of the grid head follows them.
    """
    return {
        **machine(),
        "variant": setting.variant,
        "weights": "deterministic, untrained",
        "graph_sha256": sha256_of(graph),
        "precision": "float32, and the recipe int8 written for a CPU with ranges of the picture that is timed",
        "picture": "coffee of scikit-image, cut to shape",
        "size": batch.image_sizes[0].tolist(),
        "padded_size": list(batch.images.shape[1:3]),
        "detections": detections,
        "threads": setting.threads,
        "warm_up": setting.warm_up,
        "runs": setting.runs,
    }
