"""What is timed: the same work by eager PyTorch and by ONNX Runtime, on one picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

import torch
from torch import Tensor

from benchmarks.graph_parts import Feeds, cpu_session, cut_after_rpn
from benchmarks.photograph import photograph
from gridrt.data.transform import Batch, Transform
from gridrt.export.verify import cpu_sessions
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.types import RawDetections

T = TypeVar("T")

PYTORCH, ONNX_RUNTIME = "PyTorch", "ONNX Runtime"

Calls: TypeAlias = Mapping[str, Callable[[], T]]


def photograph_batch(scale: tuple[int, int]) -> Batch:
    """A photograph, cut to the shape of `scale` so that it fills it, and resized."""
    long, short = scale
    photo = photograph()
    height = round(photo.shape[1] * short / long)
    top = (photo.shape[0] - height) // 2
    return Transform(scale)([photo[top : top + height]])


def feeds_of(batch: Batch) -> Feeds:
    """A batch as ONNX Runtime takes it."""
    return {"images": batch.images, "image_sizes": batch.image_sizes}


def whole_calls(model: GridRCNN, graph: Path, batch: Batch, threads: int) -> Calls[RawDetections]:
    """From the resized picture to the boxes."""
    by_torch, by_onnxruntime = cpu_sessions(model, graph, threads)
    return {
        PYTORCH: partial(by_torch.run, batch.images, batch.image_sizes),
        ONNX_RUNTIME: partial(by_onnxruntime.run, batch.images, batch.image_sizes),
    }


def up_to_rpn_calls(model: GridRCNN, graph: Path, batch: Batch, threads: int) -> Calls[object]:
    """From the resized picture to the maps of the region proposal network: convolutions and nothing else."""
    part = graph.with_stem(f"{graph.stem}_up_to_rpn")
    cut_after_rpn(graph, part)
    session = cpu_session(part, threads)
    return {
        PYTORCH: partial(_rpn_maps, model, torch.from_numpy(batch.images), torch.from_numpy(batch.image_sizes)),
        ONNX_RUNTIME: partial(session.run, None, feeds_of(batch)),
    }


@torch.inference_mode()
def _rpn_maps(model: GridRCNN, images: Tensor, image_sizes: Tensor) -> list[tuple[Tensor, Tensor]]:
    maps: list[tuple[Tensor, Tensor]] = model.rpn_head(model.pyramid(images, image_sizes))
    return maps
