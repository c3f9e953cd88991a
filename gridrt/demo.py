"""The parts of `gridrt demo`: what PyTorch and ONNX Runtime find in a few pictures, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from gridrt.bench.timing import seconds_in_turns
from gridrt.data.image import load_image, save_image
from gridrt.detector import Detector
from gridrt.export.verify import Verification, box_tolerance_in, cpu_sessions, verify_detections
from gridrt.model.checkpoint import load_model
from gridrt.report.draw import draw
from gridrt.report.sheet import sheet
from gridrt.types import Detections, UInt8Array

MODEL = "tiny_synthetic"
RUNS = 3
COLUMNS = 4
SCORE_THRESHOLD = 0.5  # of what is drawn


@dataclass(frozen=True)
class Comparison:
    """PyTorch and ONNX Runtime, side by side on a batch of pictures.

    Attributes:
        pictures: how many.
        verification: how far their detections differ.
        seconds: per side, those of each run, from the pictures to their boxes.
        threads: CPU threads of each.
    """

    pictures: int
    verification: Verification
    seconds: Mapping[str, tuple[float, ...]]
    threads: int


def compare(weights: str | Path, graph: Path, pictures: Sequence[Path], drawn: Path) -> Comparison:
    """Detect in pictures with PyTorch and with ONNX Runtime, both on the CPU, and time them.

    Args:
        weights: a checkpoint or the name of one.
        graph: the ONNX file made of it.
        pictures: all of one size; they run as one batch.
        drawn: the picture to write: a sheet of those, with what ONNX Runtime finds.

    Raises:
        VerificationError: what they find differs by more than the tolerances of `gridrt.export.verify`.
        OutputError: `drawn` cannot be written.
    """
    images, threads = list(map(load_image, pictures)), torch.get_num_threads()
    sessions = cpu_sessions(load_model(weights), graph, threads)
    by_torch, by_onnxruntime = (Detector(session) for session in sessions)
    found = by_onnxruntime(images)  # this run and PyTorch's below are the warm-up, too
    save_image(drawn, _drawn(images, found, by_onnxruntime.class_names))
    classes, tolerance = len(by_torch.class_names), box_tolerance_in(images[0], by_torch.scale)
    verification = verify_detections(_as_one(by_torch(images), classes), _as_one(found, classes), tolerance)
    calls = {"PyTorch": partial(by_torch, images), "ONNX Runtime": partial(by_onnxruntime, images)}
    return Comparison(len(images), verification, seconds_in_turns(calls, warm_up=0, runs=RUNS), threads)


def _as_one(found: Sequence[Detections], classes: int) -> Detections:
    """What was found in several images as if in one, where each image has labels of its own."""
    return Detections(
        np.concatenate([one.boxes for one in found]),
        np.concatenate([one.scores for one in found]),
        np.concatenate([one.labels + image * classes for image, one in enumerate(found)]),
    )


def _drawn(images: Sequence[UInt8Array], found: Sequence[Detections], class_names: Sequence[str]) -> UInt8Array:
    pairs = zip(images, found, strict=True)
    return sheet([draw(image, one.above(SCORE_THRESHOLD), class_names) for image, one in pairs], COLUMNS)
