"""The data of a training: what it learns from, and what it is evaluated on."""

from __future__ import annotations

import hashlib
import json

from gridrt.config import DEFAULT_SCALE
from gridrt.data.coco import CocoDataset
from gridrt.data.joined import AnnotatedImages
from gridrt.data.training import MIN_SIDE, TrainingImages

DIGITS = 16  # of a digest: it tells sets apart, and is read by people


class TrainingData:
    """Pictures to learn from, and others to evaluate on.

    Args:
        pictures: to learn from, where there is something to learn; see `TrainingImages`.
        validation: to evaluate on, where given.
        scale: most pixels on the long and on the short side of a resized image.
        seed: of the run; at least 0.

    Attributes:
        images: those of `pictures` that are learned from.
        validation: as given.

    Raises:
        DataError: there is nothing to learn.
        GridRTError: a side of `scale` is not positive.
    """

    def __init__(
        self,
        pictures: AnnotatedImages,
        validation: CocoDataset | None,
        scale: tuple[int, int] = DEFAULT_SCALE,
        seed: int = 0,
    ) -> None:
        self._pictures, self.validation = pictures, validation
        self.images = TrainingImages(pictures, scale, seed)

    def left_out(self) -> dict[str, int]:
        """How many images are not learned from, by the reason."""
        small = sum(min(image.width, image.height) < MIN_SIDE for image in self._pictures.images)
        empty = len(self._pictures) - len(self.images) - small
        reasons = {"without objects": empty, f"with a side of less than {MIN_SIDE} pixels": small}
        return {reason: count for reason, count in reasons.items() if count}

    def training_digest(self) -> str:
        """Of the names, sizes and objects of all pictures to learn from, in their order, and of the classes."""
        digest = hashlib.sha256(json.dumps(self._pictures.class_names).encode())
        for index, image in enumerate(self._pictures.images):
            objects = self._pictures.objects(index)
            head = [image.file_name, image.width, image.height, len(objects.labels)]
            digest.update(json.dumps(head).encode() + objects.labels.tobytes() + objects.boxes.tobytes())
        return digest.hexdigest()[:DIGITS]

    def validation_digest(self) -> str:
        """Of all that an average precision depends on beside the detector."""
        if self.validation is None:
            return "none"
        names = [image.file_name for image in self.validation.images]
        content = json.dumps([names, self.validation.ground_truth().dataset])
        return hashlib.sha256(content.encode()).hexdigest()[:DIGITS]
