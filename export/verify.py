"""Run a checkpoint's model and the graph made of it on one picture, and insist that they agree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gridrt.agreement import agreement
from gridrt.detector import Detector
from gridrt.errors import VerificationError
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime.onnxruntime_session import OnnxRuntimeSession
from gridrt.runtime.torch_session import TorchSession
from gridrt.types import UInt8Array

BOX_TOLERANCE = 1e-2  # pixels of the resized image
SCORE_TOLERANCE = 2e-4
# Where two cells of a heatmap, or two boxes before suppression, are equal to the last bits, either may win.
EXCUSED_SHARE = 0.02

VERIFY_SCALE = (640, 384)
"""Small, so that verifying costs seconds."""


@dataclass(frozen=True)
class Verification:
    """How far the graph is from the model on the picture: the largest differences among paired detections."""

    detections: int
    box_error: float
    score_error: float

    def __str__(self) -> str:
        if not self.detections:
            return "verified: neither side detects anything in the picture"
        return (
            f"verified on {self.detections} detections: "
            f"boxes within {self.box_error:.1e} px, scores within {self.score_error:.1e}"
        )


def verify_graph(model: GridRCNN, graph: Path, image: UInt8Array) -> Verification:
    """Detect in `image` with PyTorch and with ONNX Runtime.

    Args:
        model: the graph's parent.
        graph: the ONNX file.
        image: uint8 [H, W, 3] RGB.

    Raises:
        VerificationError: they differ by more than the tolerances of this module.
    """
    reference, other = (
        Detector(session, VERIFY_SCALE)([image])[0]
        for session in (TorchSession(model, "cpu"), OnnxRuntimeSession(graph, ["CPUExecutionProvider"]))
    )
    result = agreement(reference, other)
    outside = result.outside(BOX_TOLERANCE, SCORE_TOLERANCE)
    if outside > EXCUSED_SHARE * len(reference):
        raise VerificationError(
            f"the graph detects what the model detects, within {BOX_TOLERANCE} px and {SCORE_TOLERANCE} in score",
            value=f"{outside} of {len(reference)} detections outside, {result.missing} missing, {result.extra} extra",
            remedy="Please report this; --no-verify writes the file nevertheless.",
        )
    return Verification(
        result.paired, float(result.box_errors.max(initial=0)), float(result.score_errors.max(initial=0))
    )
