"""The data of a training: images to train on and images to evaluate on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from gridrt.config import DEFAULT_SCALE
from gridrt.data.coco import CocoDataset
from gridrt.data.joined import AnnotatedImages
from gridrt.data.training import MIN_SIDE, TrainingImages

DIGITS = 16  # of a digest; enough to tell data sets apart in a message


class TrainingData:
    """Images to train on, and images to evaluate on.

    Args:
        annotated: to train on; `TrainingImages` says which of them are used.
        validation: to evaluate on; None evaluates on none.
        scale: most pixels on the long and on the short side of a resized image.
        seed: of the run; at least 0.

    Attributes:
        images: those of `annotated` that are used.
        validation: as given.

    Raises:
        DataError: no image can be used.
        GridRTError: a side of `scale` is not positive.
    """

    def __init__(
        self,
        annotated: AnnotatedImages,
        validation: CocoDataset | None,
        scale: tuple[int, int] = DEFAULT_SCALE,
        seed: int = 0,
    ) -> None:
        self._annotated, self.validation = annotated, validation
        self.images = TrainingImages(annotated, scale, seed)

    @property
    def paths(self) -> list[Path]:
        """The files of all images, to train and to evaluate on."""
        return [*self._annotated.paths, *(() if self.validation is None else self.validation.paths)]

    def left_out(self) -> dict[str, int]:
        """The number of images that are not used, by the reason."""
        small = sum(min(image.width, image.height) < MIN_SIDE for image in self._annotated.images)
        empty = len(self._annotated) - len(self.images) - small
        reasons = {"without objects": empty, f"with a side of less than {MIN_SIDE} pixels": small}
        return {reason: count for reason, count in reasons.items() if count}

    def training_digest(self) -> str:
        """A digest of the class names, and of the names, sizes and objects of all images to train on, in order."""
        digest = hashlib.sha256(json.dumps(self._annotated.class_names).encode())
        for index, image in enumerate(self._annotated.images):
            objects = self._annotated.objects(index)
            head = [image.file_name, image.width, image.height, len(objects.labels)]
            digest.update(json.dumps(head).encode() + objects.labels.tobytes() + objects.boxes.tobytes())
        return digest.hexdigest()[:DIGITS]

    def validation_digest(self) -> str:
        """A digest of everything in the validation set that average precision depends on."""
        if self.validation is None:
            return "none"
        names = [image.file_name for image in self.validation.images]
        content = json.dumps([names, self.validation.ground_truth().dataset])
        return hashlib.sha256(content.encode()).hexdigest()[:DIGITS]
