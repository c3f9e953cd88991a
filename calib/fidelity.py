"""How well a rewritten graph keeps the detections of the graph that it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from gridrt.detector import Detector
from gridrt.formatting import format_count
from gridrt.graph.graph import Graph
from gridrt.graph.half_simulation import half_simulation
from gridrt.matched_detections import MatchedDetections, match_detections
from gridrt.runtime.in_memory import session_of_graph
from gridrt.types import Detections, Float32Array, UInt8Array


@dataclass(frozen=True)
class Fidelity:
    """Detections of a reference and of another graph in the same images, matched.

    Shapes: M matched pairs.

    Attributes:
        images: how many.
        detections: of the reference.
        missing: of those, how many the other graph does not have.
        extra: how many the other graph has besides.
        box_errors: float32 [M], largest difference of a coordinate, in pixels.
        score_errors: float32 [M], difference of the scores.
        overlaps: float32 [M], intersection over union.
    """

    images: int
    detections: int
    missing: int
    extra: int
    box_errors: Float32Array
    score_errors: Float32Array
    overlaps: Float32Array

    @property
    def disagreement(self) -> float:
        """The unmatched share of all detections, plus the mean loss of overlap and score in pairs; 0 is equal."""
        paired = len(self.overlaps)
        unpaired = self.missing + self.extra
        share = unpaired / max(2 * paired + unpaired, 1)
        return share + float((1 - self.overlaps + self.score_errors).mean() if paired else 0.0)

    def to_json(self) -> dict[str, float | int | None]:
        """Counts, medians and largest differences."""
        figures: dict[str, float | int | None] = {
            "images": self.images,
            "detections": self.detections,
            "missing": self.missing,
            "extra": self.extra,
            "disagreement": self.disagreement,
        }
        for name, errors in (("box_px", self.box_errors), ("score", self.score_errors)):
            figures[f"{name}_median"] = float(np.median(errors)) if len(errors) else None
            figures[f"{name}_most"] = float(errors.max()) if len(errors) else None
        return figures

    def __str__(self) -> str:
        if not self.detections:
            return f"nothing is detected in {format_count(self.images, 'image')}"
        kept = (
            f"in {format_count(self.images, 'image')} {len(self.box_errors)} of {self.detections} detections of the "
            f"original are kept, {self.extra} are new"
        )
        if not len(self.box_errors):
            return kept
        boxes, scores = ((np.median(errors), errors.max()) for errors in (self.box_errors, self.score_errors))
        return (
            f"{kept}; boxes differ by {boxes[0]:.2g} px (median; at most {boxes[1]:.2g}), "
            f"scores by {scores[0]:.1e} (at most {scores[1]:.1e})"
        )


def fidelity(reference: Sequence[Detections], other: Sequence[Detections]) -> Fidelity:
    """Match the detections of both sides, image by image."""
    found = [match_detections(one, another) for one, another in zip(reference, other, strict=True)]
    return Fidelity(
        images=len(found),
        detections=sum(map(len, reference)),
        missing=sum(each.missing for each in found),
        extra=sum(each.extra for each in found),
        box_errors=_joined(found, "box_errors"),
        score_errors=_joined(found, "score_errors"),
        overlaps=_joined(found, "overlaps"),
    )


def _joined(found: Sequence[MatchedDetections], name: str) -> Float32Array:
    return np.concatenate([np.zeros(0, np.float32), *(getattr(each, name) for each in found)])


def detect_in(detector: Detector, images: Sequence[UInt8Array]) -> list[Detections]:
    """The detections in each image; images run one by one, so that none is padded to the size of another."""
    return [detector([image])[0] for image in images]


def cpu_detector(graph: Graph, scale: tuple[int, int] | None = None, threads: int | None = None) -> Detector:
    """A detector that runs a graph on the CPU; where the graph has FP16, with the rounding of a GPU.

    Args:
        graph: in any precision.
        scale: most pixels on the long and on the short side of a resized image; None is the scale in the graph.
        threads: CPU threads; None means as many as the process may use.
    """
    if any(tensor.data_type == TensorProto.FLOAT16 for tensor in graph.model.graph.initializer):
        graph = Graph(half_simulation(graph.model), graph.path)
    return Detector(session_of_graph(graph, threads), scale)
