"""Options of `gridrt detect` that name the files its detections are listed in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from gridrt.cli import paths

Command = TypeVar("Command", bound=Callable[..., Any])

STDOUT = Path("-")

_OPTIONS = (
    click.option(
        "json_file",
        "--json",
        type=paths.OUTPUT,
        metavar="FILE",
        help="Also list the detections here; - is stdout.",
    ),
    click.option(
        "json_lines",
        "--jsonl",
        type=paths.OUTPUT,
        metavar="FILE",
        help="Also write a line of JSON for each image, as they come; - is stdout.",
    ),
    click.option(
        "--coco-results", type=paths.OUTPUT, metavar="FILE", help="Also write the detections as COCO's results."
    ),
    click.option(
        "--coco-ids",
        type=paths.INPUT,
        metavar="FILE",
        help="COCO's JSON with the ids of images and categories for --coco-results. [default: numbers from 1, which "
        "NAME.images.json beside the results lists]",
    ),
    click.option(
        "parquet_file",
        "--parquet",
        type=paths.OUTPUT,
        metavar="FILE",
        help="Also write a Parquet file with a row for each image; needs pyarrow.",
    ),
)
LISTS = ("json_file", "json_lines", "coco_results", "parquet_file")


def lists(command: Command) -> Command:
    """The options of all lists."""
    return reduce(lambda wrapped, option: option(wrapped), reversed(_OPTIONS), command)


def targets_of(chosen: dict[str, Any]) -> tuple[list[Path], bool]:
    """The files that are asked for, and whether one of the lists goes to stdout, which `chosen` then has in its place.

    Raises:
        click.UsageError: two lists go to stdout.
    """
    to_stdout = [name for name in ("json_file", "json_lines") if chosen[name] == STDOUT]
    if len(to_stdout) > 1:
        raise click.UsageError("Only one of --json and --jsonl can go to stdout.")
    files = [chosen[name] for name in LISTS if chosen[name] is not None and name not in to_stdout]
    chosen.update(dict.fromkeys(to_stdout, sys.stdout))
    return files, bool(to_stdout)
