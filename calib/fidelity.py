"""How much of what a graph detects is still detected by one that was made of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from onnx import ModelProto, TensorProto

from gridrt.agreement import Agreement, agreement
from gridrt.detector import Detector
from gridrt.export.onnx_export import save_onnx
from gridrt.formatting import format_count
from gridrt.graph.fp16_simulation import rounded
from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession
from gridrt.types import Detections, Float32Array, UInt8Array


@dataclass(frozen=True)
class Fidelity:
    """What became of a reference's detections in some images.

    Attributes:
        images: how many.
        detections: of the reference.
        missing: those that the other side does not have.
        extra: those that it has besides.
        box_errors: float32 [M], largest difference of a coordinate in pixels, of each pair.
        score_errors: float32 [M], of each pair.
        overlaps: float32 [M], intersection over union of each pair.
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
        """From 0, the same: the unpaired share of all detections, and of pairs the mean loss of overlap and score."""
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
    """Pair the detections of both sides, image by image."""
    found = [agreement(one, another) for one, another in zip(reference, other, strict=True)]
    return Fidelity(
        images=len(found),
        detections=sum(map(len, reference)),
        missing=sum(each.missing for each in found),
        extra=sum(each.extra for each in found),
        box_errors=_joined(found, "box_errors"),
        score_errors=_joined(found, "score_errors"),
        overlaps=_joined(found, "overlaps"),
    )


def _joined(found: Sequence[Agreement], name: str) -> Float32Array:
    return np.concatenate([np.zeros(0, np.float32), *(getattr(each, name) for each in found)])


def detect_in(detector: Detector, images: Sequence[UInt8Array]) -> list[Detections]:
    """What is found in each image, run one by one."""
    return [detector([image])[0] for image in images]


@contextmanager
def opened(model: ModelProto, scale: tuple[int, int] | None = None, threads: int | None = None) -> Iterator[Detector]:
    """A detector over a graph in memory, on the CPU; where it has FP16, rounded as a GPU would."""
    has_half = any(tensor.data_type == TensorProto.FLOAT16 for tensor in model.graph.initializer)
    with TemporaryDirectory() as folder:
        path = Path(folder, "graph.onnx")
        save_onnx(rounded(model) if has_half else model, path)
        yield Detector(OnnxRuntimeSession(path, ["CPUExecutionProvider"], threads), scale)
