"""Images per second of `gridrt detect`, beside the session alone and beside an older build, and its memory.

python -m benchmarks.throughput --images DIR --old PATH/TO/gridrt --out throughput.json
"""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from benchmarks.cpu_memory import resident_mebibytes
from gridrt import api
from gridrt.data.image import save_image
from gridrt.data.transform import batch_of
from gridrt.detector import Detector
from gridrt.files import check_writable, sha256_of, write_text
from gridrt.machine.conditions import machine
from gridrt.runtime.backend import Session
from gridrt.runtime.info import ModelInfo
from gridrt.types import Int32Array, RawDetections, UInt8Array

RESULT = Path(__file__).parent / "results" / "throughput.json"
INSTANT_SIZE = (480, 640)
MEMORY_EVERY = 0.2
"""Seconds from one look at the memory to the next."""


@dataclass
class InstantSession:
    """Finds one object in every image, at once."""

    info: ModelInfo

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:  # noqa: ARG002 - a session's signature
        """A box of ten pixels for each image."""
        count = len(image_sizes)
        boxes = np.tile(np.array([0, 0, 10, 10], np.float32), (count, 1, 1))
        return RawDetections(boxes, np.ones((count, 1), np.float32), np.zeros((count, 1), np.int32))


@click.command(context_settings={"show_default": True})
@click.option("--images", type=click.Path(path_type=Path, exists=True), required=True, help="Folder of real images.")
@click.option("--model", type=str, default="tiny_bccd.onnx", help="The fastest file for this machine.")
@click.option("--backend", type=str, default="auto", help="What runs it.")
@click.option("--count", type=click.IntRange(min=1), default=500, help="Images of (a), (c) and (d), repeated at need.")
@click.option("--instant", type=click.IntRange(min=1), default=500, help="Images of (b).")
@click.option("--memory", type=click.IntRange(min=1), default=5000, help="Images of the curve of memory.")
@click.option("--rounds", type=click.IntRange(min=1), default=3, help="Interleaved; the median counts.")
@click.option("--batch", type=click.IntRange(min=1), help="As of gridrt detect.")
@click.option("--workers", type=click.IntRange(min=1), help="As of gridrt detect.")
@click.option("--old", type=click.Path(path_type=Path), help="The command gridrt of an older build, for (c) and (d).")
@click.option("--old-model", type=str, help="The model of the older build in (d), where its fastest is another.")
@click.option("--out", type=click.Path(path_type=Path), default=RESULT, help="JSON file to write.")
def command(**options: Any) -> None:  # noqa: ANN401 - those of measure
    """Measure (a) detect beside the bare session, (b) with a session that costs nothing, (c) and (d) an older build."""
    check_writable(options["out"])
    with TemporaryDirectory() as name:
        folder = Path(name)
        figures = measure(folder, **{key: value for key, value in options.items() if key != "out"})
    model_sha256 = sha256_of(options["model"]) if Path(options["model"]).exists() else None
    asked = {key: str(value) if isinstance(value, Path) else value for key, value in options.items()}
    conditions = {**machine(), **asked, "model_sha256": model_sha256}
    write_text(options["out"], json.dumps({"figures": figures, "conditions": conditions}, indent=2) + "\n")
    click.echo(f"Written to {options['out']}")


def measure(  # noqa: PLR0913 - the options
    folder: Path,
    *,
    images: Path,
    model: str,
    backend: str,
    count: int,
    instant: int,
    memory: int,
    rounds: int,
    batch: int | None,
    workers: int | None,
    old: Path | None,
    old_model: str | None,
) -> Mapping[str, Any]:
    """All figures, told as they come."""
    files = linked(sorted(images.rglob("*.jp*g")), folder / "images", count)
    detector = api.open_detector(model, backend=backend)
    ours = {"batch": batch, "workers": workers}
    figures: dict[str, Any] = {}
    sides: dict[str, Callable[[], float]] = {
        "bare session": lambda: bare(detector, files),
        "detect --no-draw": lambda: detected(detector, files, folder, **ours),
    }
    figures["a"] = compared("a", sides, rounds, count)
    fast = Detector(InstantSession(detector.info), (1333, 800))
    synthetic = noise(folder / "noise", instant)
    sides = {"detect --jsonl, the session returns at once": lambda: detected(fast, synthetic, folder, **ours)}
    figures["b"] = compared("b", sides, rounds, instant)
    if old is not None:
        ours_drawn = run_of([sys.executable, "-m", "gridrt"], model, backend, folder)
        sides = {"older build": run_of([str(old)], model, backend, folder), "this build": ours_drawn}
        figures["c"] = compared("c", sides, rounds, count)
        sides = {"older build": run_of([str(old)], old_model or model, "auto", folder), "this build": ours_drawn}
        figures["d"] = compared("d", sides, rounds, count)
    figures["memory"] = memory_curve(fast, linked(synthetic, folder / "many", memory), folder, **ours)
    click.echo(f"memory: MiB above the start, {figures['memory']}")
    return figures


