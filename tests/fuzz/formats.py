"""The formats that come from outside: for each a small valid file of our own, and what reads it.

A reader returns what a user would be shown or what would be written from it, so that a damaged file can be told from a
sound one by its result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from gridrt.api import inspect, load_model, open_detector
from gridrt.calib.cache import CalibrationCache, Key, read_cache, write_cache
from gridrt.calib.observers import Observer
from gridrt.calib.recipe import load_recipe, recipe_text
from gridrt.data.coco import CocoDataset
from gridrt.files import sha256_of
from gridrt.model.checkpoint import weights_sha256
from gridrt.model.zoo import SHIPPED
from gridrt.train.state import Progress, TrainingState, load_state, save_state
from tests.calib.small_detector import picture, small_recipe, write_detector
from tests.datasets import write_dataset
from tests.fuzz.mutate import Mutation, change_json, change_onnx, change_toml, cut, flip, repeat


@dataclass(frozen=True)
class Format:
    """A format and how it is damaged.

    Attributes:
        write: writes a valid file into a folder, and returns it.
        read: reads a file beside those that `write` left; raises GridRTError where it is not sound.
        mutations: kinds of damage.
    """

    write: Callable[[Path], Path]
    read: Callable[[Path], object]
    mutations: Sequence[Mutation]


KEY = Key("0" * 64, (64, 32), ("relu", "conv"))
IMAGES = ("a" * 64, "b" * 64)
BYTES = (flip, cut, repeat)


def _graph(folder: Path) -> Path:
    return write_detector(folder / "a.onnx")


def _detections(path: Path) -> object:
    found = open_detector(path, threads=1)([picture(150)])[0]
    return inspect(path).lines()[3:5], found.boxes.round(3).tolist(), found.scores.round(4).tolist()


def _checkpoint(folder: Path) -> Path:
    path = folder / "a.pth"
    path.write_bytes(SHIPPED["tiny_synthetic"].read_bytes())
    return path


def _model(path: Path) -> object:
    model = load_model(path)
    return model.class_names, model.scale, weights_sha256(model)


def _engine(folder: Path) -> Path:
    """The manifest; its engine is beside it."""
    engine = folder / "a.engine"
    engine.write_bytes(b"ftrt engine")
    shapes = [[1, 32, 32, 3], [1, 64, 64, 3], [2, 96, 96, 3]]
    manifest = {
        "gridrt": "0.1",
        "engine": {"file": "a.engine", "sha256": sha256_of(engine), "bytes": 11},
        "graph": {"file": "a.onnx", "sha256": "0" * 64, "metadata": {"gridrt.classes": '["cat"]'}},
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
    path = folder / "a.engine.json"
    path.write_text(json.dumps(manifest))
    return path


def _engine_lines(path: Path) -> object:
    return inspect(path.with_suffix("")).lines()[1:]


def _recipe(folder: Path) -> Path:
    path = folder / "own.toml"
    path.write_text(recipe_text(small_recipe()))
    return path


def _cache(folder: Path) -> Path:
    observers = {name: Observer(name) for name in KEY.names}
    observers["relu"].see(np.linspace(0, 3, 100, dtype=np.float32))
    observers["conv"].see(np.linspace(-2, 1, 100, dtype=np.float32))
    write_cache(folder / "c.npz", CalibrationCache(KEY, observers, list(IMAGES), 3))
    return folder / "c.npz"


def _observed(path: Path) -> object:
    state = read_cache(path, KEY, IMAGES)
    return state.seen, state.detections, [(one.low, one.high, one.counts.tolist()) for one in state.observers.values()]


def _state(folder: Path) -> Path:
    momentum = {"optimizer": {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]}}
    recorded = {"records": 3, "lr": 0.1}
    state = TrainingState(
        Progress(2, 5, 25, 0.5, 61.5), ("cat",), {"lr": 0.1}, {"w": torch.ones(3)}, momentum, recorded
    )
    save_state(folder / "state.pth", state)
    return folder / "state.pth"


def _restored(path: Path) -> object:
    state = load_state(path)
    return asdict(state.progress), state.class_names, dict(state.settings), state.model["w"].tolist()


def _annotations(folder: Path) -> Path:
    write_dataset(folder)
    return folder / "annotations.json"


def _truth(path: Path) -> object:
    dataset = CocoDataset(path.parent, path)
    objects = [dataset.objects(index).boxes.tolist() for index in range(len(dataset))]
    return dataset.class_names, [asdict(image) for image in dataset.images], objects


FORMATS = {
    "graph": Format(_graph, _detections, (*BYTES, change_onnx)),
    "checkpoint": Format(_checkpoint, _model, BYTES),
    "manifest": Format(_engine, _engine_lines, (*BYTES, change_json)),
    "recipe": Format(_recipe, lambda path: load_recipe(path).rules, (*BYTES, change_toml)),
    "calibration cache": Format(_cache, _observed, BYTES),
    "training state": Format(_state, _restored, BYTES),
    "annotations": Format(_annotations, _truth, (*BYTES, change_json)),
}
