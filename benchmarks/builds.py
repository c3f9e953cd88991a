"""AP and speedups of two installed builds of GridRT, each with the artefacts that it makes itself.

    python -m benchmarks.builds OLD/bin/gridrt NEW/bin/gridrt

Both export and quantize `tiny_bccd`, then run `gridrt bench` interleaved, on its test set (in GRIDRT_DATA). The speedup
of an artefact is over the same build's PyTorch in the same bench; the median over the rounds is compared.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click

from benchmarks.side_by_side import link_set
from benchmarks.training_sets import SETS
from gridrt.files import check_writable, write_text
from gridrt.machine.conditions import machine

MODEL = "tiny_bccd"
ARTEFACTS = (MODEL, f"{MODEL}.onnx", f"{MODEL}.fp16.onnx", f"{MODEL}.int8.onnx", f"{MODEL}.int8.cpu.onnx")


@click.command
@click.argument("old", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("new", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Benches of each build.")
@click.option("--threads", type=click.IntRange(min=1), default=2, show_default=True, help="CPU threads.")
@click.option("--out", type=click.Path(path_type=Path), default=Path(__file__).parent / "results" / "builds.json")
def command(*, old: Path, new: Path, rounds: int, threads: int, out: Path) -> None:
    """Measure the gridrt of two environments, OLD and NEW, in interleaved runs."""
    check_writable(out)
    builds = {"old": old.absolute(), "new": new.absolute()}
    results: dict[str, list[dict[str, tuple[float, float]]]] = {name: [] for name in builds}
    with TemporaryDirectory() as folder:
        for name, gridrt in builds.items():
            make_artefacts(gridrt, Path(folder, name), threads)
        for number in range(rounds):
            # The order alternates, so that a drift of the machine's speed affects both.
            for name in list(builds)[:: 1 if number % 2 == 0 else -1]:
                results[name].append(bench(builds[name], Path(folder, name), threads))
    rows = {
        artefact: {
            name: {
                "ap": [figures[artefact][0] for figures in benches],
                "speedup": [figures[artefact][1] for figures in benches],
            }
            for name, benches in results.items()
        }
        for artefact in ARTEFACTS
    }
    conditions = {**machine(), "threads": threads, "rounds": rounds, "data": "BCCD test set, 72 images"}
    write_text(out, json.dumps({"conditions": conditions, "rows": rows}, indent=2) + "\n")
    for artefact, row in rows.items():
        old_ap, new_ap = (median(row[name]["ap"]) for name in builds)
        old_speedup, new_speedup = (median(row[name]["speedup"]) for name in builds)
        change = f"{old_speedup:.2f} -> {new_speedup:.2f} ({new_speedup / old_speedup - 1:+.1%})"
        click.echo(f"{artefact:24} AP {100 * old_ap:.2f} -> {100 * new_ap:.2f}, speedup {change}")


def make_artefacts(gridrt: Path, folder: Path, threads: int) -> None:
    """Export, FP16 and both INT8 forms of `MODEL` in `folder`, by one build."""
    folder.mkdir()
    data = SETS["bccd"]
    link_set(data, data.find(folder).resolve(), folder)
    graph = f"{MODEL}.onnx"
    run(gridrt, folder, "export", "--weights", MODEL)
    run(gridrt, folder, "build-engine", "--model", graph, "--fp16", "--onnx-only")
    for target in ("tensorrt", "cpu"):
        calibration = ("--images", "calibration", "--threads", str(threads), "--target", target)
        run(gridrt, folder, "calibrate", "--model", graph, *calibration)


def bench(gridrt: Path, folder: Path, threads: int) -> dict[str, tuple[float, float]]:
    """AP and speedup of the session by artefact, of one bench by one build."""
    data = ("--images", "images", "--annotations", "annotations.json")
    run(gridrt, folder, "bench", *ARTEFACTS, *data, "--threads", str(threads), "--json", "bench.json")
    rows = json.loads((folder / "bench.json").read_text())["rows"]
    return {row["artefact"]: (row["accuracy"]["overall"]["ap"], row["speed"]["speedup"]["session"]) for row in rows}


def run(gridrt: Path, folder: Path, *arguments: str) -> None:
    """A verb of one build: of its own environment, whatever PYTHONPATH holds."""
    click.echo(f"$ {gridrt} {' '.join(arguments)}")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([gridrt, *arguments], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - the caller's own


if __name__ == "__main__":
    command()
