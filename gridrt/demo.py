"""What `gridrt demo` does: the images, the commands that a user would type, and a look at what they detect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from gridrt.api import open_detector
from gridrt.data.image import load_image, save_image
from gridrt.data.synthetic import CLASS_NAMES, write_split
from gridrt.formatting import format_count
from gridrt.report.draw import draw
from gridrt.report.sheet import sheet

MODEL = "tiny_synthetic"
INT8_GRAPH = f"{MODEL}.int8.cpu.onnx"
CALIBRATION_IMAGES = 32
SHEET_IMAGES, COLUMNS = 12, 4
SCORE_THRESHOLD = 0.5  # of the detections that are drawn
MAX_AP_DROP = 2  # points of 100; so few images leave AP uncertain
WITH_ENGINE = "An engine runs on a GPU: here its graph is measured, the file that it was built from."
WITHOUT_ENGINE = "No engine: TensorRT for RTX, which builds without a GPU, is not installed."


@dataclass(frozen=True)
class Step:
    """A command of the demo.

    Attributes:
        title: what it makes.
        command: verb and arguments.
        note: what a user should know of its result; empty for nothing.
    """

    title: str
    command: tuple[object, ...]
    note: str = ""


def write_images(out: Path, count: int) -> str:
    """Write `count` synthetic images to measure on, and others to calibrate on; returns what is where, in words.

    Raises:
        OutputError: the folder cannot be written.
    """
    write_split(out, "val", count)
    write_split(out, "train", CALIBRATION_IMAGES)
    what = f"{format_count(count, 'image')} of {', '.join(CLASS_NAMES)} in {out / 'val'} to measure on"
    return f"{what}, {CALIBRATION_IMAGES} in {out / 'train'} to calibrate on"


def steps(out: Path) -> Iterator[Step]:
    """What is done with the images of `write_images`."""
    graph, int8, engine = out / f"{MODEL}.onnx", out / INT8_GRAPH, out / f"{MODEL}.fp16.engine"
    yield Step("The checkpoint as one ONNX file", ("export", MODEL, "--out", graph))

    how = ("--images", out / "train", "--target", "cpu", "--out", int8, "--cache", out / "calibration.npz")
    yield Step("The same in INT8, for this CPU", ("calibrate", graph, *how))

    stop, note = ((), WITH_ENGINE) if find_spec("tensorrt_rtx") else (("--onnx-only",), WITHOUT_ENGINE)
    yield Step("The same in FP16, for TensorRT", ("build-engine", graph, "--fp16", *stop, "--out", engine), note)

    data = ("--images", out / "val", "--annotations", out / "instances_val.json", "--max-ap-drop", MAX_AP_DROP)
    beside = ("--backend", "openvino", "--backend", "onnxruntime")
    written = ("--json", out / "bench.json", "--html", out / "report.html")
    models = (MODEL, graph, engine.with_suffix(".onnx"), int8)
    yield Step("All of them beside PyTorch: accuracy and speed", ("bench", *models, *data, *beside, *written))

    yield Step("PyTorch and INT8, stage by stage", ("compare", MODEL, int8))


def save_detection_sheet(out: Path) -> Path:
    """Detect by INT8 in some of the images to measure on, and write them with their detections as one image.

    Returns:
        The image's file, in `out`.

    Raises:
        OutputError: it cannot be written.
    """
    detector = open_detector(out / INT8_GRAPH)
    drawn = []
    for image in map(load_image, sorted((out / "val").iterdir())[:SHEET_IMAGES]):
        found = detector([image])[0].above(SCORE_THRESHOLD)
        drawn.append(draw(image, found, detector.class_names))
    save_image(out / "detections.png", sheet(drawn, COLUMNS))
    return out / "detections.png"
