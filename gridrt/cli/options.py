"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

model = click.option(
    "--model",
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
backend = click.option(
    "--backend",
    metavar="NAME",
    default="auto",
    show_default=True,
    help="What runs the model, such as pytorch or onnxruntime; gridrt doctor lists them. auto: the first that is "
    "available and gives the reference's boxes.",
)
threads = click.option(
    "--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads. [default: the runtime's choice]"
)
trust_checkpoint = click.option(
    "--trust-checkpoint", is_flag=True, help="Unpickle any class a checkpoint names; it can run code."
)


def opening(command: Command) -> Command:
    """How a model is opened: the options of `gridrt.open_detector`."""
    return reduce(lambda wrapped, option: option(wrapped), (trust_checkpoint, threads, backend, scale), command)
