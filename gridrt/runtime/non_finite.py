"""Where the values of a detector stop being finite numbers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gridrt.data.transform import Batch
from gridrt.errors import GridRTError
from gridrt.runtime.backend import SessionOptions, choose_backend
from gridrt.runtime.stage_runner import Trace, run_stages
from gridrt.stages import Stage
from gridrt.types import Float32Array


def non_finite_stage(model: str | Path, backend: str, options: SessionOptions, batch: Batch) -> Stage | None:
    """Run a detector again, stage by stage, and find the first stage whose output is not finite.

    Args:
        model: as in `gridrt.runtime.open_session`.
        backend: the same.
        options: the same.
        batch: of one image.

    Returns:
        The stage; None where all outputs are finite, or where single stages cannot be run.
    """
    chosen, path = choose_backend(model, backend)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the file has been opened before, with the same warnings
            trace = run_stages(chosen.stage_runner(path, options), batch)
    except (GridRTError, RuntimeError):  # the latter of PyTorch, such as for want of memory
        return None
    return first_non_finite(trace)


def first_non_finite(trace: Trace) -> Stage | None:
    """The first stage whose output is NaN or infinite in the rows that are used; None where all are finite."""
    features, proposals = trace.features, trace.proposals
    selected, detections = (rows.labels >= 0 for rows in (trace.selected, trace.detections))
    outputs: Mapping[Stage, Sequence[Float32Array]] = {
        "input": [features.input],
        "backbone": features.backbone,
        "fpn": features.pyramid,
        "rpn": [*features.objectness, *features.deltas],
        "proposals": [proposals.boxes[proposals.used]],
        "box_head": [trace.scores],
        "detections": [trace.selected.boxes[selected], trace.selected.scores[selected]],
        "grid_head": [trace.heatmaps[: selected.sum()]],
        "decode": [trace.detections.boxes[detections], trace.detections.scores[detections]],
    }
    return next((stage for stage, arrays in outputs.items() if not are_finite(*arrays)), None)


def are_finite(*arrays: Float32Array) -> bool:
    """Whether all numbers of some arrays are finite."""
    return all(bool(np.isfinite(array).all()) for array in arrays)
