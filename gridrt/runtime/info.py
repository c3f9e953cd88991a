"""What is known of a detector, whatever runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from gridrt.config import DEFAULT_SCALE, DetectionConfig, ScaleOrigin

Precision: TypeAlias = Literal["int8", "fp16", "bf16", "fp32"]
NARROWEST_FIRST: tuple[Precision, ...] = ("int8", "fp16", "bf16", "fp32")


@dataclass(frozen=True)
class ModelInfo:
    """Facts of a model file, read without running it, and the backend that runs it.

    Attributes:
        class_names: in the order of the labels.
        noted_scale: most pixels on the long and on the short side of the images that the model learned from; None where
            its file notes none.
        format: of the file, such as "ONNX".
        precision: the narrowest type that its layers compute in.
        backend: what runs it, such as "onnxruntime 1.32.0".
        device: that it runs on, such as "cpu"; empty where that is known only once it is open.
        variant: name of the preset; None where the file does not tell.
        recipe: name of the recipe that its precisions were planned by; None where none was applied.
        weights_sha256: identity of the weights that it has or was made from, whatever their file; None where the file
            does not note it.
        parent_sha256: of the file that it was made from; None where it was made from none, or does not note it.
        max_detections: in an image, at most; the published number where the file notes none.
        max_batch: images in a batch, at most; None where any number runs.
    """

    class_names: tuple[str, ...]
    noted_scale: tuple[int, int] | None
    format: str
    precision: Precision
    backend: str
    device: str = ""
    variant: str | None = None
    recipe: str | None = None
    weights_sha256: str | None = None
    parent_sha256: str | None = None
    max_detections: int = DetectionConfig.max_detections
    max_batch: int | None = None

    @property
    def scale(self) -> tuple[int, int]:
        """Most pixels on the long and on the short side of a resized image; the published one where none is noted."""
        return self.noted_scale or DEFAULT_SCALE

    @property
    def scale_origin(self) -> ScaleOrigin:
        """Where `scale` comes from; "assumed" may be wrong, and then costs accuracy."""
        return "assumed" if self.noted_scale is None else "noted"


def same_weights(first: ModelInfo, first_file: str | None, second: ModelInfo, second_file: str | None) -> bool | None:
    """Whether two models have, or were made from, the same weights; None where a file does not note them.

    Args:
        first: a model.
        first_file: SHA-256 of its file.
        second: the other.
        second_file: SHA-256 of the other's file.
    """
    if made_from(first, second_file) or made_from(second, first_file) or first_file == second_file is not None:
        return True
    noted = {first.weights_sha256, second.weights_sha256}
    return None if None in noted else len(noted) == 1


def weights_note(
    model: ModelInfo, file: str | None, reference: ModelInfo, reference_file: str | None, reference_name: str
) -> str:
    """A note for people that a model has other weights than a reference, or may have; empty where it has the same.

    Args:
        model: compared with the reference.
        file: SHA-256 of its file.
        reference: the other.
        reference_file: SHA-256 of its file.
        reference_name: as people know it.
    """
    same = same_weights(model, file, reference, reference_file)
    if same:
        return ""
    doubt = "may be " if same is None else ""
    own, others = ((each.weights_sha256 or "not noted")[:12] for each in (model, reference))
    return f"{doubt}made from other weights ({own}) than {reference_name} ({others})"


def made_from(model: ModelInfo, file: str | None) -> bool:
    """Whether a model was made from the file of this SHA-256, which older graphs note as the identity of weights."""
    return file is not None and file in (model.parent_sha256, model.weights_sha256)
