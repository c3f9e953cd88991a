"""Memory of a session on a CPU over images of many sizes, as GridRT opens it and as the library would by itself.

python -m benchmarks.cpu_memory --variant tiny --sizes 60 --out memory.json

A curve belongs to one process. A run that was interrupted goes on, with --resume, at the curve that it was in.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
import onnx
import onnxruntime

from gridrt.export.onnx_export import onnx_from_model, save_onnx
from gridrt.files import check_writable, write_text
from gridrt.machine.conditions import machine
from gridrt.model.presets import PRESETS
from gridrt.model.untrained import untrained_model
from gridrt.partial_file import PartialFile, partial_beside
from gridrt.runtime.backend import open_session
from gridrt.runtime.openvino import compile as openvino_compile
from gridrt.types import UInt8Array

RESULT = Path(__file__).parent / "results" / "cpu_memory.json"
STRIDE = 32
SHOWN = 10
"""Points of a curve that are printed."""
OPENVINO_DEFAULT = 5000
"""Kernels of each kind that OpenVINO keeps by itself."""

Run = Callable[[UInt8Array], object]


@dataclass(frozen=True)
class Curve:
    """Of one session, in the order of the runs.

    Attributes:
        mebibytes: resident, above those of the open session, after each new size.
        seconds_new: median of the runs at sizes not seen before.
        seconds_again: median of the runs at the last sizes, met again.
    """

    mebibytes: Sequence[float]
    seconds_new: float
    seconds_again: float


@click.command(context_settings={"show_default": True})
@click.option("--variant", type=click.Choice(list(PRESETS)), default="r50", help="Preset.")
@click.option("--sizes", type=click.IntRange(min=2), default=200, help="Sizes of images, all different.")
@click.option("--most", type=click.IntRange(min=64), nargs=2, default=(1344, 800), help="Pixels, long and short side.")
@click.option("--threads", type=click.IntRange(min=1), default=2, help="CPU threads.")
@click.option("--resume", is_flag=True, help="Go on after the curves of an interrupted run.")
@click.option("--out", type=click.Path(path_type=Path), default=RESULT, help="JSON file to write.")
def command(*, variant: str, sizes: int, most: tuple[int, int], threads: int, resume: bool, out: Path) -> None:
    """Run untrained weights on noise of many sizes, and print how the memory of each session grows."""
    check_writable(out)
    conditions = {**machine(), "variant": variant, "sizes": distinct_shapes(sizes, most), "threads": threads}
    partial = PartialFile(partial_beside(out), conditions, resume=resume)
    curves = {each["name"]: Curve(**each["curve"]) for each in partial.records}
    with TemporaryDirectory() as folder:
        graph = Path(folder, f"{variant}.onnx")
        save_onnx(onnx_from_model(untrained_model(variant).eval(), "0" * 64), graph)
        for name in OPENERS:
            if name not in curves:
                with ProcessPoolExecutor(1, get_context("spawn")) as process:
                    curves[name] = process.submit(curve, name, graph, conditions["sizes"], threads).result()
                partial.append({"name": name, "curve": asdict(curves[name])})
            click.echo(line(name, curves[name]))
    found = {name: asdict(each) for name, each in curves.items()}
    write_text(out, json.dumps({"curves": found, "conditions": conditions}, indent=2) + "\n")
    partial.finish()
    click.echo(f"Written to {out}")


def distinct_shapes(count: int, most: tuple[int, int]) -> list[tuple[int, int]]:
    """Heights and widths, multiples of the coarsest stride, in a fixed random order.

    Raises:
        UsageError: there are not so many.
    """
    width, height = (side // STRIDE for side in most)
    possible = [(STRIDE * row, STRIDE * column) for row in range(2, height + 1) for column in range(2, width + 1)]
    if count > len(possible):
        raise click.UsageError(f"There are only {len(possible)} sizes of at most {most[0]} x {most[1]} pixels.")
    order = np.random.default_rng(0).permutation(len(possible))[:count]
    return [possible[index] for index in order]


def curve(name: str, graph: Path, shapes: Sequence[tuple[int, int]], threads: int) -> Curve:
    """Open a session in this process, and run one image of each shape."""
    run = OPENERS[name](graph, threads)
    random = np.random.default_rng(0)
    start, grown, seconds = resident_mebibytes(), [], []
    for height, width in (*shapes, *shapes[-SHOWN:]):
        image = random.integers(0, 255, (1, height, width, 3), np.uint8)
        began = time.perf_counter()
        run(image)
        seconds.append(time.perf_counter() - began)
        grown.append(resident_mebibytes() - start)
    again = float(np.median(seconds[len(shapes) :]))
    return Curve(grown[: len(shapes)], float(np.median(seconds[: len(shapes)][-SHOWN:])), again)


def resident_mebibytes() -> float:
    """Of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def line(name: str, grown: Curve) -> str:
    """A curve at a few points."""
    last = len(grown.mebibytes)
    points = sorted({round(last * part / SHOWN) for part in range(1, SHOWN + 1)} - {0})
    along = " ".join(f"{point}:{grown.mebibytes[point - 1]:.0f}" for point in points)
    return f"{name:<32}MiB after sizes {along}; s new {grown.seconds_new:.3f}, again {grown.seconds_again:.3f}"


def _by_gridrt(backend: str, graph: Path, threads: int) -> Run:
    session = open_session(graph, backend=backend, device="cpu", threads=threads)
    return lambda images: session.run(images, _sizes(images))


def _onnxruntime_by_itself(graph: Path, threads: int) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": images, "image_sizes": _sizes(images)})


def _openvino_by_itself(graph: Path, threads: int) -> Run:
    openvino_compile.KERNELS = OPENVINO_DEFAULT  # in this process alone
    request = openvino_compile.compiled_graph(onnx.load(graph), threads=threads).create_infer_request()
    return lambda images: request.infer({"images": images, "image_sizes": _sizes(images)})


def _sizes(images: UInt8Array) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.array([images.shape[1:3]], np.int32)


OPENERS: Mapping[str, Callable[[Path, int], Run]] = {
    "ONNX Runtime by itself": _onnxruntime_by_itself,
    "ONNX Runtime by GridRT": lambda graph, threads: _by_gridrt("onnxruntime", graph, threads),
    "OpenVINO by itself": _openvino_by_itself,
    "OpenVINO by GridRT": lambda graph, threads: _by_gridrt("openvino", graph, threads),
}


if __name__ == "__main__":
    command()
