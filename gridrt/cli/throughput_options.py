"""Options on how many images run, and are read, at a time."""

from __future__ import annotations

import click

streams = click.option(
    "--streams",
    type=click.IntRange(min=1),
    metavar="N",
    help="Run each batch in N parts at the same time, each on its share of the threads, where the backend can: more "
    "images per second of large batches. [default: in one]",
)


def _sizes(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[int, ...]:
    parts = text.split(",") if text else []
    if not all(part.isdecimal() and int(part) for part in parts):
        raise click.BadParameter(f"{text!r} is not a list of sizes, such as 1,2,4,8.")
    return tuple(dict.fromkeys(map(int, parts)))


batches = click.option(
    "--batch",
    "batches",
    callback=_sizes,
    metavar="N,N,...",
    help="Also measure the images per second of sessions in batches of these sizes, of copies of the first image.",
)


batch = click.option(
    "--batch",
    type=click.IntRange(min=1),
    metavar="N",
    help="Most images in a batch; each keeps the canvas that it has alone. [default: 1 on a CPU, 8 on a GPU]",
)
workers = click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Threads that read images ahead of the model and write results behind it. [default: one for each CPU]",
)
