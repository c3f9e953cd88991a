"""Engines, and stand-ins for a GPU."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

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
