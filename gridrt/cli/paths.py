"""Types of the parameters that are paths: each says whether the verb reads from there or writes there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from gridrt.errors import GridRTError
from gridrt.files import check_is_file


class InputPath(click.Path):
    """A file that a verb reads; one that is missing is refused before anything heavy is imported."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's signature
        """The path."""
        if not (ctx and ctx.resilient_parsing):
            self.check(Path(value))
        return super().convert(value, param, ctx)

    def check(self, path: Path) -> None:
        """Refuse what is not a file."""
        check_is_file(path, GridRTError)


class InputFolder(InputPath):
    """A folder that a verb reads; one that is missing is refused likewise."""

    def check(self, path: Path) -> None:
        """Refuse what is not a folder."""
        if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises on a name too long
            value = "a file" if os.path.isfile(path) else "nothing there"  # noqa: PTH113 - the same
            raise GridRTError("this must be a folder", place=path, value=value, remedy="Check the path.")


class InputName(click.ParamType):  # type: ignore[type-arg]  # generic in later versions
    """A text that may be the path of a file that a verb reads, or something else: a name, a list, a pattern."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401, ARG002 - click's signature
        """The text."""
        return str(value)


class InputModel(InputName):
    """A model file, or the name of weights; a file that is missing is refused as `InputPath` refuses it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401 - click's signature
        """The text."""
        from gridrt.model.zoo import NAMES, PATH_OR_NAME

        if not (ctx and ctx.resilient_parsing) and value not in NAMES:
            check_is_file(Path(value), GridRTError, PATH_OR_NAME)
        return super().convert(value, param, ctx)


class OutputPath(click.Path):
    """A file that a verb writes."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)


class OutputFolder(OutputPath):
    """A folder that a verb writes files into."""


INPUT, INPUT_FOLDER, NAME, MODEL = InputPath(), InputFolder(), InputName(), InputModel()
OUTPUT, OUTPUT_FOLDER = OutputPath(), OutputFolder()


def check_working_folder() -> None:
    """Refuse to work in a folder that was deleted meanwhile, from which no relative path leads anywhere.

    Raises:
        GridRTError: it was.
    """
    try:
        os.getcwd()  # noqa: PTH109 - raises as Path.cwd does
    except FileNotFoundError as error:
        remedy = "Change to a folder that is there."
        raise GridRTError("the working folder is missing", value="deleted", remedy=remedy) from error
