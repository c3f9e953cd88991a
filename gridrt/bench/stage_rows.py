"""Where the time of an artefact goes, beside the least that this machine could take, for the rows of a result."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch

from gridrt.bench.artefact import ONNX, PYTORCH, Artefact
from gridrt.bench.floor import stage_floors
from gridrt.bench.limits import Limits, measured_int8_limits, measured_limits
from gridrt.bench.result import StageRow
from gridrt.bench.stage_times import stage_times
from gridrt.data.transform import Batch
from gridrt.model.presets import build
from gridrt.model.zoo import locate
from gridrt.runtime.graph_metadata import FLOAT
from gridrt.runtime.torch_session import TorchSession, device_named
from gridrt.types import Session

WARM_UP, RUNS = 1, 3
ENGINE_ROWS = 100
"""That the grid head of an engine works on, used or not."""


def stage_rows(artefact: Artefact, session: Session, batch: Batch, found: int, threads: int | None) -> list[StageRow]:
    """Time the stages in one image.

    Args:
        artefact: whose variant is known, or a checkpoint.
        session: of it.
        batch: of the one image.
        found: how many detections it has there: PyTorch and ONNX Runtime run the grid head on these alone.
        threads: CPU threads, from now on PyTorch's too, by which a CPU's limits are measured; None leaves the choice to
            the runtime.

    Raises:
        GridRTError: as `stage_times`.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    path, num_classes = locate(artefact.name), len(session.class_names)
    times = stage_times(session, path, batch.images, batch.image_sizes, threads=threads, warm_up=WARM_UP, runs=RUNS)
    variant = session.model.variant if isinstance(session, TorchSession) else str(artefact.variant)
    with torch.device("meta"):  # no memory, no numbers: only what it is made of
        proposals = build(variant, num_classes).rpn_head.proposals.max_proposals
    rows = max(found, 1) if artefact.format in {PYTORCH, ONNX} else ENGINE_ROWS
    limits = _limits(artefact, path, threads)
    shape = batch.images.shape
    floors = stage_floors(variant, num_classes, shape, limits, proposals=proposals, detections=rows)
    return [StageRow(name, seconds, floors[name].seconds or None) for name, seconds in times.seconds.items()]


def _limits(artefact: Artefact, path: Path, threads: int | None) -> Limits:
    """Of the device that ran it, in the type that it multiplies in; a CPU multiplies FP16 in FP32."""
    if artefact.format == PYTORCH:
        return measured_limits(device_named(None))
    if artefact.format == ONNX:
        return measured_int8_limits(threads) if _is_quantized(path) else measured_limits(torch.device("cpu"))
    return measured_limits(torch.device("cuda"), torch.float32 if artefact.precision == FLOAT else torch.float16)


def _is_quantized(path: Path) -> bool:
    nodes = onnx.load(path, load_external_data=False).graph.node
    return any(node.op_type == "DequantizeLinear" for node in nodes)
