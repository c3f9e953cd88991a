"""Options of the verb that trains: what the detector starts from."""

from __future__ import annotations

import click

from gridrt.cli import paths

model = click.option("--model", help="The detector, such as tiny, r50 or r101. [default: that of --weights, or r50]")
weights = click.option(
    "--weights",
    type=paths.MODEL,
    metavar="FILE",
    help="Fine-tune this detector, a file or a name such as r50; layers of other classes start anew. [default: random]",
)
backbone_weights = click.option(
    "--backbone-weights",
    type=paths.MODEL,
    metavar="FILE",
    help="Start the backbone from these weights: a ResNet with torchvision's names, a detector, or a name such as r50. "
    "[default: random weights]",
)
frozen_stages = click.option(
    "--frozen-stages", type=click.IntRange(0, 4), help="Backbone stages that keep their weights. [default: the model's]"
)
