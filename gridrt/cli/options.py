"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce, wraps
from typing import Any, TypeVar

import click

from gridrt.cli import paths

Command = TypeVar("Command", bound=Callable[..., Any])

model = click.option(
    "--model",
    type=paths.MODEL,
    metavar="MODEL",
    help="Checkpoint, ONNX file, TensorRT engine or name such as r50. [default: the only model in the current folder; "
    "of a checkpoint and its ONNX file, the ONNX file]",
)
scale = click.option(
    "--scale",
    type=click.IntRange(min=1),
    nargs=2,
    metavar="LONG SHORT",
    help="Most pixels on the long and on the short side of a resized image. "
    "[default: the scale that the model file notes, else 1333 800]",
)
first_images = click.option(
    "--max-images", type=click.IntRange(min=1), metavar="N", help="Measure on the first N images."
)
allow_missing = click.option(
    "--allow-missing", is_flag=True, help="Leave out images that are listed but not there, instead of refusing them."
)
device = click.option("--device", metavar="DEVICE", help="Such as cpu or cuda:1. [default: the backend's choice]")
backend = click.option(
    "--backend",
    metavar="NAME",
    default="auto",
    show_default=True,
    help="What runs the model, such as pytorch, onnxruntime or openvino; gridrt doctor lists them. auto: the first "
    "that is available and gives the reference's boxes.",
)
threads = click.option(
    "--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads. [default: as many as this process may use]"
)


def _tile_side(_context: click.Context, _option: click.Parameter, text: str | None) -> int | str | None:
    if text is None or text == "auto":
        return text
    if not text.isdecimal() or int(text) == 0:
        raise click.BadParameter(f"{text!r} is not a number of pixels; what follows --tile is its SIZE, or auto.")
    return int(text)


tile = click.option(
    "--tile",
    callback=_tile_side,
    is_flag=False,
    flag_value="auto",
    metavar="[SIZE]",
    help="Cut images into overlapping tiles with a side of SIZE pixels, and detect in each and, once, in the whole "
    "image. For large images, from some 3000 pixels a side, in which objects shrink too much when the image is resized "
    "to the scale. Choose SIZE so that objects fill as much of a tile as of the images that the model learned from. "
    "[SIZE, or auto: the short side of the scale]",
)
tile_overlap = click.option(
    "--tile-overlap",
    type=click.FloatRange(0, 0.9),
    metavar="SHARE",
    help="Least overlap of neighbouring tiles, as a share of SIZE. Objects larger than it may be cut in every tile. "
    "[default: 0.2]",
)
stretch = click.option(
    "--stretch",
    is_flag=True,
    help="Scale 16-bit gray images linearly, the smallest value of each to 0 and the largest to 255: for data of 10 to "
    "14 bits. [default: the high byte]",
)
trust_checkpoint = click.option(
    "--trust-checkpoint", is_flag=True, help="Unpickle any class a checkpoint names; it can run code."
)


def opening(command: Command) -> Command:
    """How a model is opened: the options of `gridrt.open_detector`."""
    options = (trust_checkpoint, stretch, tile_overlap, tile, device, threads, backend, scale)
    return reduce(lambda wrapped, option: option(wrapped), options, command)


def model_argument(flag: str, *, required: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The model as a command's argument `MODEL`, which the command takes as `model`: a text, or None.

    Args:
        flag: an option in its place, not listed in the help, for scripts written before there was the argument.
        required: refuse a command without a model.
    """

    def with_model(command: Callable[..., None]) -> Callable[..., None]:
        @click.argument("model", type=paths.MODEL, required=False, metavar="MODEL" if required else None)
        @click.option(flag, "flagged", type=paths.MODEL, hidden=True)
        @wraps(command)
        def wrapped(*, model: str | None, flagged: str | None, **others: Any) -> None:  # noqa: ANN401 - of the command
            if model is not None and flagged is not None:
                raise click.UsageError(f"The model is given twice: {model} and {flag} {flagged}.")
            if required and model is None and flagged is None:
                raise click.UsageError("Missing argument 'MODEL'.")
            command(model=flagged if model is None else model, **others)

        return wrapped

    return with_model
