"""Options of the verbs that rewrite a graph in other precisions."""

from __future__ import annotations

import click

from gridrt.cli import paths

METHODS = ("mse", "entropy", "percentile", "minmax")
TARGETS = ("tensorrt", "cpu")

method = click.option(
    "--method", type=click.Choice(METHODS), default=METHODS[0], show_default=True, help="How ranges are clipped."
)
target = click.option(
    "--target", type=click.Choice(TARGETS), default=TARGETS[0], show_default=True, help="The runtime to write for."
)
max_images = click.option(
    "--max-images",
    type=click.IntRange(min=1),
    metavar="N",
    default=200,
    show_default=True,
    help="Calibrate with at most so many images, evenly spaced.",
)
cache = click.option(
    "--cache", type=paths.OUTPUT, metavar="FILE", help="Keeps what was observed. [default: MODEL.calibration.npz]"
)
