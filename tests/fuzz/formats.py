"""The formats that come from outside: for each a small valid file of our own, and the commands that read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import torch
from safetensors.torch import save_file

from gridrt.calib.recipe import recipe_text
from gridrt.cli.main import cli
from gridrt.data.image import save_image
from gridrt.data.synthetic import write_synthetic
from gridrt.files import sha256_of
from gridrt.model.checkpoint import load_model
from gridrt.model.checkpoint.fit import nearest_model
from gridrt.model.zoo import SHIPPED
from gridrt.partial_file import PartialFile
from tests.calib.small_detector import picture, small_recipe, write_detector, write_pictures, write_truth
from tests.fuzz.guard import STDOUT
from tests.fuzz.mutate import Mutation, change_json, change_json_lines, change_onnx, change_toml, cut, flip, repeat


@dataclass(frozen=True)
class Command:
    """A command that reads a file.

    Attributes:
        file: that is damaged.
        words: its arguments.
        results: the files that it writes and that are compared, `STDOUT` among them.
    """

    file: str
    words: Sequence[str]
    results: Sequence[str]


@dataclass(frozen=True)
class Format:
    """A format and how it is damaged.

    Attributes:
        write: writes valid files into the working folder, and what commands need beside them.
        commands: each damaged file is read by one of them.
        mutations: kinds of damage.
        is_covered: a checksum covers all that results are made of, so that none may change silently.
        warm_up: is called in the parent, where it may keep what children then need not make again.
    """

    write: Callable[[], object]
    commands: Sequence[Command]
    mutations: Sequence[Mutation]
    is_covered: bool = False
    warm_up: Callable[[], object] = lambda: None


BYTES = (flip, cut, repeat)
GRAPH, IMAGES, TRUTH, RECIPE = "a.onnx", "images", "truth.json", "own.toml"
DATA = ("--images", IMAGES, "--annotations", TRUTH, "--threads", "1")


def run(*words: str) -> None:
    """Run a command as `gridrt` does; it ends with SystemExit."""
    cli.main([*words], prog_name="gridrt")


def _detect(file: str, image: str, model: str, *more: str) -> Command:
    words = ("detect", image, "--model", model, "--threads", "1", "--json", "found.json", *more)
    return Command(file, words, ["found.json"])


def _inspect(file: str, model: str) -> Command:
    return Command(file, ("inspect", model), [STDOUT])


def _calibrate(file: str, *more: str) -> Command:
    data = ("--images", IMAGES, "--recipe", RECIPE, "--threads", "1", "--out", "int8.onnx")
    return Command(file, ("calibrate", GRAPH, *data, *more), ["int8.onnx"])


def _evaluate(file: str, *more: str) -> Command:
    outputs = ("found.json", "ap.json")
    words = ("evaluate", GRAPH, *DATA, "--results", outputs[0], "--json", outputs[1], *more)
    return Command(file, words, outputs)


def _write_graph() -> None:
    write_detector(Path(GRAPH))
    write_pictures(Path(IMAGES), 2)
    write_truth(Path(TRUTH), Path(IMAGES), Path(GRAPH))
    Path(RECIPE).write_text(recipe_text(small_recipe()))


def _write_checkpoints() -> None:
    Path("a.pth").write_bytes(SHIPPED["tiny_synthetic"].read_bytes())
    save_file(load_model("a.pth").state_dict(), "a.safetensors")
    write_synthetic(Path("synthetic"), train_images=1, val_images=0, size=(96, 64))


def _warm_up_checkpoints() -> None:
    """Compare with each variant, which keeps what it builds of them; the two that occur have so many classes."""
    for classes in (6, 80):
        nearest_model({"roi_head.bbox_head.fc_cls.weight": torch.empty(classes + 1, 1, device="meta")})


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
    run(*_CACHED.words)


def _write_state() -> None:
    write_synthetic(Path("synthetic"), train_images=2, val_images=0, size=(96, 64))
    run(*_TRAIN)


def _write_partial() -> None:
    """The partial file of a run that did not come to its end."""
    _write_graph()
    with patch.object(PartialFile, "finish"):
        run(*_evaluate(PARTIAL).words)


def _write_images() -> None:
    write_detector(Path(GRAPH))
    for suffix in IMAGE_SUFFIXES:
        save_image(Path(f"a{suffix}"), picture(150))


PARTIAL = "found.json.partial.jsonl"
IMAGE_SUFFIXES = (".bmp", ".jpg", ".png", ".tif", ".webp")
SYNTHETIC = ("synthetic/train/000001.png", "--scale", "96", "64", "--score-threshold", "0.05")
_CACHED = _calibrate("cache.npz", "--cache", "cache.npz")
_TRAIN = (
    "train", "--images", "synthetic/train", "--annotations", "synthetic/instances_train.json", "--model", "tiny",
    "--schedule", "short", "--scale", "96", "64", "--batch-size", "2", "--epochs", "1", "--threads", "1", "--workers",
    "0",
)  # fmt: skip

FORMATS = {
    "ONNX graph": Format(
        _write_graph,
        [
            _detect(GRAPH, "images/1.png", GRAPH),
            _detect(GRAPH, "images/1.png", GRAPH, "--backend", "openvino"),
            _calibrate(GRAPH),
            _evaluate(GRAPH),
            _inspect(GRAPH, GRAPH),
            Command(GRAPH, ("compare", GRAPH, GRAPH, "--images", "images/1.png", "--threads", "1"), [STDOUT]),
        ],
        (*BYTES, change_onnx),
    ),
    "checkpoint": Format(
        _write_checkpoints,
        [
            *(_inspect(file, file) for file in ("a.pth", "a.safetensors")),
            *(_detect(file, SYNTHETIC[0], file, *SYNTHETIC[1:]) for file in ("a.pth", "a.safetensors")),
        ],
        BYTES,
        warm_up=_warm_up_checkpoints,
    ),
    "manifest": Format(_write_engine, [_inspect("a.engine.json", "a.engine")], (*BYTES, change_json)),
    "recipe": Format(_write_graph, [_calibrate(RECIPE)], (*BYTES, change_toml)),
    "calibration cache": Format(_write_cache, [_CACHED], BYTES, is_covered=True),
    "training state": Format(
        _write_state,
        [Command("training/checkpoint.pth", (*_TRAIN, "--resume"), [STDOUT])],
        BYTES,
        warm_up=_warm_up_checkpoints,
    ),
    "annotations": Format(
        _write_graph, [_evaluate(TRUTH), _calibrate(TRUTH, "--annotations", TRUTH)], (*BYTES, change_json)
    ),
    "partial results": Format(
        _write_partial, [_evaluate(PARTIAL, "--resume")], (*BYTES, change_json_lines), is_covered=True
    ),
    "image": Format(_write_images, [_detect(f"a{suffix}", f"a{suffix}", GRAPH) for suffix in IMAGE_SUFFIXES], BYTES),
}
