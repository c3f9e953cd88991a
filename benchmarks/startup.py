"""How long commands take that do next to nothing, by one installation and by another.

    python -m benchmarks.startup OLD/bin/gridrt NEW/bin/gridrt

Each command runs `RUNS` times in both, interleaved, in a temporary folder with one exported graph and one image; the
table has medians of wall time in milliseconds. The last rows take a `detect` apart, as the second installation imports,
reads, opens and runs it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click

RUNS = 7
MODEL, IMAGE, TRUTH = "tiny.onnx", "image.png", "truth.json"
DATA = ("--images", "images", "--annotations", TRUTH)
WRONG_PATHS = {
    "export": ("export", "none.pth"),
    "detect": ("detect", "none.png", "--model", "tiny_synthetic"),
    "calibrate": ("calibrate", "none.onnx", "--images", "images"),
    "build-engine": ("build-engine", "none.onnx"),
    "train": ("train", "--images", "images", "--annotations", "none.json"),
    "compare": ("compare", "none.onnx", MODEL),
    "evaluate": ("evaluate", "--model", "none.onnx", *DATA),
    "bench": ("bench", "none.onnx", *DATA),
    "inspect": ("inspect", "none.onnx"),
}
SOUND = {
    "--help": ("--help",),
    "inspect a graph": ("inspect", MODEL),
    "inspect a checkpoint": ("inspect", "tiny_synthetic"),
    "detect with a graph": ("detect", IMAGE, "--model", MODEL, "--threads", "1"),
}
PARTS = f"""
import json, sys, time
started = time.perf_counter()
import gridrt
from gridrt.detector import Detector
from gridrt.report.file_detections import FileDetections
from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession
moments = [time.perf_counter()]
from gridrt.graph.graph import load_graph
load_graph({MODEL!r})
moments.append(time.perf_counter())
detector = gridrt.open_detector({MODEL!r}, threads=1)
moments.append(time.perf_counter())
detector([gridrt.load_image({IMAGE!r})])
moments.append(time.perf_counter())
print(json.dumps([later - earlier for earlier, later in zip([started, *moments], moments)]))
"""
"""Times of importing, of reading the graph alone, of opening it, which reads it again, and of the first image."""


def main(old: str, new: str) -> None:
    """Print the table."""
    programs = [str(Path(program).absolute()) for program in (old, new)]
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        _prepare(programs[1])
        click.echo(f"{'ms, median of ' + str(RUNS):34}{'old':>8}{'new':>8}")
        for name, words in (*((f"wrong path: {verb}", words) for verb, words in WRONG_PATHS.items()), *SOUND.items()):
            click.echo(f"{name:34}" + "".join(f"{1000 * seconds:>8.0f}" for seconds in _medians(programs, words)))
        interpreter = str(Path(programs[1]).with_name("python"))
        parts = [json.loads(_output([interpreter, "-c", PARTS])) for _ in range(RUNS)]
        for name, seconds in zip(("imports", "load", "open", "run"), zip(*parts, strict=True), strict=True):
            click.echo(f"{'detect, ' + name:34}{'':8}{1000 * statistics.median(seconds):>8.0f}")


def _prepare(program: str) -> None:
    Path("images").mkdir()
    Path(TRUTH).write_text("{}")
    _output([program, "export", "tiny_synthetic", "--no-verify", "--out", MODEL])
    write = f"import numpy, gridrt.data.image as image; image.save_image(__import__('pathlib').Path({IMAGE!r}), "
    _output([str(Path(program).with_name("python")), "-c", f"{write}numpy.zeros((256, 320, 3), numpy.uint8))"])


def _medians(programs: Sequence[str], words: Sequence[str]) -> list[float]:
    """Seconds of a command by each program, in interleaved runs."""
    times: list[list[float]] = [[] for _ in programs]
    for _ in range(RUNS):
        for program, seconds in zip(programs, times, strict=True):
            started = time.perf_counter()
            subprocess.run([program, *words], capture_output=True, check=False)  # noqa: S603 - as given
            seconds.append(time.perf_counter() - started)
    return list(map(statistics.median, times))


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S603 - our own


if __name__ == "__main__":
    main(*sys.argv[1:])
