"""Command-line options of a setting, and the file for its figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import click

from benchmarks.setting import Setting
from gridrt.files import check_writable
from gridrt.model.presets import PRESETS

Command: TypeAlias = Callable[..., Any]

COUNT = click.IntRange(min=1)


def setting_options(committed: Setting) -> Callable[[Command], Command]:
    """Options for every part of a setting; the defaults are those of the committed figures."""
    options = (
        click.option("--variant", type=click.Choice(list(PRESETS)), default=committed.variant, help="Preset."),
        click.option(
            "--scale", type=COUNT, nargs=2, metavar="LONG SHORT", default=committed.scale, help="Size of the image."
        ),
        click.option("--threads", type=COUNT, default=committed.threads, help="CPU threads of each side."),
        click.option("--warm-up", type=COUNT, default=committed.warm_up, help="Untimed runs."),
        click.option("--runs", type=COUNT, default=committed.runs, help="Timed runs."),
    )

    def with_options(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return with_options


def out_option(result: Path) -> Callable[[Command], Command]:
    """Where figures go."""
    return click.option(
        "--out",
        type=click.Path(path_type=Path),
        show_default=f"benchmarks/results/{result.name}, for the other defaults alone",
        help="JSON file to write.",
    )


def result_file(out: Path | None, result: Path, *, is_committed: bool) -> Path:
    """The file to write: `out`, or without it `result` if the setting is the committed one.

    Raises:
        UsageError: `out` is not given, and the setting is another.
        OutputError: it cannot be written.
    """
    if out is None and not is_committed:
        raise click.UsageError(f"{result.name} holds figures of the default settings: name another file with --out.")
    out = out or result
    check_writable(out)
    return out
