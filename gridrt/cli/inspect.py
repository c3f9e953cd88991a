"""`gridrt inspect`: what a checkpoint, an ONNX file or an engine holds."""

from __future__ import annotations

import dataclasses
import json

import click

from gridrt.cli import options, paths
from gridrt.cli.messages import say


@click.command("inspect")
@click.argument("file", type=paths.MODEL)
@click.option("as_json", "--json", is_flag=True, help="Print the same facts as JSON.")
@options.trust_checkpoint
def command(*, file: str, as_json: bool, trust_checkpoint: bool) -> None:
    """Show what FILE holds: a checkpoint, the name of one (r50, tiny_bccd, ...), an ONNX file, or an engine."""
    from gridrt.api import inspect

    summary = inspect(file, trust_checkpoint=trust_checkpoint)
    say(json.dumps(dataclasses.asdict(summary), indent=2) if as_json else "\n".join(summary.lines()))
