"""Counts and scales as text for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gridrt.config import DEFAULT_SCALE, ScaleOrigin

MOST_LISTED = 10  # names in one line


def format_count(count: int, noun: str) -> str:
    """A number and its noun, such as `1 image`, `2 images` or `2 classes`."""
    ending = "" if count == 1 else "es" if noun.endswith(("s", "x")) else "s"
    return f"{count} {noun}{ending}"


def listed(names: Sequence[str], limit: int = MOST_LISTED) -> str:
    """The first `limit` names and how many follow: `a, b and 3 more`."""
    shown = ", ".join(names[:limit])
    rest = len(names) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown


def format_scale(scale: tuple[int, int]) -> str:
    """The long and the short side in pixels, such as `1333 x 800`."""
    return " x ".join(map(str, scale))


def format_noted_scale(scale: tuple[int, int] | None) -> str:
    """The scale that a model file states, or the default that applies where it states none."""
    return f"none noted, {format_scale(DEFAULT_SCALE)} is assumed" if scale is None else format_scale(scale)


def format_scale_with_origin(scale: tuple[int, int], origin: ScaleOrigin) -> str:
    """A detector's scale and where it comes from; an assumed scale names the option that sets it."""
    return f"scale {format_scale(scale)} ({'assumed, see --scale' if origin == 'assumed' else origin})"


def format_tiles(tile: int | None) -> str:
    """How images are cut, such as `in tiles of 800 pixels`; empty where they are not."""
    return "" if tile is None else f"in tiles of {tile} pixels"


def format_thresholds(detections: Mapping[str, float]) -> str:
    """Fields of a `DetectionConfig`, such as `score_threshold 0.03, max_detections 100`."""
    return ", ".join(f"{name} {value}" for name, value in detections.items())


def format_full_images(count: int, first: object, max_detections: int, tile: int | None = None) -> str:
    """A note on images in which a model returns as many detections as it can: more objects may be there.

    Args:
        count: of such images.
        first: of them.
        max_detections: of the model, in one run.
        tile: side of the tiles; None where images are run whole.
    """
    limit = f"{format_count(max_detections, 'detection')}{'' if tile is None else ' in one run'}"
    return (
        f"{format_count(count, 'image')} with {limit}, the most that the model returns, first {first}: "
        "more objects may be there; gridrt export --max-detections raises the limit"
    )
