"""`gridrt triton`: a model repository for the Triton Inference Server, and a proof that it answers as `detect` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridrt.cli import options, paths
from gridrt.cli.messages import say
from gridrt.cli.program import command_line
from gridrt.formatting import format_count

if TYPE_CHECKING:
    from gridrt.serving.triton.check import TritonCheck


@click.command("triton")
@options.model_argument("--model")
@click.option("--out", type=paths.OUTPUT_FOLDER, metavar="REPOSITORY", help="Model repository to write into.")
@click.option(
    "--check",
    "urls",
    multiple=True,
    metavar="URL",
    help="Server to check, such as http://localhost:8000 or grpc://localhost:8001; repeat it for both protocols.",
)
@click.option("--images", type=paths.INPUT_FOLDER, metavar="DIR", help="Images to check with.")
@click.option("--name", metavar="NAME", help="Of the model in Triton. [default: the file's, without its suffix]")
@click.option(
    "--max-batch", type=click.IntRange(1), default=8, show_default=True, metavar="N", help="Images in a batch."
)
@click.option(
    "--max-delay",
    type=click.IntRange(0),
    default=2000,
    show_default=True,
    metavar="MICROSECONDS",
    help="Longest time that a request waits for others to run with.",
)
@click.option(
    "--instances",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Copies that run side by side: of the front, and on each device of the model behind it.",
)
@click.option(
    "--in-process", is_flag=True, help="Let the front run the model, also where Triton has a back end for it."
)
@click.option("--triton-version", metavar="RELEASE", help="Of the server, such as 25.12. [default: the newest known]")
@options.scale
@options.backend
@options.threads
def command(
    *,
    model: str | None,
    out: Path | None,
    urls: tuple[str, ...],
    images: Path | None,
    name: str | None,
    **chosen: Any,  # noqa: ANN401 - of the function
) -> None:
    """Write a model repository for the Triton Inference Server, or check a running server.

    With --out, MODEL is written as the next version of its name, behind a front that takes image files or pixels of any
    sizes and gives boxes in their pixels. Without MODEL the only model in the current folder is taken. Triton's own
    back ends run ONNX files and engines with a plugin library; the front runs all others itself. The server's Python
    must have gridrt: its bin folder comes first in PATH.

    With --check and --images, the images are sent, and the answers must equal those of gridrt detect.
    """
    from gridrt.api import check_triton, write_triton_repository
    from gridrt.runtime import only_model_in

    if (out is None) == (not urls):
        raise click.UsageError("Give either --out REPOSITORY or --check URL.")
    if bool(urls) != (images is not None):
        raise click.UsageError("--check URL and --images DIR belong together.")
    model = model or str(only_model_in(Path(), chosen["backend"]))
    if images is not None:
        opening = {option: chosen[option] for option in ("scale", "backend", "threads")}
        for checked in check_triton(model, urls, images, name=name, **opening):
            say(_describe(checked))
    else:
        written = write_triton_repository(model, str(out), name=name, **chosen)
        say(
            f"version {written.version} of {' behind '.join(reversed(written.models))} in {out}, run by "
            f"{written.runs_on}. Start: {written.start}"
        )
        say(f"Next: {command_line('triton', model, '--check', 'http://localhost:8000', '--images', 'DIR')}")


def _describe(checked: TritonCheck) -> str:
    refused = f", {checked.refused} of them refused by both sides" if checked.refused else ""
    return (
        f"{checked.url}: the same {format_count(checked.detections, 'detection')} in "
        f"{format_count(checked.images, 'image')}{refused}, as files, as pixels and several in one request; largest "
        f"difference {checked.largest_box_error:.2g} px, {checked.largest_score_error:.2g} in score"
    )
