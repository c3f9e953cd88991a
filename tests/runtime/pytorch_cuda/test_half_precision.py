"""Which layers run in half precision, and what becomes of the detections."""

from __future__ import annotations

import copy
from collections.abc import Callable
from fnmatch import fnmatchcase

import numpy as np
import pytest
import torch
from torch import nn

from gridrt.calib.recipe import load_recipe
from gridrt.detector import Detector
from gridrt.model.checkpoint import load_model
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.presets import build
from gridrt.runtime.pytorch.session import TorchSession
from gridrt.runtime.pytorch_cuda.half_precision import halve
from gridrt.types import UInt8Array
from tests.half_precision import assert_errors_of_half_precision, with_coarse_weights


def planned(layer: str) -> torch.dtype:
    """What the recipe says: the last rule that matches decides."""
    rules = [rule.precision for rule in load_recipe("fp16").rules if fnmatchcase(layer, rule.nodes)]
    return torch.float16 if rules and rules[-1] == "fp16" else torch.float32


@pytest.mark.parametrize("variant", ["tiny", "r50"])
def test_layers_have_the_precision_that_the_recipe_gives_them(variant: str) -> None:
    with torch.device("meta"):
        model = build(variant)
    halve(model)
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
    found = {name: layer.weight.dtype for name, layer in model.named_modules() if isinstance(layer, kinds)}
    assert found == {name: planned(name) for name in found}
    assert model.normalize.mean.dtype == torch.float32


def test_the_same_objects_are_found(photo: Callable[[str], UInt8Array]) -> None:
    model, picture = load_model("tiny_synthetic"), photo("coffee")
    halved: GridRCNN = copy.deepcopy(model)
    halve(halved)
    models = (model, halved, with_coarse_weights(model))
    expected, found, coarse = (Detector(TorchSession(each, "cpu"))([picture])[0] for each in models)
    assert len(expected) > 10
    assert {part.dtype for part in (found.boxes, found.scores)} == {np.dtype(np.float32)}
    assert_errors_of_half_precision(expected, found, coarse)
