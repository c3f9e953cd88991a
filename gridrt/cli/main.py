"""`gridrt`: the verbs, and the one place that turns an error into a line and an exit status."""

from __future__ import annotations

import difflib
import errno
import importlib
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click

import gridrt
from gridrt.cli import exit_codes
from gridrt.cli.messages import UserError, brief, discard_stdout, show_warning
from gridrt.cli.paths import check_working_folder
from gridrt.cli.signals import interrupting_signals
from gridrt.errors import GridRTError

VERBS: Mapping[str, str] = {
    "export": "Turn a checkpoint into one ONNX file.",
    "detect": "Find objects in images and videos.",
    "calibrate": "Find ranges on real images, and write a graph in INT8.",
    "build-engine": "Build a TensorRT engine, in FP32, FP16 or INT8.",
    "train": "Train a detector on annotated images.",
    "compare": "Find the first stage at which two models differ.",
    "evaluate": "Measure average precision on annotated images.",
    "bench": "Measure models side by side: AP, latency, size.",
    "triton": "Serve a detector with Triton, and check what it answers.",
    "inspect": "Show what a checkpoint, an ONNX file or an engine holds.",
    "doctor": "Show what this machine can run, and what to install.",
    "demo": "Export and evaluate from end to end, with weights that ship.",
}


class VerbGroup(click.Group):
    """A group whose verbs live in `gridrt.cli.<verb>`, as `command`, and are imported only when called.

    `build-engine` is in `gridrt.cli.build_engine`.

    Args:
        verbs: each verb's one-line help, in the order of the list.
        settings: arguments of `click.Group`.
    """

    def __init__(self, *, verbs: Mapping[str, str], **settings: Any) -> None:  # noqa: ANN401 - passed on to click
        super().__init__(**settings)
        self.verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The verbs, for completion in a shell."""
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        """Import the verb's module."""
        if cmd_name not in self.verbs:
            return None
        command: click.Command = importlib.import_module(f"gridrt.cli.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuse an unknown verb, and suggest the nearest known one."""
        if args[0] not in self.verbs and not ctx.resilient_parsing:
            near = difflib.get_close_matches(args[0], self.verbs, n=1)
            ctx.fail(f"no such verb: {args[0]!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - the same
        """List the verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(self.verbs.items()))

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run the verb; warnings and `GridRTError`s become one line each, other exceptions keep their traceback."""
        with interrupting_signals() as received:
            try:
                check_working_folder()
                with warnings.catch_warnings():
                    warnings.showwarning = show_warning
                    return super().invoke(ctx)
            except OSError as error:
                if error.errno != errno.ENOSPC or error.filename is not None:
                    raise
                discard_stdout()
                raise UserError(f"cannot write to stdout: {error.strerror}") from error
            except GridRTError as error:
                raise UserError(brief(error)) from error
            except KeyboardInterrupt:
                with suppress(OSError):  # the terminal may be gone
                    click.echo("interrupted", err=True)
                ctx.exit(exit_codes.of_interruption(received))
            except click.exceptions.Exit as ended:
                if ended.exit_code == exit_codes.INTERRUPTED:  # the verb has kept what was done so far
                    ctx.exit(exit_codes.of_interruption(received))
                raise
            except RuntimeError as error:  # behind click's Exit, which is one
                if "can't start new thread" not in str(error):
                    raise
                raise UserError("cannot start a thread: too little memory, or too many processes") from error


@click.group(
    "gridrt",
    cls=VerbGroup,
    verbs=VERBS,
    subcommand_metavar="VERB [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="gridrt VERB --help lists the options of a verb.",
)
@click.version_option(gridrt.__version__, prog_name="gridrt")
@click.option("--debug", is_flag=True, help="Show errors and warnings whole, however long.")
def cli(*, debug: bool) -> None:
    """Grid R-CNN detectors in the fastest form that still has their accuracy."""
