"""How a measurement is made, and the conditions of its figures."""

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
        scale: most pixels on the long and on the short side of the image.
        threads: CPU threads of each side.
        warm_up: untimed runs.
        runs: timed runs.
    """

    variant: str
    scale: tuple[int, int]
    threads: int
    warm_up: int
    runs: int


def conditions(setting: Setting, graph: Path, batch: Batch, detections: int) -> dict[str, Any]:
    """The machine, the versions and the task, ready for JSON.

    Args:
        setting: how it was measured.
        graph: the ONNX file that ran.
        batch: the image.
        detections: their number; the time of the grid head depends on it.
    """
    return {
        **machine(),
        "variant": setting.variant,
        "weights": "deterministic, untrained",
        "graph_sha256": sha256_of(graph),
        "precision": "float32, and the recipe int8 written for a CPU with ranges of the image that is timed",
        "image": "coffee of scikit-image, cut to shape",
        "size": batch.image_sizes[0].tolist(),
        "padded_size": list(batch.images.shape[1:3]),
        "detections": detections,
        "threads": setting.threads,
        "warm_up": setting.warm_up,
        "runs": setting.runs,
    }
