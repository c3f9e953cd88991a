"""Which batches an engine takes, and which it is tuned for."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from onnx import ModelProto

from gridrt.config import SIZE_DIVISOR
from gridrt.errors import GridRTError

Dimensions: TypeAlias = tuple[int, ...]


class BatchShape(NamedTuple):
    """The size of a batch of padded images: how many, and their height and width in pixels."""

    batch: int
    height: int
    width: int


class Range(NamedTuple):
    """The dimensions of one input: smallest, tuned for, largest."""

    smallest: Dimensions
    tuned: Dimensions
    largest: Dimensions


@dataclass(frozen=True)
class Profile:
    """The batches that an engine takes.

    Attributes:
        smallest: at least 1 image of 32 x 32 pixels.
        tuned: TensorRT chooses the fastest kernels for this one.
        largest: TensorRT reserves memory for this one.

    Raises:
        GridRTError: they are not in this order, or a side is not a multiple of 32.
    """

    smallest: BatchShape
    tuned: BatchShape
    largest: BatchShape

    def __post_init__(self) -> None:
        for shape in (self.smallest, self.tuned, self.largest):
            if min(shape) < 1 or shape.height % SIZE_DIVISOR or shape.width % SIZE_DIVISOR:
                raise GridRTError(
                    f"a batch must have at least one image, with sides that are multiples of {SIZE_DIVISOR}",
                    value=f"{shape.batch} of {shape.height}x{shape.width}",
                )
        for name, least, tuned, most in zip(BatchShape._fields, self.smallest, self.tuned, self.largest, strict=True):
            if not least <= tuned <= most:
                raise GridRTError(f"the smallest {name} must be at most the largest", value=f"{least}..{most}")

    def inputs(self) -> Mapping[str, Range]:
        """The ranges of the graph's inputs."""
        shapes = (self.smallest, self.tuned, self.largest)
        return {
            "images": Range(*((*shape, 3) for shape in shapes)),
            "image_sizes": Range(*((shape.batch, 2) for shape in shapes)),
        }


def profile_for(
    scale: tuple[int, int],
    batch: tuple[int, int] = (1, 1),
    size: tuple[tuple[int, int], tuple[int, int]] | None = None,
) -> Profile:
    """The profile for images of a scale; tuned for the largest batch of wide ones.

    Args:
        scale: most pixels on the long and on the short side of a resized image.
        batch: the smallest and the largest.
        size: the smallest and the largest padded image, each (height, width); None admits every image of that scale.

    Raises:
        GridRTError: a side is not a multiple of 32, or a smallest is larger than its largest.
    """
    short, long = sorted(-(-side // SIZE_DIVISOR) * SIZE_DIVISOR for side in scale)  # rounded up
    smallest, largest = size or ((SIZE_DIVISOR, SIZE_DIVISOR), (long, long))
    height, width = (
        max(least, min(usual, most)) for least, usual, most in zip(smallest, (short, long), largest, strict=True)
    )
    return Profile(BatchShape(batch[0], *smallest), BatchShape(batch[1], height, width), BatchShape(batch[1], *largest))


def fix_inputs(model: ModelProto, profile: Profile) -> None:
    """Make the dimensions that are equal in all batches static in `model`, in place, for TensorRT to rely on."""
    ranges = profile.inputs()
    for value in model.graph.input:
        smallest, _, largest = ranges[value.name]
        for dimension, least, most in zip(value.type.tensor_type.shape.dim, smallest, largest, strict=True):
            if least == most:
                dimension.dim_value = least


def trtexec_command(graph: Path, engine: Path, profile: Profile) -> str:
    """The command that builds the same engine by trtexec, with the plugins of GridRT's library.

    Args:
        graph: ONNX file in the engine's precision.
        engine: file to write.
        profile: the batches that the engine takes.
    """
    command = ["trtexec", f"--onnx={graph}", "--stronglyTyped", "--dynamicPlugins=libgridrt_plugins.so"]
    command.append(f"--saveEngine={engine}")
    for bound, index in (("min", 0), ("opt", 1), ("max", 2)):
        shapes = (f"{name}:{'x'.join(map(str, shapes[index]))}" for name, shapes in profile.inputs().items())
        command.append(f"--{bound}Shapes={','.join(shapes)}")
    return shlex.join(command)
