"""What a session knows of its model, whatever runs it."""

from __future__ import annotations

from gridrt.config import DEFAULT_SCALE


class ModelFacts:
    """Classes and scale.

    Args:
        class_names: in the order of the labels.
        scale: of the images that the model learned from; None where that is not known.
    """

    def __init__(self, class_names: tuple[str, ...], scale: tuple[int, int] | None) -> None:
        self._class_names, self._scale = class_names, scale

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the labels."""
        return self._class_names

    @property
    def scale(self) -> tuple[int, int]:
        """The scale of the images that the model learned from; the published one where that is not known."""
        return self._scale or DEFAULT_SCALE

    @property
    def scale_is_noted(self) -> bool:
        """Whether the model's file tells `scale`."""
        return self._scale is not None
