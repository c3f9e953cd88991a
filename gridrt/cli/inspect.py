"""`gridrt inspect`: tell what a checkpoint, an ONNX file or an engine holds."""

from __future__ import annotations

import dataclasses
import json

import click

from gridrt.cli import options


@click.command("inspect")
@click.argument("file")
@click.option("as_json", "--json", is_flag=True, help="Print the same facts as JSON.")
@options.trust_checkpoint
def command(*, file: str, as_json: bool, trust_checkpoint: bool) -> None:
    """Tell what FILE holds: a checkpoint, the name of one (r50, tiny_bccd, ...), an ONNX file, or an engine."""
    from gridrt.runtime.backend import SessionOptions, choose_backend, require_honoured

    backend, path = choose_backend(file)
    options_ = SessionOptions(trust_checkpoint=trust_checkpoint)
    require_honoured(backend, options_, file)
    summary = backend.summary(path, options_)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(summary), indent=2))
    else:
        click.echo("\n".join(summary.lines()))
