"""How a detector runs, as far as its weights file states it: what the tensors do not hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from gridrt.classes import normalized_name
from gridrt.config import ColourOrder, DetectionConfig, PixelConfig, ProposalConfig, scale_in
from gridrt.errors import CheckpointError
from gridrt.model.checkpoint.layout import Meta
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.normalize import Normalize

SCALE_KEY = "gridrt_scale"
PIXELS_KEY = "gridrt_pixels"
PROPOSALS_KEY = "gridrt_proposals"
DETECTIONS_KEY = "gridrt_detections"


@dataclass(frozen=True)
class Settings:
    """What a file states; a field is None, or lacks an entry, where the file does not state it.

    Attributes:
        pixels: normalisation of the input.
        class_names: in the order of the labels.
        scale: most pixels on the long and on the short side of a resized image.
        proposals: fields of `ProposalConfig` by name.
        detections: fields of `DetectionConfig` by name.
    """

    pixels: PixelConfig | None = None
    class_names: tuple[str, ...] | None = None
    scale: tuple[int, int] | None = None
    proposals: Mapping[str, float] = field(default_factory=dict)
    detections: Mapping[str, float] = field(default_factory=dict)

    def otherwise(self, other: Settings) -> Settings:
        """These settings, and those of `other` where they state nothing."""
        return Settings(
            self.pixels or other.pixels,
            self.class_names or other.class_names,
            self.scale or other.scale,
            {**other.proposals, **self.proposals},
            {**other.detections, **self.detections},
        )

    def apply(self, model: GridRCNN) -> None:
        """Make `model` run with these settings; what is not stated stays as it is."""
        model.normalize = Normalize(self.pixels or model.normalize.pixels)
        model.class_names = self.class_names or model.class_names
        model.scale = self.scale or model.scale
        model.rpn_head.proposals = replace(model.rpn_head.proposals, **self.proposals)  # type: ignore[arg-type]
        model.roi_head.detections = replace(model.roi_head.detections, **self.detections)  # type: ignore[arg-type]


def settings_to_meta(model: GridRCNN) -> dict[str, Any]:
    """The settings of a model, as the `meta` of GridRT's files keep them."""
    scale = {} if model.scale is None else {SCALE_KEY: model.scale}
    return scale | {
        "CLASSES": model.class_names,  # mmdetection's name
        PIXELS_KEY: asdict(model.normalize.pixels),
        PROPOSALS_KEY: asdict(model.rpn_head.proposals),
        DETECTIONS_KEY: asdict(model.roi_head.detections),
    }


def settings_from_meta(meta: Meta, place: Path) -> Settings:
    """The settings in `meta`: those of GridRT, and class names as every version of mmdetection stores them.

    Raises:
        CheckpointError: a value has another form than GridRT writes.
    """
    scale = scale_in(meta.get(SCALE_KEY))
    if SCALE_KEY in meta and scale is None:
        raise CheckpointError(
            f"`{SCALE_KEY}` must be two positive numbers of pixels", place=place, value=meta[SCALE_KEY]
        )
    pixels = _fields_in(meta, PIXELS_KEY, PixelConfig, place)
    return Settings(
        pixel_config(pixels.get("mean"), pixels.get("std"), pixels.get("order"), place) if pixels else None,
        class_names_in(meta),
        scale,
        _fields_in(meta, PROPOSALS_KEY, ProposalConfig, place),
        _fields_in(meta, DETECTIONS_KEY, DetectionConfig, place),
    )


def _fields_in(meta: Meta, key: str, kind: type[Any], place: Path) -> Mapping[str, Any]:
    found = meta.get(key, {})
    types = {each.name: type(each.default) for each in fields(kind)}
    if not isinstance(found, dict) or not all(isinstance(found[name], types.get(name, ())) for name in found):
        wanted = ", ".join(f"{name} ({type_.__name__})" for name, type_ in types.items())
        raise CheckpointError(f"`{key}` must be a dict of {wanted}", place=place, value=found)
    return found


def class_names_in(meta: Meta) -> tuple[str, ...] | None:
    """Class names as mmdetection 3.x (`dataset_meta`) or 2.x (`CLASSES`) stores them; None where there are none."""
    dataset = meta.get("dataset_meta")
    dataset = dataset if isinstance(dataset, dict) else {}
    return class_names(dataset.get("classes") or dataset.get("CLASSES") or meta.get("CLASSES"))


def class_names(value: object) -> tuple[str, ...] | None:
    """A value as class names; None where it is something else."""
    if isinstance(value, str):  # `CLASSES = ("cat")`, the missing comma of many a one-class data set
        return (normalized_name(value),)
    if isinstance(value, (list, tuple)) and value and all(isinstance(name, str) for name in value):
        return tuple(map(normalized_name, value))
    return None


def pixel_config(mean: object, std: object, order: object, place: Path) -> PixelConfig:
    """The normalisation that a file states.

    Raises:
        CheckpointError: `mean` or `std` is not one number per channel, or `std` not positive.
    """
    means, stds = numbers(mean), numbers(std)
    if len(means) != 3 or len(stds) != 3 or min(stds) <= 0 or order not in ("RGB", "BGR"):
        raise CheckpointError(
            "mean and std of pixels must be three numbers each, std positive, in RGB or BGR order",
            place=place,
            value=f"mean {mean}, std {std}, order {order}",
        )
    return PixelConfig((means[0], means[1], means[2]), (stds[0], stds[1], stds[2]), order)


def numbers(value: object) -> tuple[float, ...]:
    """The finite numbers of a list; () where it is something else."""
    if not isinstance(value, (list, tuple)):
        return ()
    usable = all(isinstance(each, (int, float)) and math.isfinite(each) for each in value)
    return tuple(float(each) for each in value) if usable else ()


def settings_from_buffers(buffers: Mapping[str, Tensor], place: Path) -> Settings:
    """The normalisation in the buffers `mean` and `std` of a data preprocessor.

    Buffers do not state the colour order, but ImageNet's mean does: its red is the highest. Another mean is taken as
    RGB.

    Raises:
        CheckpointError: as `pixel_config`.
    """
    if not {"mean", "std"} <= buffers.keys():
        return Settings()
    # Seven digits: the decimal number that float32 stands for.
    mean, std = ([float(f"{value:.7g}") for value in buffers[name].flatten().tolist()] for name in ("mean", "std"))
    return Settings(pixel_config(mean, std, order_of_mean(mean) or "RGB", place))


def order_of_mean(mean: Sequence[float]) -> ColourOrder | None:
    """The colour order of ImageNet's mean; None for another mean."""
    orders: tuple[ColourOrder, ColourOrder] = ("RGB", "BGR")
    for order, imagenet in zip(orders, (PixelConfig.mean, PixelConfig.mean[::-1]), strict=True):
        if len(mean) == len(imagenet) and all(abs(a - b) < 1 for a, b in zip(mean, imagenet, strict=True)):
            return order
    return None
