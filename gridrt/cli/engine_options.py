"""Options of the verb that builds engines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from gridrt.cli import paths
from gridrt.cli.spans import Span

if TYPE_CHECKING:
    from gridrt.export.engine.options import EngineOptions

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--runtime",
        type=click.Choice(["auto", "tensorrt", "tensorrt-rtx"]),
        default="auto",
        show_default=True,
        help="auto: TensorRT where there is a GPU for it, else TensorRT for RTX, which builds without one.",
    ),
    click.option(
        "--plugins",
        type=click.Choice(["auto", "library", "python", "aot"]),
        default="auto",
        show_default=True,
        help="What makes the custom ops: the file that GRIDRT_PLUGIN_LIBRARY names, Python, or (ahead of time, in "
        "TensorRT 10.16 and later) kernels in the engine. auto: the library where one is named, else Python.",
    ),
    click.option(
        "--batch",
        type=Span("N", r"(\d+)"),
        metavar="N",
        default="1",
        show_default=True,
        help="Images at a time; 1..8 for a range.",
    ),
    click.option(
        "--size",
        type=Span("HxW", r"(\d+)x(\d+)"),
        metavar="HxW",
        help="Padded size of images, as 800x1344; 320x320..1344x1344 for a range. [default: all that the scale gives]",
    ),
    click.option(
        "compute_capabilities",
        "--compute-capability",
        type=click.Choice(["7.5", "8.0", "8.6", "8.9", "12.0", "12.1"]),
        multiple=True,
        help="GPUs to build for, ahead of time; once for each. [default: 8.0 and later]",
    ),
    click.option(
        "--hardware",
        type=click.Choice(["none", "ampere-plus", "same-compute-capability"]),
        default="none",
        show_default=True,
        help="Other GPUs that an engine of TensorRT shall run on.",
    ),
    click.option(
        "--timing-cache",
        type=paths.OUTPUT,
        metavar="FILE",
        help="Times that TensorRT measured: read, and extended.",
    ),
    click.option(
        "workspace_mib",
        "--workspace",
        type=click.IntRange(min=1),
        metavar="MIB",
        help="Most memory for intermediate results.",
    ),
    click.option("--refit", is_flag=True, help="Let the engine's weights be exchanged later."),
)


def engine(command: Command) -> Command:
    """All options that say what an engine is built for."""
    return reduce(lambda wrapped, option: option(wrapped), reversed(_OPTIONS), command)


OF_THE_BUILD = ("runtime", "plugins", "compute_capabilities", "hardware", "timing_cache", "workspace_mib", "refit")
"""Options that say nothing about the graph."""


def engine_options(chosen: dict[str, Any], scale: tuple[int, int]) -> EngineOptions:
    """What was chosen, for images of a scale.

    Raises:
        GridRTError: no batch is of the size that was asked for.
    """
    from gridrt.export.engine.options import EngineOptions
    from gridrt.export.engine.profile import profile_for

    capabilities = (capability.split(".") for capability in chosen["compute_capabilities"])
    names = ("runtime", "plugins", "workspace_mib", "timing_cache", "hardware", "refit")
    return EngineOptions(
        profile=profile_for(scale, chosen["batch"], chosen["size"]),
        compute_capabilities=tuple((int(major), int(minor)) for major, minor in capabilities),
        **{name: chosen[name] for name in names},
    )


def refuse_given(names: Iterable[str], reason: str) -> None:
    """Refuse options of the current command that would be ignored."""
    context = click.get_current_context()
    for option in context.command.params:
        if option.name in names and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option.opts[-1]} has no effect: {reason}")
