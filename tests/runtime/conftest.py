"""Engines, and stand-ins for a GPU."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch

from gridrt.calib.affine import Range
from gridrt.calib.observe import observed_activations
from gridrt.calib.recipe import load_recipe
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.files import sha256_of
from tests.fake_cuda import FakeCuda, use_pycuda, use_torch


@pytest.fixture(params=["torch", "pycuda"])
def cuda(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    """A GPU that PyTorch can use, or PyCUDA alone."""
    found = FakeCuda()
    if request.param == "torch":
        use_torch(monkeypatch, found)
    else:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        use_pycuda(monkeypatch, found)
    return found


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes an engine with its manifest; what is given replaces a part of that."""

    def written(content: bytes = b"engine", **parts: object) -> Path:
        engine = tmp_path / "a.engine"
        engine.write_bytes(content)
        manifest = {
            "gridrt": "0",
            "engine": {"file": engine.name, "sha256": sha256_of(engine), "bytes": len(content)},
            "graph": {
                "file": "a.onnx",
                "sha256": "0" * 64,
                "metadata": {"gridrt.classes": '["cat", "dog"]', "gridrt.input": '{"scale": [96, 64]}'},
            },
            "runtime": {"name": "tensorrt", "version": "11.4.0", "packages": {}},
            "gpu": {"name": "a GPU", "compute_capability": "8.9"},
            "compute_capabilities": [],
            "plugins": {"adapter": "python", "version": 1},
            "profile": {"images": [[2, 32, 64, 3], [2, 64, 96, 3], [4, 96, 96, 3]]},
            "precision": {},
            "options": {"hardware": "none"},
            "warnings": [],
            "seconds": 1.0,
        }
        (tmp_path / "a.engine.json").write_text(json.dumps(manifest | parts))
        return engine

    return written


@pytest.fixture(scope="session")
def written(exported: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Writes `tiny` by a recipe for a target, with ranges that are made up."""
    folder = tmp_path_factory.mktemp("precisions")

    def by(recipe: str, target: str) -> Path:
        if recipe == "fp32":
            return exported("tiny")
        model = onnx.load(exported("tiny"))
        ranges = dict.fromkeys(observed_activations(model.graph), Range(-4.0, 4.0))
        path = folder / f"{recipe}.{target}.onnx"
        onnx.save(apply_recipe(model, load_recipe(recipe), TARGETS[target], ranges), path)
        return path

    return by