def linked(files: Sequence[Path], folder: Path, count: int) -> list[Path]:
    """So many links to the files, repeated where there are fewer."""
    folder.mkdir()
    links = []
    for number, file in enumerate(itertools.islice(itertools.cycle(files), count)):
        links.append(folder / f"{number:06}{file.suffix}")
        links[-1].symlink_to(file.resolve())
    return links


def noise(folder: Path, count: int) -> list[Path]:
    """JPEG files of 640x480 with the detail of a photograph: noise that is smooth over some pixels."""
    random = np.random.default_rng(0)
    written = []
    for number in range(min(count, 50)):
        coarse = random.integers(0, 256, (INSTANT_SIZE[0] // 8, INSTANT_SIZE[1] // 8, 3))
        fine = random.integers(-12, 13, (*INSTANT_SIZE, 3))
        pixels = (np.repeat(np.repeat(coarse, 8, 0), 8, 1) + fine).clip(0, 255).astype(np.uint8)
        written.append(folder / f"{number:06}.jpg")
        save_image(written[-1], pixels)
    return linked(written, folder / "all", count)


def bare(detector: Detector, files: Sequence[Path]) -> float:
    """Seconds of the session alone, on images that are ready."""
    session: Session = detector._session  # noqa: SLF001 - timed without what is around it
    total = 0.0
    for file in files:
        batch = batch_of([detector.prepare(detector.load_image(file))])
        began = time.perf_counter()
        session.run(batch.images, batch.image_sizes)
        total += time.perf_counter() - began
    return total


def detected(detector: Detector, files: Sequence[Path], folder: Path, **ours: Any) -> float:  # noqa: ANN401
    """Seconds from the files to JSON lines, without copies."""
    began = time.perf_counter()
    for _ in api.detect_files(detector, files, None, json_lines=folder / "found.jsonl", **ours):
        pass
    return time.perf_counter() - began


def run_of(program: Sequence[str], model: str, backend: str, folder: Path) -> Callable[[], float]:
    """What runs `gridrt detect` with copies and a JSON list, as a process, and gives its seconds."""
    arguments = ["detect", str(folder / "images"), "--model", str(Path(model).resolve()), "--backend", backend]
    outputs = ["--out", str(folder / "drawn"), "--json", str(folder / "found.json")]

    def run() -> float:
        began = time.perf_counter()
        subprocess.run([*program, *arguments, *outputs], check=True, capture_output=True)  # noqa: S603 - ours
        return time.perf_counter() - began

    return run


def compared(part: str, sides: Mapping[str, Callable[[], float]], rounds: int, count: int) -> Mapping[str, float]:
    """Images per second of each side, by the median of interleaved rounds after one that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, run in sides.items():
            taken = run()
            if number > 0:
                seconds[name].append(taken)
    rates = {name: count / statistics.median(times) for name, times in seconds.items()}
    first = next(iter(rates.values()))
    for name, rate in rates.items():
        click.echo(f"({part}) {name:<48}{rate:8.1f} images/s {rate / first:6.2f} of the first")
    return rates


def memory_curve(detector: Detector, files: Sequence[Path], folder: Path, **ours: Any) -> Sequence[float]:  # noqa: ANN401
    """MiB above those at the start, at ten moments of a run."""
    start, seen, ended = resident_mebibytes(), list[float](), threading.Event()

    def watch() -> None:
        while not ended.wait(MEMORY_EVERY):
            seen.append(resident_mebibytes() - start)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        detected(detector, files, folder, **ours)
    finally:
        ended.set()
        watcher.join()
    return [round(seen[len(seen) * part // 10], 1) for part in range(10)] if seen else []


if __name__ == "__main__":
    command()
