"""Numbers as people read them."""

from __future__ import annotations

from gridrt.config import DEFAULT_SCALE, ScaleOrigin


def counted(count: int, noun: str) -> str:
    """Such as `1 image`, `2 images`, `2 classes`."""
    ending = "" if count == 1 else "es" if noun.endswith(("s", "x")) else "s"
    return f"{count} {noun}{ending}"


def pixels(scale: tuple[int, int]) -> str:
    """Such as `1333 x 800`."""
    return " x ".join(map(str, scale))


def noted_scale(scale: tuple[int, int] | None) -> str:
    """The scale in a file, or what follows from there being none."""
    return f"none noted, {pixels(DEFAULT_SCALE)} is assumed" if scale is None else pixels(scale)


def told_scale(scale: tuple[int, int], origin: ScaleOrigin) -> str:
    """A detector's scale and where it comes from; where that was a guess, also which option mends it."""
    return f"scale {pixels(scale)} ({'assumed, see --scale' if origin == 'assumed' else origin})"
