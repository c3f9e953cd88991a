"""The commands of the docs, from weights that ship to `gridrt bench` of every artefact, on their own test set.

    python -m benchmarks.side_by_side bccd
    python -m benchmarks.side_by_side --table

The last prints what the first wrote as a table.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks.training_sets import SETS, TrainingSet
from gridrt.calib.images import spread
from gridrt.data.coco import CocoDataset
from gridrt.files import check_writable, write_bytes
from gridrt.report.bench_table import hundredths

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
CALIBRATION_IMAGES = 64
RUNS = ("", "_again")
"""Right after each other: the difference of their ratios shows how reproducible they are."""
# The budgets of the gates, in points: those of INT8, the loosest.
GATES = ("--max-ap-drop", "0.5")


@click.command
@click.argument("name", type=click.Choice(list(SETS)), required=False)
@click.option("--table", is_flag=True, help="Print the committed results.")
@click.option("--threads", type=click.IntRange(min=1), default=2, show_default=True, help="CPU threads of each.")
@click.option(
    "--work", type=click.Path(path_type=Path), default="trainings", show_default=True, help="Folder of synthetic sets."
)
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Also write the report here.")
def command(*, name: str | None, table: bool, threads: int, work: Path, html: Path | None) -> None:
    """Measure every artefact of a detector that ships beside PyTorch, on bccd (in GRIDRT_DATA) or synthetic."""
    if name is None and not table:
        raise click.UsageError("Name a set, or ask for the --table.")
    if name is not None:
        targets = [RESULTS / f"bench_{name}{run}.json" for run in RUNS]
        for target in targets:
            check_writable(target)
        with TemporaryDirectory() as folder:
            measure(name, Path(folder), work, threads)
            for run, target in zip(RUNS, targets, strict=True):
                write_bytes(target, (Path(folder) / f"bench{run}.json").read_bytes())
            if html is not None:
                write_bytes(html, (Path(folder) / "report.html").read_bytes())
        click.echo(f"Written to {', '.join(map(str, targets))}")
    click.echo("\n".join(lines(RESULTS)))


def measure(name: str, folder: Path, work: Path, threads: int) -> None:
    """Make the artefacts in `folder`, and `report.html` and the results of each of `RUNS`.

    Raises:
        subprocess.CalledProcessError: a command fails.
    """
    model, data = f"tiny_{name}", SETS[name]
    link_set(data, data.find(work).resolve(), folder)
    graph, calibrated = f"{model}.onnx", ("--images", "calibration", "--threads", str(threads))
    _gridrt(folder, "export", "--weights", model)
    _gridrt(folder, "build-engine", "--model", graph, "--fp16", "--onnx-only")
    for target in ("tensorrt", "cpu"):
        _gridrt(folder, "calibrate", "--model", graph, *calibrated, "--target", target)
    artefacts = (model, graph, f"{model}.fp16.onnx", f"{model}.int8.onnx", f"{model}.int8.cpu.onnx")
    where = ("--images", "images", "--annotations", "annotations.json", "--threads", str(threads))
    for run in RUNS:
        _gridrt(folder, "bench", *artefacts, *where, *GATES, "--json", f"bench{run}.json", "--html", "report.html")


def link_set(data: TrainingSet, root: Path, folder: Path) -> None:
    """Link the test set under names without a path of this machine, and some training images to calibrate on."""
    training = CocoDataset(root / data.train_images, root / data.train_annotations[0])
    (folder / "calibration").mkdir()
    for image in spread([training.path(index) for index in range(len(training))], CALIBRATION_IMAGES):
        (folder / "calibration" / image.name).symlink_to(image)
    (folder / "images").symlink_to(root / data.val_images)
    (folder / "annotations.json").symlink_to(root / data.val_annotations)


def _gridrt(folder: Path, *arguments: str) -> None:
    click.echo(f"$ gridrt {' '.join(arguments)}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-m", "gridrt", *arguments], cwd=folder, env=environment, check=True)  # noqa: S603 - all of it ours


def lines(results: Path) -> Iterator[str]:
    """The table in Markdown, of all sets that were measured: AP in points of 100 and its change, times in ms."""
    yield "| set | artefact | precision | MB | AP | AP90 | session p50, p95 | fps | speedup | whole detector p50 |"
    yield "| --- " * 10 + "|"
    for name in SETS:
        file = results / f"bench_{name}.json"
        for row in json.loads(file.read_text())["rows"] if file.exists() else ():
            overall, deltas, speed = row["accuracy"]["overall"], row["deltas"], row["speed"]
            precisions = (f"{hundredths(overall[key]):.2f} ({hundredths(deltas[key]):+.2f})" for key in ("ap", "ap90"))
            session, detector = (speed["latency"][part] for part in ("session", "detector"))
            times = f"{1000 * session['p50']:.1f}, {1000 * session['p95']:.1f} | {session['fps']:.1f}"
            what = f"`{row['artefact']}` | {row['precision']} | {row['bytes'] / 1e6:.1f}"
            speedup = f"{speed['speedup']['session']:.2f}"
            yield f"| {name} | {what} | {' | '.join(precisions)} | {times} | {speedup} | {1000 * detector['p50']:.1f} |"
    for name in SETS:
        if all((results / f"bench_{name}{run}.json").exists() for run in RUNS):
            percent = 100 * largest_change(results, name)
            yield f"{name}: a second run gave every speedup within {percent:.1f} % of the first."


def largest_change(results: Path, name: str) -> float:
    """The largest difference of a speedup between the two runs, as a share of it."""
    first, again = (
        {row["artefact"]: row["speed"]["speedup"] for row in json.loads(file.read_text())["rows"]}
        for file in (results / f"bench_{name}{run}.json" for run in RUNS)
    )
    pairs = ((again[artefact][part], ratio) for artefact, parts in first.items() for part, ratio in parts.items())
    return max(abs(float(second / ratio) - 1) for second, ratio in pairs)


if __name__ == "__main__":
    command()
