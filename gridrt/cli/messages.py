"""Errors and warnings as they are shown: one line each, of limited length."""

from __future__ import annotations

import os
import sys
from typing import IO, Any

import click

from gridrt.cli import exit_codes
from gridrt.cli.program import with_flags
from gridrt.printable import escaped, printable, shortened

MOST_CHARACTERS = 300
"""Of a line, unless all is asked for."""


class UserError(click.ClickException):
    """A `GridRTError` as click reports it, after the context of the command is gone."""

    exit_code = exit_codes.USER_ERROR

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it."""
        click.echo(f"error: {self.message}", file=file, err=True)


def say(text: object, *, err: bool = False) -> None:
    """Print lines in which names from outside, such as those of files, control no terminal."""
    click.echo("\n".join(map(escaped, str(text).split("\n"))), err=err)


def show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """One line, without the source line that Python's own adds; under `torchrun` from the first process only."""
    if os.environ.get("RANK", "0") == "0":
        click.echo(f"warning: {brief(message)}", err=True)


def brief(message: object) -> str:
    """A message as it is shown: printable, and without its middle if it is long, but for `gridrt --debug VERB`."""
    text, context = printable(with_flags(message)), click.get_current_context(silent=True)
    if len(text) <= MOST_CHARACTERS or (context is not None and context.find_root().params.get("debug")):
        return text
    hint = " [all of it: gridrt --debug VERB]"
    return shortened(text, MOST_CHARACTERS - len(hint)) + hint


def discard_stdout() -> None:
    """Drop what could not be written to stdout, which Python would try again at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
