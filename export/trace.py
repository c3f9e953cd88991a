"""From the model to an ONNX graph, by PyTorch's exporter."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from onnx import ModelProto

from gridrt.export.exportable import ExportableGridRCNN
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.plugins.function_text import OPSET

# Two images, of different sizes: a dimension that is 1 in the example would become a constant.
EXAMPLE_BATCH, EXAMPLE_HEIGHT, EXAMPLE_WIDTH = 2, 256, 320


def graph_from_model(model: GridRCNN) -> ModelProto:
    """Trace `model` as it is; batch, height and width stay dynamic."""
    from torch._dynamo import config as tracing

    images = torch.zeros(EXAMPLE_BATCH, EXAMPLE_HEIGHT, EXAMPLE_WIDTH, 3, dtype=torch.uint8)
    image_sizes = torch.tensor([[EXAMPLE_HEIGHT, EXAMPLE_WIDTH]] * EXAMPLE_BATCH, dtype=torch.int32)
    # With symbolic sizes, the cache of traced operators finds nothing again, and looking takes a third of the time.
    with _quiet_exporter(), tracing.patch(fake_tensor_cache_enabled=False):
        program = torch.onnx.export(
            ExportableGridRCNN(model).eval(),
            (images, image_sizes),
            input_names=["images", "image_sizes"],
            output_names=["boxes", "scores", "labels"],
            dynamic_shapes={"images": {0: "batch", 1: "height", 2: "width"}, "image_sizes": {0: "batch"}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("the exporter returned no program")
    return program.model_proto


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Hold back the exporter's messages about its internals and about packages that are not needed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
