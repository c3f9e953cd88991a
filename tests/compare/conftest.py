"""A trained detector, its graph, an image, and its stages on that image in PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto

from gridrt.data.synthetic.scene import draw_scene
from gridrt.data.transform import Batch, Transform
from gridrt.model.checkpoint import load_model
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.zoo import locate
from gridrt.runtime.pytorch.stage_runner import TorchStages
from gridrt.runtime.stage_runner import Trace, run_stages

SCALE = (320, 256)


@pytest.fixture(scope="session")
def trained() -> GridRCNN:
    return load_model(locate("tiny_synthetic"))


@pytest.fixture(scope="session")
def graph(tiny_synthetic_file: Path) -> ModelProto:
    """To be copied, not changed."""
    return onnx.load(tiny_synthetic_file)


@pytest.fixture(scope="session")
def batch() -> Batch:
    return Transform(SCALE)([draw_scene(np.random.default_rng(0), 256, 320).image])


@pytest.fixture(scope="session")
def torch_stages(trained: GridRCNN) -> TorchStages:
    return TorchStages(trained)


@pytest.fixture(scope="session")
def reference(torch_stages: TorchStages, batch: Batch) -> Trace:
    return run_stages(torch_stages, batch)
