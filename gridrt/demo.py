"""The parts of `gridrt demo`: a photograph, weights to export, and what came of both sides of the export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from gridrt.bench.timing import seconds_in_turns
from gridrt.data.image import load_image
from gridrt.detector import Detector
from gridrt.errors import DependencyError
from gridrt.export.verify import Verification, box_tolerance_in, cpu_sessions, verify_detections
from gridrt.model.checkpoint import load_model
from gridrt.types import UInt8Array

VARIANT = "r50"
RUNS = 3


@dataclass(frozen=True)
class Comparison:
    """PyTorch and ONNX Runtime, side by side on one picture.

    Attributes:
        verification: how far their detections differ.
        seconds: per side, those of each run, from the picture to its boxes.
        threads: CPU threads of each.
    """

    verification: Verification
    seconds: Mapping[str, tuple[float, ...]]
    threads: int


def photograph() -> UInt8Array:
    """A cup of coffee, uint8 [400, 600, 3] RGB.

    Raises:
        DependencyError: scikit-image, which it comes with, is not installed.
    """
    try:
        from skimage import data
    except ModuleNotFoundError as error:
        raise DependencyError(
            "the photograph comes with this package, and it is not installed",
            place="scikit-image",
            remedy='In the repository, run: pip install ".[demo]"',
        ) from error
    return np.asarray(data.coffee(), np.uint8)  # type: ignore[no-untyped-call]


def compare(checkpoint: Path, graph: Path, picture: Path, scale: tuple[int, int]) -> Comparison:
    """Detect in `picture` with PyTorch and with ONNX Runtime, both on the CPU, and time them.

    Args:
        checkpoint: weights.
        graph: the ONNX file made of them.
        picture: what to detect in.
        scale: most pixels on the long and on the short side of the resized picture.

    Raises:
        VerificationError: what they find differs by more than the tolerances of `gridrt.export.verify`.
    """
    image, threads = load_image(picture), torch.get_num_threads()
    sessions = cpu_sessions(load_model(checkpoint), graph, threads)
    by_torch, by_onnxruntime = (Detector(session, scale) for session in sessions)
    # These runs are the warm-up, too.
    verification = verify_detections(by_torch([image])[0], by_onnxruntime([image])[0], box_tolerance_in(image, scale))
    calls = {"PyTorch": partial(by_torch, [image]), "ONNX Runtime": partial(by_onnxruntime, [image])}
    return Comparison(verification, seconds_in_turns(calls, warm_up=0, runs=RUNS), threads)
