"""All that a weights file states about inference, collected from its several places, and a line about it for users."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import numpy as np

from gridrt.config import DEFAULT_SCALE, DetectionConfig, PixelConfig
from gridrt.errors import CheckpointError
from gridrt.formatting import format_scale
from gridrt.model.checkpoint.mmdet_config import settings_in_config
from gridrt.model.checkpoint.read import WeightsFile
from gridrt.model.checkpoint.settings import Settings, order_of_mean, settings_from_buffers, settings_from_meta
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.zoo import published_scale


def stated_settings(weights: WeightsFile) -> Settings:
    """GridRT's metadata come first, then mmdetection's config, then the buffers, then what the file's name implies.

    Raises:
        CheckpointError: a value is not usable, or config and buffers differ.
    """
    config = settings_in_config(weights.config, weights.path)
    buffers = settings_from_buffers(weights.preprocessor, weights.path)
    if (
        config.pixels
        and buffers.pixels
        and not np.allclose(
            (config.pixels.mean, config.pixels.std), (buffers.pixels.mean, buffers.pixels.std), rtol=1e-6, atol=0
        )
    ):
        raise CheckpointError(
            "mean and std of pixels differ between the config and the buffers of the data preprocessor",
            place=weights.path,
            value=f"{format_pixels(config.pixels)} and {format_pixels(buffers.pixels)}",
        )
    own = settings_from_meta(weights.meta, weights.path)
    named = Settings(scale=published_scale(weights.path))
    return own.otherwise(config).otherwise(buffers).otherwise(named)


def describe_foreign_settings(weights: WeightsFile, settings: Settings, default: GridRCNN) -> str:
    """What `settings` change in a `default` model, and what they lack, in one line.

    Empty where nothing would surprise: the file has no config and no buffers, or they state all, and as the default.
    """
    if not weights.config and not weights.preprocessor:
        return ""
    changed, missing = ", ".join(_changes(settings, default)), ", ".join(_missing(weights, settings))
    parts = (changed and f"taken from the checkpoint: {changed}", missing and f"not stated in it: {missing}")
    return "; ".join(part for part in parts if part)


def _changes(settings: Settings, default: GridRCNN) -> Iterator[str]:
    if settings.pixels and settings.pixels != default.normalize.pixels:
        yield format_pixels(settings.pixels)
    if settings.scale and settings.scale != DEFAULT_SCALE:
        yield f"scale {format_scale(settings.scale)}"
    limits = (
        ("proposals", settings.proposals, default.rpn_head.proposals),
        ("detections", settings.detections, default.roi_head.detections),
    )
    for of, stated, config in limits:
        changed = {name: value for name, value in stated.items() if value != getattr(config, name)}
        yield from (f"{of}.{name} {value}" for name, value in changed.items())


def _missing(weights: WeightsFile, settings: Settings) -> Iterator[str]:
    if settings.pixels is None:
        yield "mean, std and colour order"
    elif not weights.config and order_of_mean(settings.pixels.mean) is None:
        yield f"colour order ({settings.pixels.order} is assumed)"
    if weights.config:
        if settings.scale is None:
            yield "scale"
        yield from (each.name for each in fields(DetectionConfig) if each.name not in settings.detections)


def format_pixels(config: PixelConfig) -> str:
    """Such as `BGR with mean (103.53, 116.28, 123.675), std (1, 1, 1)`."""
    mean, std = (", ".join(f"{value:g}" for value in values) for values in (config.mean, config.std))
    return f"{config.order} with mean ({mean}), std ({std})"
