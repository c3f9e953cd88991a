"""Class names: those of COCO, in the order of the labels of the published models, and the labels behind names."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path

from gridrt.errors import GridRTError
from gridrt.printable import printable, shortened

# fmt: off
COCO_CLASSES: tuple[str, ...] = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
    "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee",
    "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard",
    "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
    "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
    "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors", "teddy bear",
    "hair drier", "toothbrush"
)
# fmt: on


MOST_CHARACTERS = 100
"""Of the name of a class."""


def normalized_name(name: str) -> str:
    """A name of a class from outside, as it is used everywhere: on one line, printable, and of limited length."""
    return shortened(printable(name[: 10 * MOST_CHARACTERS]), MOST_CHARACTERS)


def names_for(count: int) -> tuple[str, ...]:
    """Names for a model without any: COCO's if the count is COCO's, else `class 0`, `class 1`, ..."""
    return COCO_CLASSES if count == len(COCO_CLASSES) else tuple(f"class {i}" for i in range(count))


def labels_of(names: Sequence[str], class_names: Sequence[str]) -> tuple[int, ...]:
    """The labels of some of a model's classes.

    Args:
        names: of classes.
        class_names: of the model, in the order of the labels.

    Raises:
        GridRTError: a name is none of the model's.
    """
    for name in names:
        if name not in class_names:
            near = difflib.get_close_matches(name, class_names, n=1)
            known = f"Did you mean {near[0]!r}?" if near else f"It has {', '.join(class_names)}."
            raise GridRTError("the model has no class of this name", place="`classes`", value=name, remedy=known)
    return tuple(label for label, name in enumerate(class_names) if name in names)


def read_class_names(source: str) -> tuple[str, ...]:
    """Class names in a text file with one a line, or in a list such as `cat,dog`.

    Raises:
        GridRTError: the file is missing, or is not a text.
    """
    path = Path(source)
    is_file = os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises on a name too long
    if not is_file and ("," in source or not path.suffix):
        return tuple(map(normalized_name, source.split(",")))
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise GridRTError("cannot read the class names", place=path, value=error) from error
    return tuple(normalized_name(line) for line in lines if line.strip())
