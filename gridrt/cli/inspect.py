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
    """Show what FILE holds, and what runs it.

    FILE is a checkpoint, the name of one (r50, tiny_bccd, ...), an ONNX file, or an engine.
    """
    from gridrt.api import inspect
    from gridrt.runtime.backend import SessionOptions, ways_to_run

    summary = inspect(file, trust_checkpoint=trust_checkpoint)
    ways = ways_to_run(file, SessionOptions(trust_checkpoint=trust_checkpoint))
    if as_json:
        say(json.dumps({**dataclasses.asdict(summary), "backends": ways}, indent=2))
        return
    say("\n".join(summary.lines()))
    for name, problem in ways.items():
        say(f"backend       {name}: {f'does not run here: {problem}' if problem else 'runs here'}")
