"""Options that several verbs share."""

from __future__ import annotations

import click

model = click.option(
    "--model",
    metavar="MODEL",
    help="Checkpoint, ONNX file, TensorRT engine or name such as r50; else the only one in the current folder, the "
    "graph of the only checkpoint, or an engine where nothing else lies.",
)
scale = click.option(
    "--scale",
    type=click.IntRange(min=1),
    nargs=2,
    metavar="LONG SHORT",
    help="Most pixels on the long and on the short side of a resized image. "
    "[default: what the model learned from, as its file notes; else 1333 800]",
)
threads = click.option(
    "--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads. [default: the runtime's choice]"
)
trust_checkpoint = click.option(
    "--trust-checkpoint", is_flag=True, help="Unpickle any class a checkpoint names; it can run code."
)
