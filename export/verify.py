"""Run a model and the graph exported from it on one image, and compare their detections."""

from __future__ import annotations

from dataclasses import dataclass

from gridrt.data.transform import rescaled_size
from gridrt.detector import Detector
from gridrt.errors import VerificationError
from gridrt.graph.graph import Graph
from gridrt.matched_detections import match_detections
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime.in_memory import session_of_graph, session_of_model
from gridrt.types import Detections, UInt8Array

BOX_TOLERANCE = 1e-2  # pixels of the resized image
SCORE_TOLERANCE = 2e-4
# Where two cells of a heatmap, or two boxes before suppression, are equal to the last bits, either may win; and a score
# at the threshold may pass on one side only. An error in a graph moves nearly all detections.
EXCUSED_SHARE = 0.1

VERIFY_SCALE = (640, 384)
"""Small, so that verifying costs seconds."""


@dataclass(frozen=True)
class Verification:
    """Differences between a graph and its model on one image.

    Attributes:
        box_tolerance: in pixels of the image.
        detections: how many the two sides have; one that both have counts once.
        agreeing: how many both sides have, within the tolerances.
        box_error: the largest difference of a coordinate among all that both have, in pixels of the image.
        score_error: the largest difference of a score among those.
        missing: how many only the model has.
        extra: how many only the graph has.
    """

    box_tolerance: float
    detections: int
    agreeing: int
    box_error: float
    score_error: float
    missing: int
    extra: int

    def __str__(self) -> str:
        if not self.detections:
            return "not verified: neither side detects anything in the image; name one that shows objects as `image`"
        rest = [f"{self.missing} missing"] if self.missing else []
        rest += [f"{self.extra} extra"] if self.extra else []
        if self.agreeing + self.missing + self.extra < self.detections:
            rest.append(f"others differ by up to {self.box_error:.2g} px and {self.score_error:.1e} in score")
        return (
            f"verified: {self.agreeing} of {self.detections} detections agree within {self.box_tolerance:.2g} px and "
            f"{SCORE_TOLERANCE:.0e} in score{''.join(f', {each}' for each in rest)}"
        )


def verify_graph(model: GridRCNN, graph: Graph, image: UInt8Array) -> Verification:
    """Detect in `image` with PyTorch and with ONNX Runtime, and require the same detections.

    Args:
        model: the graph's parent.
        graph: exported from it.
        image: uint8 [H, W, 3] RGB.

    Raises:
        VerificationError: they differ by more than the tolerances of this module.
    """
    # On the CPU: GPUs may round the factors of a convolution to fewer bits.
    sessions = (session_of_model(model, "cpu"), session_of_graph(graph))
    reference, other = (Detector(session, VERIFY_SCALE)([image])[0] for session in sessions)
    remedy = "Please report this; gridrt export --no-verify writes the file nevertheless."
    return verify_detections(reference, other, box_tolerance_in(image, VERIFY_SCALE), remedy)


def box_tolerance_in(image: UInt8Array, scale: tuple[int, int]) -> float:
    """`BOX_TOLERANCE` in pixels of `image`, when it is resized to fit `scale`."""
    height, width = image.shape[:2]
    resized_height, _ = rescaled_size(height, width, scale)
    return BOX_TOLERANCE * float(height / resized_height)


def verify_detections(
    reference: Detections, other: Detections, box_tolerance: float, remedy: str = "Please report this."
) -> Verification:
    """Require that a graph detects what its model detects.

    Args:
        reference: of the model.
        other: of the graph, in the same image.
        box_tolerance: in pixels of the image.
        remedy: what to do about a difference.

    Raises:
        VerificationError: more than `EXCUSED_SHARE` of the detections are missing, extra, or beyond the tolerances.
    """
    found = match_detections(reference, other)
    outside = found.outside(box_tolerance, SCORE_TOLERANCE)
    if outside > EXCUSED_SHARE * len(reference):
        raise VerificationError(
            f"the graph must detect what its model does, within {box_tolerance:.1g} px and {SCORE_TOLERANCE} in score",
            value=f"{outside} of {len(reference)} detections outside, {found.missing} missing, {found.extra} extra",
            remedy=remedy,
        )
    box_error, score_error = (float(errors.max(initial=0)) for errors in (found.box_errors, found.score_errors))
    count = found.matched + found.missing + found.extra
    return Verification(box_tolerance, count, count - outside, box_error, score_error, found.missing, found.extra)
