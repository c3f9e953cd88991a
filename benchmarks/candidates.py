"""What is timed: the same work by eager PyTorch, and by ONNX Runtime and OpenVINO in two precisions, on one image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

import onnx
import torch

from benchmarks.graph_parts import up_to_rpn
from benchmarks.photograph import filling, photograph
from gridrt.calib.observe import observable_session, observe
from gridrt.calib.range_methods import METHODS, ranges_of
from gridrt.calib.recipe import load_recipe
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.data.image import save_image
from gridrt.data.transform import Batch
from gridrt.graph.graph import load_graph
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime.backend import Session, open_session
from gridrt.runtime.in_memory import session_of_model
from gridrt.runtime.onnxruntime.profile import Feeds
from gridrt.runtime.onnxruntime.subgraph import SubgraphSession as OnnxRuntimeSubgraph
from gridrt.runtime.openvino.subgraph import SubgraphSession as OpenVinoSubgraph
from gridrt.types import RawDetections

T = TypeVar("T")

PYTORCH = "PyTorch"
ONNX_RUNTIME, ONNX_RUNTIME_INT8 = "ONNX Runtime", "ONNX Runtime INT8"
OPENVINO, OPENVINO_INT8 = "OpenVINO", "OpenVINO INT8"
CANDIDATES = (PYTORCH, ONNX_RUNTIME, ONNX_RUNTIME_INT8, OPENVINO, OPENVINO_INT8)

Calls: TypeAlias = Mapping[str, Callable[[], T]]


def photograph_batch(scale: tuple[int, int]) -> Batch:
    """A photograph that fills the scale."""
    return filling(photograph(), scale)


def feeds_of(batch: Batch) -> Feeds:
    """A batch as ONNX Runtime takes it."""
    return {"images": batch.images, "image_sizes": batch.image_sizes}


def int8_graph_of(graph: Path, batch: Batch, scale: tuple[int, int]) -> Path:
    """Beside `graph`, the same in INT8 for a CPU, with ranges of the one image that is timed."""
    image, target = graph.with_suffix(".png"), graph.with_suffix(".int8.onnx")
    height, width = batch.image_sizes[0]
    save_image(image, batch.images[0, :height, :width])
    loaded = load_graph(graph)
    observers = observe(loaded, observable_session(loaded), [image], scale, graph.with_suffix(".npz")).observers
    ranges = ranges_of(observers, METHODS["mse"])
    onnx.save(apply_recipe(loaded.model, load_recipe("int8"), TARGETS["cpu"], ranges), target)
    return target


def whole_calls(model: GridRCNN, graph: Path, int8_graph: Path, batch: Batch, threads: int) -> Calls[RawDetections]:
    """From the resized image to the boxes."""
    sessions: dict[str, Session] = {
        PYTORCH: session_of_model(model, "cpu", threads),
        ONNX_RUNTIME: open_session(graph, backend="onnxruntime", device="cpu", threads=threads),
        ONNX_RUNTIME_INT8: open_session(int8_graph, backend="onnxruntime", device="cpu", threads=threads),
        OPENVINO: open_session(graph, backend="openvino", threads=threads),
        OPENVINO_INT8: open_session(int8_graph, backend="openvino", threads=threads),
    }
    return {name: partial(each.run, batch.images, batch.image_sizes) for name, each in sessions.items()}


def up_to_rpn_calls(model: GridRCNN, graph: Path, int8_graph: Path, batch: Batch, threads: int) -> Calls[object]:
    """From the resized image to the maps of the region proposal network: convolutions and nothing else."""
    images, image_sizes = torch.from_numpy(batch.images), torch.from_numpy(batch.image_sizes)
    by_torch = torch.inference_mode()(lambda: model.rpn(model.pyramid(images, image_sizes)))
    calls: dict[str, Callable[[], object]] = {PYTORCH: by_torch}
    feeds = feeds_of(batch)
    for name, whole in ((ONNX_RUNTIME, graph), (ONNX_RUNTIME_INT8, int8_graph)):
        calls[name] = partial(OnnxRuntimeSubgraph(up_to_rpn(whole), threads=threads).run, feeds)
    for name, whole in ((OPENVINO, graph), (OPENVINO_INT8, int8_graph)):
        calls[name] = partial(OpenVinoSubgraph(up_to_rpn(whole), threads=threads).run, feeds)
    return calls
