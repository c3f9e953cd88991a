"""What an export wrote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gridrt.config import ScaleOrigin
from gridrt.export.verify import Verification


@dataclass(frozen=True)
class ExportReport:
    """An ONNX file that was written.

    Attributes:
        file: the ONNX file.
        size: of the file, in bytes.
        variant: name of the preset, such as "r50".
        class_names: in the order of the labels.
        scale: that the graph runs at unless told otherwise: most pixels on the long and on the short side.
        scale_origin: "as asked", "noted" by the checkpoint, or "assumed" where nothing states it.
        verification: how far the graph's detections are from the model's; None where it was not verified.
    """

    file: Path
    size: int
    variant: str
    class_names: tuple[str, ...]
    scale: tuple[int, int]
    scale_origin: ScaleOrigin
    verification: Verification | None
