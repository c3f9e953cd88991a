"""Images and their objects as batches to train on.

Shapes: B images, H and W the padded size of the batch, G objects in an image.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from gridrt.config import DEFAULT_SCALE
from gridrt.data.coco import Objects
from gridrt.data.joined import AnnotatedImages
from gridrt.data.sampler import batches_of_epoch
from gridrt.data.transform import Transform, pad
from gridrt.errors import DataError, GridRTError
from gridrt.types import Float32Array, GroundTruth, UInt8Array

MIN_SIDE = 32  # pixels; smaller images are not trained on
FLIP_PROBABILITY = 0.5
STREAM = 2  # separates this use of a seed from others


@dataclass(frozen=True)
class TrainingBatch:
    """The input of `GridRCNN.losses`.

    Attributes:
        images: uint8 [B, H, W, 3], RGB, zero-padded right and bottom; H and W multiples of 32.
        image_sizes: int32 [B, 2], (height, width) of each image before padding.
        targets: per image.
    """

    images: Tensor
    image_sizes: Tensor
    targets: list[GroundTruth]

    def to(self, device: torch.device | str) -> TrainingBatch:
        """The same on another device."""
        targets = [GroundTruth(one.boxes.to(device), one.labels.to(device)) for one in self.targets]
        return TrainingBatch(self.images.to(device), self.image_sizes.to(device), targets)


@dataclass(frozen=True)
class Example:
    """One image, resized and perhaps flipped: uint8 [H, W, 3], with its objects in its pixels."""

    image: UInt8Array
    objects: Objects


class TrainingImages(Dataset["Example | GridRTError"]):
    """The images of a data set to train on: with an object, and at least `MIN_SIDE` pixels high and wide.

    Keys are (epoch, index): random choices for an image (whether to flip it) depend on these and the seed alone, never
    on the order or the process in which images are loaded.

    Args:
        dataset: what to choose from.
        scale: most pixels on the long and on the short side of a resized image.
        seed: of the run; at least 0.

    Attributes:
        seed: as given.
        class_names: in the order of the labels.

    Raises:
        DataError: no image is left.
        GridRTError: a side of `scale` is not positive.
    """

    def __init__(self, dataset: AnnotatedImages, scale: tuple[int, int] = DEFAULT_SCALE, seed: int = 0) -> None:
        self._dataset, self.seed = dataset, seed
        self.class_names = dataset.class_names
        self._transform = Transform(scale)
        self._kept = [
            index
            for index, image in enumerate(dataset.images)
            if min(image.width, image.height) >= MIN_SIDE and len(dataset.objects(index).labels) > 0
        ]
        if not self._kept:
            raise DataError(
                f"training images must have objects and sides of at least {MIN_SIDE} pixels",
                place=dataset.place,
                value=f"none among {len(dataset)} images",
                remedy="Crowds, boxes marked 'ignore', thinner than a pixel or without area do not count as objects.",
            )

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def is_wide(self) -> list[bool]:
        """For each image, whether it is wider than high."""
        return [self._dataset.images[index].width > self._dataset.images[index].height for index in self._kept]

    def __getitem__(self, key: tuple[int, int]) -> Example | GridRTError:
        """The example, or the error why its image cannot be read: raised in a worker, it would lose its type."""
        epoch, row = key
        index = self._kept[row]
        try:
            example = resized(self._dataset.load_image(index), self._dataset.objects(index), self._transform)
        except GridRTError as error:
            return error
        flips = np.random.default_rng([self.seed, STREAM, epoch, row]).random() < FLIP_PROBABILITY
        return flipped(example) if flips else example


def training_batches(
    images: TrainingImages,
    batch_size: int,
    *,
    epoch: int,
    start: int = 0,
    rank: int = 0,
    processes: int = 1,
    workers: int = 0,
) -> Iterator[TrainingBatch]:
    """Yield the batches of an epoch, from number `start` on.

    Args:
        images: to take them from.
        batch_size: images per batch and process.
        epoch: from 0.
        start: how many batches of the epoch to skip, unread.
        rank: of this process.
        processes: that train together.
        workers: processes that load images; 0 loads them in this one. The batches do not depend on it.

    Raises:
        ImageError: an image cannot be read.
        DataError: an image is not as large as annotated.
    """
    order = batches_of_epoch(images.is_wide, batch_size, seed=images.seed, epoch=epoch, rank=rank, processes=processes)
    keys = [[(epoch, row) for row in batch] for batch in order[start:]]
    loader = DataLoader(
        images, batch_sampler=keys, num_workers=workers, collate_fn=collate, worker_init_fn=_prepare_worker
    )
    for batch in loader:
        if isinstance(batch, GridRTError):
            raise batch
        yield batch


def resized(image: UInt8Array, objects: Objects, transform: Transform) -> Example:
    """An image as the detector gets it, its boxes scaled with it and clipped to it."""
    small = transform.resize(image)
    (old_height, old_width), (height, width) = image.shape[:2], small.shape[:2]
    factor = np.array([width / old_width, height / old_height] * 2, np.float32)
    boxes = np.clip(objects.boxes * factor, 0, np.array([width, height] * 2, np.float32))
    is_left = (boxes[:, 2:] > boxes[:, :2]).all(1)
    return Example(small, Objects(boxes[is_left], objects.labels[is_left]))


def flipped(example: Example) -> Example:
    """The example mirrored, left for right."""
    width = np.float32(example.image.shape[1])
    x1, y1, x2, y2 = example.objects.boxes.T
    boxes: Float32Array = np.stack([width - x2, y1, width - x1, y2], 1)
    return Example(example.image[:, ::-1], Objects(boxes, example.objects.labels))


def collate(examples: Sequence[Example | GridRTError]) -> TrainingBatch | GridRTError:
    """Examples on one canvas; the first error if there is one."""
    sound = []
    for example in examples:
        if isinstance(example, GridRTError):
            return example
        sound.append(example)
    sizes = np.array([example.image.shape[:2] for example in sound], np.int32)
    images = torch.from_numpy(pad([example.image for example in sound]))
    targets = [
        GroundTruth(torch.from_numpy(example.objects.boxes), torch.from_numpy(example.objects.labels))
        for example in sound
    ]
    return TrainingBatch(images, torch.from_numpy(sizes), targets)


def _prepare_worker(_: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal interrupts workers too; the training stops them itself
    cv2.setNumThreads(0)  # OpenCV's threads do not survive the fork, and workers are the parallelism
