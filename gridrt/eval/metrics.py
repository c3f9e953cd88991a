"""Average precision, overall and per class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class AveragePrecision:
    """Average precision over 101 recall steps, with at most 100 detections per image, in 0..1.

    A field is None if there are no objects to measure it on.

    Attributes:
        objects: how many there are, crowds left out.
        ap: mean over IoU 0.50, 0.55, ..., 0.95.
        ap50: at IoU 0.5; the next three at 0.75, 0.8 and 0.9.
        small: `ap` of objects of less than 32 x 32 pixels.
        medium: of those from there to 96 x 96 pixels.
        large: of the others.
    """

    objects: int
    ap: float | None
    ap50: float | None
    ap75: float | None
    ap80: float | None
    ap90: float | None
    small: float | None
    medium: float | None
    large: float | None


@dataclass(frozen=True)
class Metrics:
    """How good a detector is on a data set.

    Attributes:
        images: how many were evaluated.
        overall: mean over the classes that have objects.
        per_class: by name, in the order of the labels.
        failed: images that failed and do not count, each with the error.
    """

    images: int
    overall: AveragePrecision
    per_class: Mapping[str, AveragePrecision]
    failed: Mapping[Path, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """The same as nested dictionaries, to write as JSON."""
        return {
            "images": self.images,
            "overall": asdict(self.overall),
            "per_class": {name: asdict(precision) for name, precision in self.per_class.items()},
            "failed": {str(path): error for path, error in self.failed.items()},
        }
