"""The formats that come from outside: for each a small valid file of our own, and the commands that read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridrt.calib.recipe import recipe_text
from gridrt.cli.main import cli
from gridrt.data.image import save_image
from gridrt.data.synthetic import write_synthetic
from gridrt.files import sha256_of
from gridrt.model.zoo import SHIPPED
from gridrt.partial_file import PartialFile
from tests.calib.small_detector import picture, small_recipe, write_detector, write_pictures, write_truth
from tests.fuzz.guard import STDOUT
from tests.fuzz.mutate import Mutation, change_json, change_json_lines, change_onnx, change_toml, cut, flip, repeat


@dataclass(frozen=True)
class Command:
    """A command that reads the file.

    Attributes:
        words: its arguments.
        results: the files that it writes and that are compared, `STDOUT` among them.
    """

    words: Sequence[str]
    results: Sequence[str]


@dataclass(frozen=True)
class Format:
    """A format and how it is damaged.

    Attributes:
        file: its name.
        write: writes a valid file of that name into the working folder, and what its commands need beside it.
        commands: each damaged file is read by one of them.
        mutations: kinds of damage.
        is_covered: a checksum covers all that the results are made of, so that none may change silently.
    """

    file: str
    write: Callable[[], object]
    commands: Sequence[Command]
    mutations: Sequence[Mutation]
    is_covered: bool = False


BYTES = (flip, cut, repeat)
GRAPH, IMAGES, TRUTH, RECIPE = "a.onnx", "images", "truth.json", "own.toml"
DATA = ("--images", IMAGES, "--annotations", TRUTH, "--threads", "1")


def run(*words: str) -> None:
    """Run a command as `gridrt` does; it ends with SystemExit."""
    cli.main([*words], prog_name="gridrt")


def _detect(model: str, *more: str, image: str = "images/1.png") -> Command:
    words = ("detect", image, "--model", model, "--threads", "1", "--json", "found.json", *more)
    return Command(words, ["found.json"])


def _calibrate(*more: str) -> Command:
    data = ("--images", IMAGES, "--recipe", RECIPE, "--threads", "1", "--out", "int8.onnx")
    return Command(("calibrate", GRAPH, *data, *more), ["int8.onnx"])


def _evaluate(*more: str) -> Command:
    return Command(("evaluate", GRAPH, *DATA, "--results", "found.json", "--json", "ap.json", *more), ["found.json", "ap.json"])


def _write_graph() -> None:
    write_detector(Path(GRAPH))
    write_pictures(Path(IMAGES), 2)
    write_truth(Path(TRUTH), Path(IMAGES), Path(GRAPH))
    Path(RECIPE).write_text(recipe_text(small_recipe()))


def _write_checkpoint() -> None:
    Path("a.pth").write_bytes(SHIPPED["tiny_synthetic"].read_bytes())
    write_synthetic(Path("synthetic"), train_images=1, val_images=0, size=(96, 64))


def _write_engine() -> None:
    """The manifest; its engine is beside it."""
    Path("a.engine").write_bytes(b"ftrt engine")
    shapes = [[1, 32, 32, 3], [1, 64, 64, 3], [2, 96, 96, 3]]
    manifest = {
        "gridrt": "0.1",
        "engine": {"file": "a.engine", "sha256": sha256_of("a.engine"), "bytes": 11},
        "graph": {"file": GRAPH, "sha256": "0" * 64, "metadata": {"gridrt.classes": '["cat"]'}},
        "runtime": {"name": "tensorrt", "version": "10.1", "packages": {}},
        "gpu": {"name": "H200", "compute_capability": "9.0", "driver": "580"},
        "compute_capabilities": [],
        "plugins": {"adapter": "python", "version": "1"},
        "profile": {"images": shapes, "image_sizes": [[1, 2], [1, 2], [2, 2]]},
        "precision": {"backbone": {"fp32": 10}},
        "options": {"hardware": "none", "refit": False},
        "warnings": [],
        "seconds": 1.5,
    }
    Path("a.engine.json").write_text(json.dumps(manifest))


def _write_cache() -> None:
    _write_graph()
    run(*_calibrate("--cache", "cache.npz").words)


def _write_state() -> None:
    write_synthetic(Path("synthetic"), train_images=2, val_images=0, size=(96, 64))
    run(*_TRAIN)


def _write_partial() -> None:
    """The partial file of a run that did not come to its end."""
    _write_graph()
    PartialFile.finish = lambda _: None  # type: ignore[method-assign]
    run(*_evaluate().words)


def _write_image(suffix: str) -> Callable[[], None]:
    def write() -> None:
        write_detector(Path(GRAPH))
        save_image(Path(f"a{suffix}"), picture(150))

    return write


def _image(suffix: str) -> Format:
    return Format(f"a{suffix}", _write_image(suffix), [_detect(GRAPH, image=f"a{suffix}")], BYTES)


_TRAIN = (
    "train", "--images", "synthetic/train", "--annotations", "synthetic/instances_train.json", "--model", "tiny",
    "--schedule", "short", "--scale", "96", "64", "--batch-size", "2", "--epochs", "1", "--threads", "1", "--workers",
    "0",
)  # fmt: skip

FORMATS = {
    "ONNX graph": Format(
        GRAPH,
        _write_graph,
        [
            _detect(GRAPH),
            _detect(GRAPH, "--backend", "openvino"),
            _calibrate(),
            _evaluate(),
            Command(("inspect", GRAPH), [STDOUT]),
            Command(("compare", GRAPH, GRAPH, "--images", "images/1.png", "--threads", "1"), [STDOUT]),
        ],
        (*BYTES, change_onnx),
    ),
    "checkpoint": Format(
        "a.pth",
        _write_checkpoint,
        [_detect("a.pth", image="synthetic/train/000001.png"), Command(("inspect", "a.pth"), [STDOUT])],
        BYTES,
    ),
    "manifest": Format("a.engine.json", _write_engine, [Command(("inspect", "a.engine"), [STDOUT])], (*BYTES, change_json)),
    "recipe": Format(RECIPE, _write_graph, [_calibrate()], (*BYTES, change_toml)),
    "calibration cache": Format("cache.npz", _write_cache, [_calibrate("--cache", "cache.npz")], BYTES, True),
    "training state": Format(
        "training/checkpoint.pth", _write_state, [Command((*_TRAIN, "--resume"), [STDOUT])], BYTES
    ),
    "annotations": Format(TRUTH, _write_graph, [_evaluate(), _calibrate("--annotations", TRUTH)], (*BYTES, change_json)),
    "partial results": Format(
        "found.json.partial.jsonl", _write_partial, [_evaluate("--resume")], (*BYTES, change_json_lines)
    ),
    "JPEG image": _image(".jpg"),
    "PNG image": _image(".png"),
    "TIFF image": _image(".tif"),
    "WebP image": _image(".webp"),
}
